"""The relay host was away and Postfix has put off dozens of mails, the next try up to an hour away. The relay is back."""

RULE = "mail.relay-unreachable"
SERVICES = ["postfix"]
CHANGES = ["postfix@-.service"]
STEPS = ["run postqueue -f"]
ALLOW = 'commands = [["postqueue", "-f"], ["postqueue", "-p"], ["mailq"]]'


def prepare(lab):
    lab.sh("postconf -e relayhost=[127.0.0.1]:2525 mydestination= minimal_backoff_time=600s; systemctl restart postfix")


def healthy(lab):
    return "is empty" in lab.sh("mailq", check=False)


def fault(lab):
    # The relay is seen dead 49 times. The next mail is put off while it is already listening again.
    for number in range(60):
        lab.mail(f"customer{number}@example.org")
        if number == 52:
            lab.background("relay", "exec python3 /root/relay.py")
