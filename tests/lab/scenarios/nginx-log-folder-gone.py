"""A clean-up removes nginx's log folder. nginx runs on until its next start, which fails."""

RULE = "web.*"
SERVICES = ["nginx"]


def healthy(lab):
    return lab.http()


def fault(lab):
    lab.run("rm", "-rf", "/var/log/nginx")
    return float(lab.sh("echo $EPOCHREALTIME; systemctl restart nginx || true"))
