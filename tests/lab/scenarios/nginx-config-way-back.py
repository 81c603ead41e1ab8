"""Two edits break nginx's configuration. Taking one out does not help: the fix goes its way back, and a person is told."""

from laboratory import expect

RULE = "web.nginx-config-invalid"
EXPECTED = "handed-over"
SERVICES = ["nginx"]
STEPS = ["* /etc/nginx/conf.d/a.conf *", "run nginx -t", "* /etc/nginx/a.conf.broken-* *"]
CHANGES = ["/etc/nginx/conf.d/[ab].conf"]


def fault(lab):
    for name in "ab":
        lab.write(f"/etc/nginx/conf.d/{name}.conf", f"server {{ listen 808{ord(name) % 10}; no_such_directive on; }}\n")
    return float(lab.sh("echo $EPOCHREALTIME; systemctl restart nginx || true"))


def after(lab, incident, timeline):
    expect(lab.sh("ls /etc/nginx/conf.d/").split() == ["a.conf", "b.conf"], "both files are where they were")
