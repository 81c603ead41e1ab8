"""An edit breaks a zone file and BIND is reloaded: it serves the zone as it was until its next start, then not at all."""

RULE = "dns.*"
EXPECTED = "handed-over"
SERVICES = ["named"]
CHANGES = ["/etc/bind/db.example.org"]
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
    lab.write("/etc/bind/db.example.org", _ZONE.format(serial=2, www="192.0.2.300"))
    return float(lab.sh("echo $EPOCHREALTIME; rndc reload example.org >&2 || true"))
