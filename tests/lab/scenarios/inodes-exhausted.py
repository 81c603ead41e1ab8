"""PHP's forgotten sessions have used up the inodes of their file system: no new file can be made, though there is room. The hourly report of df says so."""

QUICK = True
RULE = "storage.inodes-exhausted"
STEPS = ["remove /var/lib/php/sessions/sess_* *"]
POLICY = "[policy]\nmax_targets = 1000\n"


def prepare(lab):
    # A tmpfs, as there are no block devices here; it carries the name of one.
    lab.sh("mount -t tmpfs -o size=8m,nr_inodes=400,mode=1733 /dev/vdb1 /var/lib/php/sessions")


def healthy(lab):
    return lab.true("sh", "-c", "f=/var/lib/php/sessions/probe; : 2>/dev/null >$f && rm $f")


def fault(lab):
    lab.sh("cd /var/lib/php/sessions; for i in $(seq 1 300); do touch -d '-3 days' sess_$i; done; for i in $(seq 1 200); do touch sess_new$i; done", check=False)
    at = lab.now()
    lab.sh("systemd-run --quiet --wait df -i /var/lib/php/sessions")
    return at
