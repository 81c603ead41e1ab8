"""PHP-FPM's main process is killed with -9; its socket stays behind and nobody listens. nginx answers 502."""

RULE = "php.fpm-*"
CHANGES = ["/etc/alternatives/php-fpm.sock"]
SERVICES = ["nginx", "php8.2-fpm"]
STEPS = ["run php-fpm8.2 -t", "systemctl start php8.2-fpm.service"]
MONIT = """\
check process php-fpm with pidfile /run/php/php8.2-fpm.pid
    start program = "/bin/systemctl start php8.2-fpm"
    stop program = "/bin/systemctl stop php8.2-fpm"
    if failed unixsocket /run/php/php8.2-fpm.sock then restart
"""


def healthy(lab):
    return lab.http("/index.php")


def fault(lab):
    return lab.kill("php8.2-fpm")
