"""All fixes are paused (`heinzel pause`) when nginx dies. The plan is held, over a restart too, until `resume`."""

from laboratory import entry, expect

RULE = "web.nginx-killed"
SERVICES = ["nginx"]
STEPS = ["systemctl start nginx.service"]


def fault(lab):
    lab.heinzel("pause", "--why", "migration")
    return lab.kill("nginx")


def then(lab):
    _, timeline = lab.becomes("held")
    entry(timeline, "gate", "gate `pause` holds: olga paused all fixes")
    lab.stop()
    lab.start()
    lab.read_so_far()
    expect(lab.steps() == [] and not lab.http(), "nothing is done while it is paused, and not by a restart")
    lab.heinzel("resume")


def after(lab, incident, timeline):
    expect(lab.http(), "nginx serves again")
