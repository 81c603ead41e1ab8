"""systemd restarts the killed nginx by itself, after ten seconds: Heinzel keeps its hands off and proves that it is well."""

from laboratory import entry, expect

RULE = "web.nginx-killed"
EXPECTED = "well"
SERVICES = ["nginx"]


def prepare(lab):
    lab.unit_with("nginx", "[Service]\nRestart=on-failure\nRestartSec=10")


def healthy(lab):
    return lab.http()


def fault(lab):
    return lab.kill("nginx")


def after(lab, incident, timeline):
    entry(timeline, "plan", "nothing to do; the checks decide")
    entry(timeline, "resolved", "well without a fix")
    expect(lab.unit("nginx", "NRestarts") == "1", "systemd restarted it once")
    expect(lab.told() == [], "nobody was woken", *lab.told())
