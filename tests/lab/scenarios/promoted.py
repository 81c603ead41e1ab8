"""From observing to repairing: nginx dies and is observed, a person starts it and promotes the rule. The next death is repaired."""

from laboratory import entry, expect

RULE = "web.nginx-killed"
SERVICES = ["nginx"]
STEPS = ["systemctl start nginx.service"]
MODE = "observe"


def fault(lab):
    lab.kill("nginx")
    lab.becomes("observed")
    lab.is_("nginx", "failed")
    lab.run("systemctl", "start", "nginx.service")
    lab.heinzel("policy", "promote", RULE, "--to", "auto")
    return lab.kill("nginx")


def after(lab, incident, timeline):
    entry(timeline, "gate", "gate `mode` refused")
    expect([e["by"] for e in lab.audit() if e["what"] == "promoted"] == ["olga"], "the trail says who promoted")
    expect(lab.http(), "nginx serves again")
