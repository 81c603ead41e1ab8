"""Two faults at once on one asset: nginx and Apache are killed in the same instant. One after the other is repaired."""

from laboratory import expect

RULE = "web.nginx-killed"
SERVICES = ["nginx", "apache2"]
STEPS = ["systemctl start nginx.service", "run apache2ctl configtest", "systemctl start apache2.service"]


def prepare(lab):
    # As many operators have it; Debian's own unit restarts Apache after SIGKILL.
    lab.unit_with("apache2", "[Service]\nRestart=no")


def healthy(lab):
    return lab.http() and lab.http(port=8080)


def fault(lab):
    pids = [lab.unit(unit, "MainPID") for unit in SERVICES]
    return float(lab.sh(f"echo $EPOCHREALTIME; kill -9 {' '.join(pids)}"))


def then(lab):
    lab.becomes("healed", rule="web.apache-killed", patience=120)


def after(lab, incident, timeline):
    expect(len(lab.incidents("web.nginx-killed|web.apache-killed")) == 2, "each is an incident of its own", *lab.incidents())
