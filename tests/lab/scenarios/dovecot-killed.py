"""Dovecot's master is killed with -9; customers cannot read mail."""

QUICK = True
RULE = "mail.dovecot-*"
SERVICES = ["dovecot"]
STEPS = ["run doveconf -n", "systemctl start dovecot.service"]
CHANGES = ["dovecot.socket"]
MONIT = """\
check process dovecot with pidfile /run/dovecot/master.pid
    start program = "/bin/systemctl start dovecot"
    stop program = "/bin/systemctl stop dovecot"
    if failed host 127.0.0.1 port 143 protocol imap then restart
"""


def healthy(lab):
    return lab.speaks(143, "* OK", "a LOGOUT\\r\\n")


def fault(lab):
    return lab.kill("dovecot")
