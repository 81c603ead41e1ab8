"""BIND dies again and again (kill -9, seven times) until systemd gives it up: `start-limit-hit`. The killer is gone; nobody starts BIND."""

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
    at = lab.now()

    def given_up():
        if lab.unit("named") == "active":
            at_ = lab.kill("named")
            nonlocal at
            at = at_
        return lab.unit("named", "Result") == "start-limit-hit"

    wait_for("systemd gives it up", given_up, every=0.02)
    return at
