"""Postfix's master is killed with -9; its PID file stays. No mail goes in or out."""

QUICK = True
RULE = "mail.postfix-start-failed"
SERVICES = ["postfix"]
CHANGES = ["postfix@-.service"]
STEPS = ["run postfix check", "systemctl start postfix@-.service"]
MONIT = """\
check process postfix with pidfile /var/spool/postfix/pid/master.pid
    start program = "/bin/systemctl start postfix@-"
    stop program = "/bin/systemctl stop postfix@-"
    if failed host 127.0.0.1 port 25 protocol smtp then restart
"""


def healthy(lab):
    return lab.speaks(25, "220 ", "QUIT\\r\\n")


def fault(lab):
    return float(lab.sh("echo $EPOCHREALTIME; kill -9 $(cat /var/spool/postfix/pid/master.pid)"))
