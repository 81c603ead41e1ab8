"""An edit breaks sshd's configuration; the reload is refused and sshd runs on with the old one. The last way in must not be restarted."""

from laboratory import expect

RULE = "ssh.config-invalid"
EXPECTED = "handed-over"
SERVICES = ["ssh"]
CHANGES = ["/etc/ssh/sshd_config.d/lab.conf"]


def fault(lab):
    lab.write("/etc/ssh/sshd_config.d/lab.conf", "PermitRootLogins no\n")
    return float(lab.sh("echo $EPOCHREALTIME; systemctl reload ssh || true"))


def after(lab, incident, timeline):
    expect(lab.true("nc", "-z", "127.0.0.1", "22"), "sshd answers")
