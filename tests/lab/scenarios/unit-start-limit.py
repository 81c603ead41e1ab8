"""A customer's service starts before what it needs is there, fails five times, and systemd gives it up. What it needs comes a moment later."""

RULE = "system.unit-start-limit-hit"
SERVICES = []
STEPS = ["systemctl reset-failed lab-shop.service", "systemctl start lab-shop.service"]
CHANGES = ["lab-shop.service", "/srv/ready"]
QUICK = True


def prepare(lab):
    unit = "[Service]\nExecStart=/bin/sh -c 'test -e /srv/ready && exec sleep 3600; echo x >> /run/lab-tries; sleep 0.5; exit 1'\nRestart=on-failure\nRestartSec=50ms\n"
    lab.write("/etc/systemd/system/lab-shop.service", unit)
    lab.run("systemctl", "daemon-reload")


def fault(lab):
    # The last of five tries has looked and fails half a second later; what it needed is there by then.
    lab.sh("systemctl start lab-shop; until [ $(wc -l < /run/lab-tries) = 5 ]; do sleep 0.02; done; touch /srv/ready")
    return lab.now()
