"""Somebody guesses SSH logins. Hosts see this all day: it is noted; blocking is fail2ban's work."""

RULE = "ssh.*|system.sshd-login-flood"
EXPECTED = "handed-over"
SERVICES = ["ssh"]
FAIL2BAN = """\
[sshd]
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
    guess = "timeout 4 ssh -b 127.0.0.9 -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ConnectTimeout=2"
    at = lab.now()
    lab.sh(f"for i in $(seq 1 30); do {guess} user$i@127.0.0.1 true & [ $((i % 5)) = 0 ] && wait; done; wait", check=False)
    return at
