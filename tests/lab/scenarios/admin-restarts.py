"""A harmless look-alike: an administrator restarts, reloads, stops and starts services by hand. Nothing is wrong."""

RULE = "*"
EXPECTED = "nothing"
SERVICES = ["nginx", "apache2", "php8.2-fpm", "mariadb", "redis-server", "postfix", "dovecot", "named", "vsftpd", "ssh"]
CHANGES = ["postfix@-.service"]
QUICK = True


def fault(lab):
    for service in SERVICES:
        lab.run("systemctl", "restart", service)
    lab.run("systemctl", "reload", "nginx", "apache2", "php8.2-fpm", "postfix", "dovecot", "named", "ssh")
    lab.run("systemctl", "stop", *SERVICES)
    lab.run("systemctl", "start", *SERVICES)
