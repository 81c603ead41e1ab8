"""nginx is killed and the policy asks: the plan waits for `heinzel approve`, a person is told, and it is carried out then."""

from container import wait_for
from laboratory import entry, expect, expect_order

RULE = "web.nginx-killed"
SERVICES = ["nginx"]
STEPS = ["systemctl start nginx.service"]
MODE = "approve"


def fault(lab):
    return lab.kill("nginx")


def then(lab):
    incident, timeline = lab.becomes("approval")
    entry(timeline, "gate", "gate `approval` asks for approval")
    message = wait_for("the web hook is told", lab.told)[0]
    expect(message["incident"] == incident["id"] and "heinzel approve" in message["reason"], "it says what to do", message)
    expect(message["steps"] == STEPS, "the message shows the plan", message)
    expect(lab.steps() == [] and not lab.http(), "nothing is done before the word")
    lab.heinzel("approve", str(incident["id"]))


def after(lab, incident, timeline):
    expect_order(timeline, "opened", "probe", "plan", "gate", "approved", "probe", "plan", "step", "verify", "resolved")
    expect(entry(timeline, "approved")["by"] == "olga", "the trail says who approved", *timeline)
    expect(lab.http(), "nginx serves again")
