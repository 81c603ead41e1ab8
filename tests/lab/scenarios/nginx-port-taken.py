"""A stray process takes port 80 while nginx is down for a moment; nginx cannot start."""

from laboratory import expect

RULE = "web.port-in-use"
EXPECTED = "handed-over"
SERVICES = ["nginx"]


def fault(lab):
    lab.run("systemctl", "stop", "nginx")
    lab.background("stray", "exec nc -lk 0.0.0.0 80")
    lab.sh("until ss -ltn | grep -q ':80 '; do sleep 0.05; done")
    return float(lab.sh("echo $EPOCHREALTIME; systemctl start nginx || true"))


def after(lab, incident, timeline):
    expect(lab.unit("lab-stray") == "active", "the other process lives: it may be somebody's service")
