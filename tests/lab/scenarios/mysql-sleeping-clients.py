"""A program opens connections to MariaDB and never closes them, until nobody else gets one."""

RULE = "database.mysql-too-many-connections"
EXPECTED = "handed-over"
SERVICES = ["mariadb", "nginx", "php8.2-fpm"]


def prepare(lab):
    lab.sh("mysql -e \"SET GLOBAL max_connections = 12; CREATE USER shop@localhost IDENTIFIED BY 'x'; GRANT SELECT ON *.* TO shop@localhost\"")
    page = "<?php error_log(''); $c = new PDO('mysql:host=localhost', 'shop', 'x'); echo 'well';"
    lab.write("/var/www/html/shop.php", page)


def healthy(lab):
    return lab.http("/shop.php")


def fault(lab):
    lab.background("leak", "for i in $(seq 1 16); do (sleep 600 | mysql -ushop -px) & done; wait")
    lab.sh("sleep 1; for i in $(seq 1 8); do curl -s -o /dev/null http://127.0.0.1/shop.php; mysql -ushop -px -e 'SELECT 1'; done", check=False)
