"""A program opens connections to MariaDB and never closes them, until nobody else gets one."""

from container import wait_for

RULE = "database.mysql-too-many-connections"
EXPECTED = "handed-over"
SERVICES = ["mariadb", "nginx", "php8.2-fpm"]


def prepare(lab):
    lab.sh("mysql -e \"SET GLOBAL max_connections = 12; CREATE USER shop@localhost IDENTIFIED BY 'x'; GRANT SELECT ON *.* TO shop@localhost\"")
    page = "<?php $c = new PDO('mysql:host=localhost', 'shop', 'x'); echo 'well';"
    lab.write("/var/www/html/shop.php", page)


def healthy(lab):
    return lab.http("/shop.php")


def fault(lab):
    # A client that is refused tries again, so that no connection is left over; what is refused then is the site, and it says so.
    lab.background("leak", "for i in $(seq 1 16); do (exec < <(sleep 600); until mysql -ushop -px 2>/dev/null; do sleep 0.1; done) & done; wait")
    wait_for("no connection is left", lambda: not lab.true("mysql", "-ushop", "-px", "-e", "SELECT 1"))
    lab.sh("for i in $(seq 1 8); do curl -s -o /dev/null http://127.0.0.1/shop.php; done")
