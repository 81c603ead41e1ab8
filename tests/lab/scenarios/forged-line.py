"""A user forges systemd's line about nginx's death (`logger -t systemd`) where rsyslog's file is read, which names no writer. nginx runs: nothing is to be done."""

RULE = "web.nginx-killed"
EXPECTED = "well"
SERVICES = ["nginx"]
SOURCES_ONLY = """\
[[source]]
name = "syslog"
kind = "file"
path = "/var/log/syslog"
format = "syslog"
"""


def healthy(lab):
    return lab.http()


def fault(lab):
    # No fault. The journal marks who wrote it, and is not fooled.
    for line in ("Main process exited, code=killed, status=9/KILL", "Failed with result 'signal'."):
        lab.run("runuser", "-u", "kim", "--", "logger", "-t", "systemd", f"nginx.service: {line}")
