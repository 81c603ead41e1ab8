"""nginx is killed and the policy only observes: the same is planned, and nothing is done."""

from laboratory import entry, expect

RULE = "web.nginx-killed"
EXPECTED = "observed"
SERVICES = ["nginx"]
MODE = "observe"
QUICK = True


def fault(lab):
    return lab.kill("nginx")


def after(lab, incident, timeline):
    entry(timeline, "plan", "systemctl start nginx.service")
    entry(timeline, "gate", "gate `mode` refused")
    expect(lab.unit("nginx.service") == "failed", "nginx stays dead")
    expect(not lab.http() and lab.told() == [], "nothing is done and nobody is woken", *lab.told())
