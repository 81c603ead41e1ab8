"""MariaDB is killed with -9. Its unit restarts by itself after five seconds: nothing to do but to look."""

RULE = "database.mysql-*"
EXPECTED = "well"
SERVICES = ["mariadb"]
MONIT = """\
check process mariadb with pidfile /run/mysqld/mysqld.pid
    start program = "/bin/systemctl start mariadb"
    stop program = "/bin/systemctl stop mariadb"
    if failed unixsocket /run/mysqld/mysqld.sock protocol mysql then restart
"""


def healthy(lab):
    return lab.sql("SELECT 1")


def fault(lab):
    return lab.kill("mariadb")
