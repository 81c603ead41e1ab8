"""The relay host refuses connections, and Postfix puts mail after mail off. A flush would not help while nobody listens there."""

from laboratory import expect

RULE = "mail.relay-unreachable"
EXPECTED = "handed-over"
SERVICES = ["postfix"]
STEPS = ["wait 1m", "wait 1m"]
CHANGES = ["postfix@-.service"]
PATIENCE = 150


def prepare(lab):
    lab.sh("postconf -e relayhost=[127.0.0.1]:2525 mydestination= minimal_backoff_time=600s; systemctl restart postfix")


def fault(lab):
    for number in range(60):
        lab.mail(f"customer{number}@example.org")


def after(lab, incident, timeline):
    expect("Connection refused" in lab.sh("mailq"), "the mail is kept")
