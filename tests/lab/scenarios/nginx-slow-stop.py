"""nginx is killed and takes seconds to come to rest: the probe meets `deactivating`, and the start waits for its end."""

from laboratory import entry, expect

RULE = "web.nginx-killed"
SERVICES = ["nginx"]
STEPS = ["systemctl start nginx.service"]
CHANGES = ["/etc/systemd/system/nginx.service.d/lab.conf"]


def prepare(lab):
    lab.unit_with("nginx", "[Service]\nExecStopPost=/bin/sleep 3")


def healthy(lab):
    return lab.http()


def fault(lab):
    return lab.kill("nginx")


def after(lab, incident, timeline):
    entry(timeline, "probe", '"state":"deactivating"')
    # Systemd's second line comes seconds after the first, in the middle of the fix.
    expect(len(lab.incidents(RULE)) == 1, "one death is one incident", *lab.incidents(RULE))
