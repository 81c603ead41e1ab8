"""Heinzel is killed with -9 in the middle of the repair. It comes back, does not repeat the step blindly, and proves that nginx is well."""

from container import wait_for
from laboratory import expect

QUICK = True
RULE = "web.nginx-killed"
SERVICES = ["nginx"]
STEPS = ["systemctl start nginx.service"]
CHANGES = ["/etc/systemd/system/nginx.service.d/lab.conf"]

def prepare(lab):
    lab.unit_with("nginx", "[Service]\nExecStartPre=/bin/sleep 3")

def healthy(lab):
    return lab.http()

def fault(lab):
    began = lab.kill("nginx")
    lab.is_("nginx", "activating")
    lab.kill("heinzel")

    wait_for("Heinzel is gone", lambda: lab.unit("heinzel.service") in ("inactive", "failed"))
    lab.start()
    return began

def after(lab, incident, timeline):
    expect(any(e["what"] == "step" and e["text"].startswith("unknown: ") for e in timeline), "the step's end is unknown", *timeline)
