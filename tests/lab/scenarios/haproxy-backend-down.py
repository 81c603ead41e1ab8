"""HAProxy loses the only server behind it. It runs well itself and must not be touched; whose server that was is a person's matter."""

RULE = "web.haproxy-*"
EXPECTED = "handed-over"
SERVICES = ["haproxy", "nginx"]


def prepare(lab):
    lab.sh("printf 'defaults\\n  mode http\\n  timeout connect 1s\\n  timeout client 5s\\n  timeout server 5s\\n  log global\\nlisten shop\\n  bind 127.0.0.1:8088\\n  server s1 127.0.0.1:80 check inter 200ms fall 2\\n' >>/etc/haproxy/haproxy.cfg; systemctl restart haproxy")


def fault(lab):
    return float(lab.sh("echo $EPOCHREALTIME; systemctl stop nginx"))
