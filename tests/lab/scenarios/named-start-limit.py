"""BIND dies again and again (kill -9, six times) until systemd gives it up: `start-limit-hit`. The killer is gone; nobody starts BIND."""

from container import wait_for

RULE = "system.unit-start-limit-hit"
SERVICES = ["named"]
STEPS = ["systemctl reset-failed named.service", "systemctl start named.service"]
MONIT = """\
check process named with pidfile /run/named/named.pid
    start program = "/bin/systemctl start named"
    stop program = "/bin/systemctl stop named"
    if failed host 127.0.0.1 port 53 type udp protocol dns then restart
"""


def prepare(lab):
    lab.unit_with("named", "[Service]\nRestartSec=100ms\n[Unit]\nStartLimitIntervalSec=60\nStartLimitBurst=5")


def healthy(lab):
    return lab.true("dig", "+time=1", "+tries=1", "@127.0.0.1", "localhost")


def fault(lab):
    # One start and five restarts; it dies six times.
    for restarts in range(6):
        wait_for("BIND is up once more", lambda: lab.unit("named") == "active" and lab.unit("named", "NRestarts") == str(restarts))
        at = lab.kill("named")
    return at
