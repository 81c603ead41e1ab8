"""nginx is killed while its configuration is broken: it cannot start. The fix does not hold, and a person is told why."""

from container import wait_for
from laboratory import entry, expect

RULE = "web.nginx-killed"
EXPECTED = "handed-over"
SERVICES = ["nginx"]
STEPS = ["systemctl start nginx.service"]


def prepare(lab):
    lab.write("/etc/nginx/conf.d/customer.conf", "server { listen 8081; no_such_directive on; }\n")


def fault(lab):
    return lab.kill("nginx")


def after(lab, incident, timeline):
    failed = entry(timeline, "step", "failed: systemctl start nginx.service")
    expect("exit code 1" in failed["text"], "it says how systemctl ended", failed)
    message = wait_for("the web hook is told", lambda: [m for m in lab.told() if m["rule"] == RULE])[0]
    for key, value in {"incident": incident["id"], "severity": "critical", "steps": STEPS}.items():
        expect(message[key] == value, f"the message's `{key}` is {value}", message)
    expect(not lab.http(), "nginx is still dead")
