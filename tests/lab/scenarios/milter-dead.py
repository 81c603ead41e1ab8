"""OpenDKIM, a mail filter of Postfix, is stopped by mistake; Postfix puts every mail off."""

RULE = "mail.milter-*"
SERVICES = ["postfix", "opendkim"]
CHANGES = ["postfix@-.service"]
STEPS = ["systemctl start opendkim.service"]


def prepare(lab):
    lab.run("install", "-d", "-o", "opendkim", "/var/spool/postfix/opendkim")
    lab.sh("printf 'Socket local:/var/spool/postfix/opendkim/opendkim.sock\\nMode v\\nSyslog yes\\nUMask 000\\nUserID opendkim\\nPidFile /run/opendkim/opendkim.pid\\n' >/etc/opendkim.conf; systemctl restart opendkim")
    lab.sh("postconf -e smtpd_milters=unix:opendkim/opendkim.sock milter_default_action=tempfail smtpd_milter_maps=; systemctl restart postfix")


_SAY = "HELO a.example.org\\r\\nMAIL FROM:<a@example.org>\\r\\nRCPT TO:<kim@localhost>\\r\\nQUIT\\r\\n"


def healthy(lab):
    return "250 2.1.5" in lab.sh(f"(sleep 0.1; printf '{_SAY}') | timeout 3 nc -w 2 127.0.0.1 25", check=False)


def fault(lab):
    at = float(lab.sh("echo $EPOCHREALTIME; systemctl stop opendkim"))
    for _ in range(6):
        healthy(lab)
    return at
