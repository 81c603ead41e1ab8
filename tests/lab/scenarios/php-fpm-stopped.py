"""PHP-FPM is stopped by mistake (`systemctl stop` on the wrong host). systemd finds nothing wrong; nginx's visitors get 502."""

RULE = "php.fpm-socket-missing"
CHANGES = ["/etc/alternatives/php-fpm.sock"]
SERVICES = ["nginx", "php8.2-fpm"]
STEPS = ["run php-fpm8.2 -t", "systemctl start php8.2-fpm.service"]
QUICK = True


def healthy(lab):
    return lab.http("/index.php")


def fault(lab):
    return float(lab.sh("echo $EPOCHREALTIME; systemctl stop php8.2-fpm"))
