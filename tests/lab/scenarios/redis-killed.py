"""Redis is killed with -9. Its unit restarts by itself at once: nothing is to be done, and nobody is woken."""

RULE = "database.redis-down"
EXPECTED = "well"
SERVICES = ["redis-server"]


def fault(lab):
    lab.kill("redis-server")
    lab.sh("until redis-cli ping | grep -q PONG; do sleep 0.05; done")
