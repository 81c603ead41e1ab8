"""A file system turns read-only under a running database: its writes fail. Remounting would hide what is wrong below: a person must look."""

from laboratory import expect

RULE = "storage.*|database.*"
EXPECTED = "handed-over"
SERVICES = ["redis-server"]


def prepare(lab):
    lab.sh("systemctl stop redis-server; mount -t tmpfs -o size=8m,mode=750,uid=$(id -u redis),gid=$(id -g redis) none /var/lib/redis; systemctl start redis-server; redis-cli SET a 1")


def fault(lab):
    lab.sh("mount -o remount,ro /var/lib/redis; nsenter -t $(systemctl show -P MainPID redis-server) -m mount -o remount,ro /var/lib/redis || true")
    at = lab.now()
    lab.sh("redis-cli SET a 2; redis-cli BGSAVE; sleep 0.5; redis-cli BGSAVE; sleep 0.5; redis-cli BGSAVE")
    return at


def after(lab, incident, timeline):
    expect("ro," in lab.sh("grep ' /var/lib/redis ' /proc/mounts"), "it stays read-only")
