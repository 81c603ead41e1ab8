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


def prepare(lab):
    # Otherwise its sockets start it for whoever asks, and that would be the laboratory itself.
    lab.sh("systemctl mask --now mariadb.socket mariadb-extra.socket; systemctl restart mariadb")


def healthy(lab):
    return lab.sql("SELECT 1")


def fault(lab):
    return lab.kill("mariadb")
