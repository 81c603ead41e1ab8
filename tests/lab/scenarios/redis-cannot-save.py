"""Redis's disk was full when it wanted to save, and it refuses every write. There is room again; it would wait for minutes."""

from laboratory import expect

RULE = "database.redis*"
SERVICES = ["redis-server"]
STEPS = ["run redis-cli BGSAVE"]
ALLOW = 'commands = [["redis-cli", "BGSAVE"], ["redis-cli", "INFO", "persistence"]]'


def prepare(lab):
    lab.sh("mkdir /srv/redis && mount -t tmpfs -o size=2m,uid=$(id -u redis),gid=$(id -g redis) none /srv/redis")
    lab.unit_with("redis-server", "[Service]\nReadWritePaths=/srv/redis")
    lab.sh("sed -i 's|^dir .*|dir /srv/redis|; s/^# *save 3600.*/save 3600 1 1 1/' /etc/redis/redis.conf; systemctl restart redis-server")
    lab.sh("redis-cli CONFIG SET save '600 1' && redis-cli SET a 1")


def healthy(lab):
    return "OK" in lab.sh("redis-cli SET b 2", check=False)


def fault(lab):
    lab.sh("dd if=/dev/zero of=/srv/redis/filler bs=64k 2>/dev/null; redis-cli BGSAVE; sleep 1.5; redis-cli BGSAVE; sleep 1; rm /srv/redis/filler", check=False)
    expect(True, "the disk has room again")
    return lab.now()
