"""MariaDB is killed with -9 where its unit does not restart by itself, as with many distributions' units."""

QUICK = True
RULE = "database.mysql-*"
SERVICES = ["mariadb"]
STEPS = ["systemctl start mariadb.service"]
MONIT = """\
check process mariadb with pidfile /run/mysqld/mysqld.pid
    start program = "/bin/systemctl start mariadb"
    stop program = "/bin/systemctl stop mariadb"
    if failed unixsocket /run/mysqld/mysqld.sock protocol mysql then restart
"""


def prepare(lab):
    lab.unit_with("mariadb", "[Service]\nRestart=no")
    # Otherwise its sockets start it for whoever asks, and that would be the laboratory itself.
    lab.sh("systemctl mask --now mariadb.socket mariadb-extra.socket; systemctl restart mariadb")


def healthy(lab):
    return lab.sql("SELECT 1")


def fault(lab):
    return lab.kill("mariadb")
