"""PostgreSQL's postmaster is killed with -9. It leaves its PID file, its socket and its children behind."""

RULE = "database.postgres*"
SERVICES = ["postgresql"]
CHANGES = ["postgresql@15-main.service"]
STEPS = ["systemctl start postgresql@15-main.service"]
MONIT = """\
check process postgres with pidfile /var/lib/postgresql/15/main/postmaster.pid
    start program = "/bin/systemctl restart postgresql@15-main"
    stop program = "/bin/systemctl stop postgresql@15-main"
    if failed unixsocket /run/postgresql/.s.PGSQL.5432 protocol pgsql then restart
"""


def healthy(lab):
    return lab.psql("SELECT 1")


def fault(lab):
    return lab.kill("postgresql@15-main")
