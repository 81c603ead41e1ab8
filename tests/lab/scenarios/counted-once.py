"""Dovecot refuses four connections, and rsyslog writes that into two more files: that is four, and the rule waits for five."""

RULE = "mail.dovecot-connection-limit"
EXPECTED = "handed-over"
SERVICES = ["dovecot"]


def prepare(lab):
    lab.write("/etc/dovecot/conf.d/99-lab.conf", "protocol imap {\n  mail_max_userip_connections = 1\n}\n")
    lab.sh("touch /var/log/mail.log /var/log/syslog; systemctl restart dovecot")


def _refused(lab, times):
    # One that stays, and those that are too many.
    login = "(printf 'a LOGIN kim wonderland\\r\\n'; sleep 2) | timeout 5 nc -w 3 127.0.0.1 143"
    lab.sh(f"{login} >/dev/null & sleep 0.5; for i in $(seq {times}); do {login} >/dev/null & done; wait")


def fault(lab):
    _refused(lab, 4)
    lab.read_so_far()
    seen = [i["rule"] for i in lab.incidents() if i["rule"] != "lab.marker"]
    assert not seen, f"four are not five: {seen}"
    at = lab.now()
    _refused(lab, 1)
    return at
