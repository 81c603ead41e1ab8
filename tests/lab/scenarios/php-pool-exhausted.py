"""Every worker of a PHP-FPM pool hangs in a script that waits for ever; visitors wait with them."""

RULE = "php.pool-hangs"
PATIENCE = 110
CHANGES = ["/etc/alternatives/php-fpm.sock"]
SERVICES = ["nginx", "php8.2-fpm"]
STEPS = ["run php-fpm8.2 -t", "systemctl reload php8.2-fpm.service"]
MONIT = """\
check process php-fpm with pidfile /run/php/php8.2-fpm.pid
    start program = "/bin/systemctl start php8.2-fpm"
    stop program = "/bin/systemctl stop php8.2-fpm"
    if failed host 127.0.0.1 port 80 protocol http request "/index.php" with timeout 2 seconds then restart
"""


def prepare(lab):
    lab.write("/var/www/html/hangs.php", "<?php sleep(600);")
    lab.sh("sed -i 's/^pm.max_children = .*/pm.max_children = 3/; s/^pm.max_spare_servers = .*/pm.max_spare_servers = 2/' /etc/php/8.2/fpm/pool.d/www.conf")
    # Visitors are not kept waiting for longer than this.
    lab.sh("sed -i 's/fastcgi_pass /fastcgi_read_timeout 3s; &/' /etc/nginx/sites-available/default; systemctl restart php8.2-fpm nginx")


def healthy(lab):
    return lab.http("/index.php")


def fault(lab):
    lab.background("visitors", "for i in $(seq 1 3); do curl -s http://127.0.0.1/hangs.php & done; wait")
