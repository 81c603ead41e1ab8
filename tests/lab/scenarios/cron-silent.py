"""cron is stopped by mistake. Nothing fails: jobs are just missing. A rule of the operator's own expects one every minute."""

RULE = "shop.pulse-missing"
SERVICES = ["cron"]
STEPS = ["systemctl start cron.service"]
PATIENCE = 120
RULES = {
    "shop/pack.toml": 'name = "shop"\nversion = "1.0.0"\nmin_engine = "0.1.0"\ndescription = "Our own rules"\n',
    "shop/pulse-missing.rhai": """\
#{
    title: "The shop's pulse is missing",
    severity: "high",
    program: ["CRON", "cron*"],
    match: [`^\\(root\\) CMD \\(/usr/bin/true pulse\\)`],
    trigger: #{ absence: "65s" },
    probe: |i| #{ unit: probe.unit("cron.service") },
    fix: |i, facts| {
        if facts.unit.active != false { return step.hand_over("cron runs; the job itself is missing"); }
        [step.systemd_start("cron.service")]
    },
    verify: |i, facts| [check.unit_active("cron.service")],
    stable: "1s",
}
""",
    "shop/samples/pulse-missing.toml": """\
[[sample]]
line = "(root) CMD (/usr/bin/true pulse)"
program = "CRON"
fires = true

[[sample]]
line = "(root) CMD (/usr/bin/true)"
program = "CRON"
fires = false

[[plan]]
facts = { unit = { name = "cron.service", active = false } }
steps = ["systemctl start cron.service"]
""",
}


def prepare(lab):
    lab.write("/etc/cron.d/pulse", "* * * * * root /usr/bin/true pulse\n")


def healthy(lab):
    return lab.unit("cron") == "active"


def fault(lab):
    return float(lab.sh("echo $EPOCHREALTIME; systemctl stop cron"))
