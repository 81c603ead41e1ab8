"""Redis cannot save because its disk is full, and refuses every write. Saving again would fail again: a person must make room."""

from laboratory import expect

QUICK = True
RULE = "database.redis*"
EXPECTED = "handed-over"
SERVICES = ["redis-server"]


def prepare(lab):
    lab.sh("systemctl stop redis-server; mount -t tmpfs -o size=2m,mode=750,uid=$(id -u redis),gid=$(id -g redis) none /var/lib/redis; systemctl start redis-server")
    lab.sh("redis-cli CONFIG SET save '600 1' && redis-cli SET a 1")


def fault(lab):
    lab.sh("dd if=/dev/zero of=/var/lib/redis/filler bs=64k", check=False)
    at = lab.now()
    lab.sh("redis-cli BGSAVE; until redis-cli INFO persistence | grep -q bgsave_status:err; do sleep 0.1; done")
    return at


def after(lab, incident, timeline):
    expect("MISCONF" in lab.sh("redis-cli SET b 2", check=False), "Redis refuses writes")
