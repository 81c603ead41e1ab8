"""The nightly backup fails because its target is not there yet; it comes a moment later. The operator's own rule runs the backup again, once."""

from laboratory import expect

RULE = "shop.backup-failed"
SERVICES = []
STEPS = ["retry task unit.nightly-backup.service of nightly-backup.service"]
CHANGES = ["nightly-backup.service", "/srv/*"]
TASKS = '[policy.allow.tasks]\n"unit.nightly-backup.service" = ["systemctl", "start", "{target}"]\n'
RULES = {
    "shop/pack.toml": 'name = "shop"\nversion = "1.0.0"\nmin_engine = "0.1.0"\ndescription = "Our own rules"\n',
    "shop/backup-failed.rhai": """\
#{
    title: "The nightly backup failed",
    severity: "high",
    task: #{ kind: "unit.nightly-backup.service", state: "failed" },
    probe: |i| #{ target: probe.file("/srv/target/here") },
    fix: |i, facts| {
        if facts.target.exists != true { return [step.wait("2s"), step.replan()]; }
        if i.fixes_24h > i.round { return step.hand_over("it was run again today already"); }
        [step.task_retry("unit.nightly-backup.service", "nightly-backup.service")]
    },
    verify: |i, facts| [check.is_not(probe.unit("nightly-backup.service"), "failed", true)],
    stable: "1s",
}
""",
    "shop/samples/backup-failed.toml": """\
[[sample]]
task = { id = "1", kind = "unit.nightly-backup.service", target = "nightly-backup.service", state = "failed", exit = "exit-code" }
line = "nightly-backup.service: Failed with result 'exit-code'."
fires = true

[[sample]]
task = { id = "2", kind = "unit.nightly-backup.service", target = "nightly-backup.service", state = "ok" }
line = "Finished nightly-backup.service."
fires = false

[[plan]]
task = { id = "1", kind = "unit.nightly-backup.service", target = "nightly-backup.service", state = "failed" }
facts = { target = { exists = true } }
steps = ["retry task unit.nightly-backup.service of nightly-backup.service"]
""",
}


def prepare(lab):
    unit = "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'test -e /srv/target/here && tar cf /srv/target/etc.tar /etc/nginx'\n"
    lab.write("/etc/systemd/system/nightly-backup.service", unit)
    lab.run("systemctl", "daemon-reload")


def fault(lab):
    lab.run("systemctl", "start", "nightly-backup", check=False)
    at = lab.now()
    lab.sh("mkdir /srv/target && touch /srv/target/here")
    return at


def after(lab, incident, timeline):
    expect("nginx.conf" in lab.sh("tar tf /srv/target/etc.tar"), "the backup is there")
