"""An edit breaks a zone file and BIND is restarted: the domain does not resolve any more. The last good copy (FILE.bak) comes back."""

from laboratory import expect

QUICK = True
RULE = "dns.zone-not-loaded"
SERVICES = ["named"]
STEPS = ["copy /etc/bind/db.example.org *", "copy /etc/bind/db.example.org.bak *", "run rndc reload example.org"]
CHANGES = ["/etc/bind/db.example.org*"]
_ZONE = """\
$TTL 300
@ IN SOA ns1 root ( {serial} 3600 600 86400 300 )
@ IN NS ns1
ns1 IN A 192.0.2.1
www IN A {www}
"""


def prepare(lab):
    lab.write("/etc/bind/db.example.org", _ZONE.format(serial=1, www="192.0.2.2"))
    lab.sh("echo 'zone \"example.org\" { type primary; file \"/etc/bind/db.example.org\"; };' >>/etc/bind/named.conf.local; systemctl restart named")


def healthy(lab):
    return "192.0.2.2" in lab.sh("dig +short +time=1 +tries=1 @127.0.0.1 www.example.org", check=False)


def fault(lab):
    # As editors do: the old file is kept beside the new one.
    lab.sh("cp -p /etc/bind/db.example.org /etc/bind/db.example.org.bak")
    lab.write("/etc/bind/db.example.org", _ZONE.format(serial=2, www="192.0.2.300"))
    at = lab.now()
    lab.run("systemctl", "restart", "named")
    return at


def after(lab, incident, timeline):
    expect("192.0.2.300" in lab.sh("cat /etc/bind/db.example.org.broken-*"), "the edit is kept")
