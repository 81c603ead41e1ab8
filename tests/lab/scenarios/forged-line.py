"""A user forges systemd's line about nginx's death in the system log (`logger -t systemd`). nginx runs: nothing is to be done."""

RULE = "web.nginx-killed"
EXPECTED = "well"
SERVICES = ["nginx"]


def healthy(lab):
    return lab.http()


def fault(lab):
    # No fault: the journal itself marks who wrote it, rsyslog's file does not.
    for line in ("Main process exited, code=killed, status=9/KILL", "Failed with result 'signal'."):
        lab.run("runuser", "-u", "kim", "--", "logger", "-t", "systemd", f"nginx.service: {line}")
