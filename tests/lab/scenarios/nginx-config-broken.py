"""An edit breaks nginx's configuration, and the reload is refused. nginx serves on with the old one; nothing may restart it."""

from laboratory import expect

RULE = "web.nginx-config-invalid"
EXPECTED = "handed-over"
SERVICES = ["nginx"]
CHANGES = ["/etc/nginx/conf.d/customer.conf"]
QUICK = True


def fault(lab):
    lab.write("/etc/nginx/conf.d/customer.conf", "server { listen 8081; proxy_pas http://127.0.0.1; }\n")
    return float(lab.sh("echo $EPOCHREALTIME; systemctl reload nginx || true"))


def after(lab, incident, timeline):
    expect(lab.http(), "nginx serves")
