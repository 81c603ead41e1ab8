"""An edit breaks a site's configuration and nginx is restarted: everything is down. The edited site is taken out and nginx serves the others."""

from laboratory import expect

QUICK = True
RULE = "web.nginx-config-invalid"
SERVICES = ["nginx"]
STEPS = ["* /etc/nginx/conf.d/customer.conf *", "run nginx -t", "systemctl start nginx.service"]
CHANGES = ["/etc/nginx/conf.d/customer.conf", "/etc/nginx/customer.conf.broken-*"]


def healthy(lab):
    return lab.http()


def fault(lab):
    lab.write("/etc/nginx/conf.d/customer.conf", "server { listen 8081; proxy_pas http://127.0.0.1; }\n")
    return float(lab.sh("echo $EPOCHREALTIME; systemctl restart nginx || true"))


def after(lab, incident, timeline):
    expect("proxy_pas " in lab.sh("cat /etc/nginx/customer.conf.broken-*"), "the customer's file is kept")
