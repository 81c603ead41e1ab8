"""A restic backup was killed and left its lock; the nightly clean-up of the repository is refused from then on."""

RULE = "backup.restic-locked"
STEPS = ["retry task restic-unlock of web1"]
PATIENCE = 100
TASKS = '[policy.allow.tasks]\nrestic-unlock = ["/usr/local/sbin/restic-unlock"]\n'
CHANGES = ["/srv/repository/locks/*", "/root/.cache/restic/*"]
_RESTIC = "RESTIC_REPOSITORY=/srv/repository RESTIC_PASSWORD=x restic"


def prepare(lab):
    lab.write("/usr/local/sbin/restic-unlock", f"#!/bin/sh\nexport HOME=/root {_RESTIC.removesuffix(' restic')}\nexec restic unlock\n")
    lab.sh(f"chmod +x /usr/local/sbin/restic-unlock; export HOME=/root; {_RESTIC} init && {_RESTIC} backup /etc/nginx")


def healthy(lab):
    return lab.sh("ls /srv/repository/locks") == ""


def fault(lab):
    lab.background("backup", f"export HOME=/root {_RESTIC.removesuffix(' restic')}; sleep 900 | exec restic backup --stdin")
    lab.sh("until [ -n \"$(ls /srv/repository/locks)\" ]; do sleep 0.1; done; pkill -9 -x restic; systemctl stop lab-backup")
    at = lab.now()
    env = "-E HOME=/root -E RESTIC_REPOSITORY=/srv/repository -E RESTIC_PASSWORD=x"
    lab.sh(f"systemd-run --quiet --wait {env} restic forget --keep-last 1 --prune", check=False)
    return at
