"""More clients than MaxStartups allows hold a connection and say nothing: sshd drops the rest, says so once, and says when it is over."""

RULE = "ssh.max-startups"
EXPECTED = "well"
SERVICES = ["ssh"]


def prepare(lab):
    lab.sh("sed -i '1i MaxStartups 2' /etc/ssh/sshd_config && systemctl restart ssh")


def _connect(lab):
    lab.sh("timeout 2 nc -w 1 127.0.0.1 22 </dev/null", check=False)


def fault(lab):
    at = lab.now()
    lab.background("idlers", "for i in 1 2 3 4 5 6; do sleep 4 | timeout 4 nc 127.0.0.1 22 & done; wait")
    lab.becomes("handed-over")
    lab.is_("lab-idlers.service", "inactive")
    _connect(lab)
    return at
