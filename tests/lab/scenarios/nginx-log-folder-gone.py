"""A clean-up removes nginx's log folder. nginx runs on until its next start, which fails."""

RULE = "web.*"
SERVICES = ["nginx"]
STEPS = ["run install -d *0755 -o root -g adm /var/log/nginx", "run nginx -t", "systemctl start nginx.service"]


def healthy(lab):
    return lab.http()


def fault(lab):
    lab.run("rm", "-rf", "/var/log/nginx")
    return float(lab.sh("echo $EPOCHREALTIME; systemctl restart nginx || true"))
