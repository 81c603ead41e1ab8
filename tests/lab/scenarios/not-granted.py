"""nginx is killed, the rule may repair it by itself, but the operator has allowed no unit. The plan is refused and a person is told what to allow."""

from laboratory import entry, expect

RULE = "web.nginx-killed"
EXPECTED = "handed-over"
SERVICES = ["nginx"]
ALLOW = 'units = ["apache2.service"]'
QUICK = True


def fault(lab):
    return lab.kill("nginx")


def after(lab, incident, timeline):
    entry(timeline, "gate", "gate `allow-list` refused")
    entry(timeline, "needs-human", "`policy.allow.units`")
    expect(not lab.http(), "nginx is not touched")
