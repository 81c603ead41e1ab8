"""A flapping service: nginx dies again right after it was repaired. The rest time refuses a second fix, and a person is told."""

from container import wait_for
from laboratory import entry, expect

RULE = "web.nginx-killed"
EXPECTED = "handed-over"
SERVICES = ["nginx"]
STEPS = ["systemctl start nginx.service"]
QUICK = True


def fault(lab):
    lab.kill("nginx")
    lab.becomes("healed")
    return lab.kill("nginx")


def after(lab, incident, timeline):
    expect(incident["reopened"] == 1, "it is the same incident, come back", incident)
    entry(timeline, "gate", "gate `cooldown` refused")
    message = wait_for("the web hook is told", lab.told)[0]
    expect("gate `cooldown` refused the fix" in message["reason"], "the message names the gate", message)
