"""A new map is named in Postfix's configuration and never compiled: every mail is put off because it cannot be opened."""

RULE = "mail.postfix-map-missing"
SERVICES = ["postfix"]
STEPS = ["run postmap *"]
CHANGES = ["postfix@-.service", "/etc/postfix/*", "/home/kim/Maildir/*"]


def prepare(lab):
    lab.write("/etc/postfix/virtual", "shop@example.org kim\n")


def healthy(lab):
    return lab.true("postmap", "-q", "shop@example.org", "hash:/etc/postfix/virtual") or not lab.true("grep", "-q", "virtual_alias_maps", "/etc/postfix/main.cf")


def fault(lab):
    lab.sh("postconf -e virtual_alias_maps=hash:/etc/postfix/virtual; systemctl reload postfix")
    at = lab.now()
    for _ in range(3):
        lab.mail("shop@example.org")
    return at
