"""A service has a lasting error: it hits the start limit, is started once more, and hits it again. No second try; a person is told."""

RULE = "system.unit-start-limit-hit"
EXPECTED = "handed-over"
STEPS = ["systemctl reset-failed lab-shop.service", "systemctl start lab-shop.service"]
CHANGES = ["lab-shop.service"]


def prepare(lab):
    unit = "[Service]\nExecStart=/bin/sh -c 'sleep 0.1; exit 1'\nRestart=on-failure\nRestartSec=50ms\n"
    lab.write("/etc/systemd/system/lab-shop.service", unit)
    lab.run("systemctl", "daemon-reload")


def fault(lab):
    lab.run("systemctl", "start", "lab-shop", check=False)
