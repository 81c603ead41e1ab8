"""nginx is killed while Heinzel itself is down. Heinzel comes back, reads what was written meanwhile, and repairs it."""

import time

RULE = "web.nginx-killed"
SERVICES = ["nginx"]
STEPS = ["systemctl start nginx.service"]
QUICK = True


def healthy(lab):
    return lab.http()


def fault(lab):
    lab.stop()
    lab.kill("nginx")
    lab.is_("nginx", "failed")
    began = time.time()  # of the time in which it could be repaired
    lab.start()
    return began
