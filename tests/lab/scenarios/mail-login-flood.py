"""Somebody guesses mail passwords through IMAP."""

RULE = "mail.login-flood|mail.*login*|security.*"
EXPECTED = "handed-over"
SERVICES = ["dovecot"]
FAIL2BAN = """\
[dovecot]
enabled = true
backend = polling
maxretry = 5
findtime = 10m
"""


def healthy(lab):
    # The guesser is out: that is what healthy means here.
    return not lab.guessing or "127.0.0.9" in lab.sh("nft list ruleset", check=False)


def prepare(lab):
    lab.guessing = False
    lab.sh("touch /var/log/auth.log /var/log/mail.log")


def fault(lab):
    lab.guessing = True
    at = lab.now()
    guess = "printf 'a LOGIN user%s guess\\r\\nb LOGOUT\\r\\n' $i | timeout 6 nc -w 5 -s 127.0.0.9 127.0.0.1 143"
    lab.sh(f"for i in $(seq 1 60); do {guess} & [ $((i % 20)) = 0 ] && sleep 1; done; wait", check=False)
    return at
