"""A fix that does not hold opens the breaker of its rule: the next fault is not touched, a person is told, and that gate is named."""

from container import wait_for
from laboratory import entry, expect

RULE = "web.nginx-killed"
EXPECTED = "handed-over"
SERVICES = ["nginx"]
STEPS = ["systemctl start nginx.service"]
POLICY = """\
[policy.breaker]
failures = "1/1d"
"""
_BROKEN = "/etc/nginx/conf.d/customer.conf"


def fault(lab):
    lab.write(_BROKEN, "no_such_directive on;\n")
    lab.kill("nginx")
    incident, _ = lab.becomes("handed-over")
    # A person repairs it, says so, and it dies once more.
    lab.run("rm", _BROKEN)
    lab.run("systemctl", "start", "nginx.service")
    lab.heinzel("incident", "resolve", str(incident["id"]))
    return lab.kill("nginx")


def then(lab):
    wait_for("it comes back", lambda: any(e["what"] == "gate" for e in lab.audit()))


def after(lab, incident, timeline):
    entry(timeline, "gate", "gate `breaker` refused")
    expect(not lab.http(), "nobody touches nginx any more")
