"""The index of a MyISAM table is damaged by a crash of the server; every query of the table fails."""

RULE = "database.mysql-table-crashed"
SERVICES = ["mariadb"]
STEPS = ['run mysql -NBe "REPAIR TABLE `shop`.`orders` QUICK"']
SOURCES = """
[[source]]
name = "mariadb"
kind = "file"
path = "/var/log/mysql/error.log"
"""


def prepare(lab):
    # Without MariaDB's own attempt at a repair, as where it has failed.
    settings = "[mariadb]\nmyisam_recover_options=OFF\nlog_error=/var/log/mysql/error.log\n"
    lab.write("/etc/mysql/mariadb.conf.d/90-lab.cnf", settings)
    lab.sh("install -d -o mysql /var/log/mysql; systemctl restart mariadb")
    columns = "id INT AUTO_INCREMENT PRIMARY KEY, t VARCHAR(200), KEY(t)"
    lab.sh(f"mysql -e \"CREATE DATABASE shop; CREATE TABLE shop.orders ({columns}) ENGINE=MyISAM\"")
    lab.sh("mysql -e \"INSERT INTO shop.orders (t) SELECT REPEAT(MD5(seq), 6) FROM seq_1_to_5000\" shop")


def healthy(lab):
    return lab.sql("SELECT COUNT(*) FROM shop.orders WHERE t LIKE 'a%'")


def fault(lab):
    # The server dies in the middle of a write: the table is left open in its header, its index half written.
    lab.sh("systemctl kill -s KILL --kill-whom=main mariadb; sleep 0.2; f=/var/lib/mysql/shop/orders.MYI;"
           "printf '\\x01' | dd of=$f bs=1 seek=25 conv=notrunc status=none; truncate -s -2048 $f;"
           "until mysql -e 'SELECT 1' >/dev/null 2>&1; do sleep 0.1; done")
    return float(lab.sh("echo $EPOCHREALTIME; mysql -e 'SELECT COUNT(*) FROM shop.orders WHERE t LIKE \"a%\"' >&2 || true"))
