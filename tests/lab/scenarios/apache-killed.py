"""Apache's main process is killed with -9, where systemd does not restart it."""

RULE = "web.apache-killed"
SERVICES = ["apache2"]
STEPS = ["run apache2ctl configtest", "systemctl start apache2.service"]
MONIT = """\
check process apache with pidfile /run/apache2/apache2.pid
    start program = "/bin/systemctl start apache2"
    stop program = "/bin/systemctl stop apache2"
    if failed host 127.0.0.1 port 8080 protocol http then restart
"""


def prepare(lab):
    lab.unit_with("apache2", "[Service]\nRestart=no")


def healthy(lab):
    return lab.http(port=8080)


def fault(lab):
    return lab.kill("apache2")
