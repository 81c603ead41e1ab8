"""The relay host was away and Postfix has put off dozens of mails, the next try up to an hour away. The relay is back."""

RULE = "mail.relay-unreachable"
SERVICES = ["postfix"]
CHANGES = ["postfix@-.service"]
STEPS = ["run postqueue -f"]


# A relay that takes every mail.
_RELAY = """\
import socketserver

class Relay(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"220 relay\\r\\n")
        data = False
        for line in self.rfile:
            word = line.strip().upper()
            if data:
                if word == b".":
                    data = False
                    self.wfile.write(b"250 taken\\r\\n")
            elif word == b"DATA":
                data = True
                self.wfile.write(b"354 go on\\r\\n")
            elif word == b"QUIT":
                self.wfile.write(b"221 bye\\r\\n")
                return
            else:
                self.wfile.write(b"250 well\\r\\n")

socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer(("127.0.0.1", 2525), Relay).serve_forever()
"""


def prepare(lab):
    lab.write("/root/relay.py", _RELAY)
    lab.sh("postconf -e relayhost=[127.0.0.1]:2525 mydestination= minimal_backoff_time=600s; systemctl restart postfix")


def healthy(lab):
    return "is empty" in lab.sh("mailq", check=False)


def fault(lab):
    for number in range(10):
        lab.mail(f"customer{number}@example.org")
    lab.sh("until [ $(postqueue -p | grep -c 'Connection refused') -ge 10 ]; do sleep 0.1; done")
    lab.background("relay", "exec python3 /root/relay.py")
    lab.sh("until ss -ltn | grep -q ':2525 '; do sleep 0.05; done")
    # Postfix remembers the relay as dead, and puts these off without a look.
    at = lab.now()
    for number in range(10, 65):
        lab.mail(f"customer{number}@example.org")
    return at
