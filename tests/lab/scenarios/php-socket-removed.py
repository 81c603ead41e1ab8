"""A clean-up removes PHP-FPM's socket while PHP-FPM runs: it listens on a file that nobody finds."""

QUICK = True
RULE = "php.fpm-socket-missing"
CHANGES = ["/etc/alternatives/php-fpm.sock"]
SERVICES = ["nginx", "php8.2-fpm"]
STEPS = ["run php-fpm8.2 -t", "systemctl restart php8.2-fpm.service"]


def healthy(lab):
    return lab.http("/index.php")


def fault(lab):
    return float(lab.sh("echo $EPOCHREALTIME; rm /run/php/php8.2-fpm.sock"))
