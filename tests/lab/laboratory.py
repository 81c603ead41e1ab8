"""Heinzel as a service in a container, and the words that scenarios are written in.

Start at `Lab`. Nothing is faked: the journal, systemctl, the services and the clock are the real ones.
"""

import fnmatch
import itertools
import json
import re
import subprocess
import sys
import tempfile
import time
import typing
from datetime import datetime
from pathlib import Path

from container import HERE, Container, Wrong, wait_for

REPOSITORY = HERE.parent.parent
HOOK = "http://127.0.0.1:9099/hook"  # in the container's own network: it has a loopback and nothing else
# The boldest operator: every rule may do everything that it asks for. So what is not done is a rule's own prudence.
# (A `*` in the allow-list never stands for an argument that begins with `-`, so both are listed.)
COMMANDS = [["*", *rest] for length in range(10) for rest in itertools.product(["*", "-*"], repeat=length)]
EVERYTHING = f"""\
units = ["*"]
commands = {json.dumps(COMMANDS)}
paths = ["/etc", "/home", "/opt", "/run", "/srv", "/tmp", "/usr", "/var"]
processes = ["*"]
"""

# A pack of the laboratory's own: what is written last is found last.
MARKER = {
    "lab/pack.toml": 'name = "lab"\nversion = "1.0.0"\nmin_engine = "0.1.0"\ndescription = "The laboratory\'s marker"\n',
    "lab/marker.rhai": """\
#{
    title: "The laboratory's marker",
    severity: "info",
    program: "systemd",
    match: [`^(?<unit>run-lab-[0-9]+\\.service): Deactivated successfully`],
    fields: #{ unit: "unit" },
    asset: |e| "unit:" + e.unit,
}
""",
    "lab/samples/marker.toml": """\
[[sample]]
line = "run-lab-1.service: Deactivated successfully."
program = "systemd"
fires = true

[[sample]]
line = "run-shop-1.service: Deactivated successfully."
program = "systemd"
fires = false
""",
}


def expect(holds, text, *evidence):
    """What must be so, with what was seen instead."""
    if not holds:
        seen = "".join(f"\n    {item}" for item in evidence)
        raise Wrong(f"not so: {text}{seen}")


def seconds(stamp):
    """A time as Heinzel writes it, in seconds since the epoch."""
    whole, fraction = re.fullmatch(r"(.*?)(\.\d+)?Z", stamp).groups()
    return datetime.fromisoformat(whole + "+00:00").timestamp() + float(fraction or 0)


class World:
    """A container and what can be done with the services in it."""

    def __init__(self, base, binds=()):
        self.folder = Path(tempfile.mkdtemp(prefix="heinzel-lab-"))
        self.container = Container(base, self.folder, binds)
        self.run, self.write = self.container.run, self.container.write

    def __enter__(self):
        try:
            self.container.boot()
            self.begin()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def begin(self):
        """What follows the boot."""

    def __exit__(self, *_):
        self.container.end()
        subprocess.run(["rm", "-rf", str(self.folder)], check=True)

    def sh(self, text, check=True):
        """Runs lines of shell in it and gives what they print."""
        return self.run("bash", "-c", text, check=check).stdout

    def true(self, *argv):
        """Whether a program ends well."""
        return self.run(*argv, check=False).returncode == 0

    def unit(self, name, prop="ActiveState"):
        """A property of a unit."""
        return self.run("systemctl", "show", "--value", "--property", prop, "--", name).stdout.strip()

    def is_(self, unit, state):
        """Waits until systemd says that a unit is in this state."""
        wait_for(f"{unit} is {state}", lambda: self.unit(unit) == state)

    def unit_with(self, unit, settings):
        """Gives a unit more settings, as an administrator does."""
        self.write(f"/etc/systemd/system/{unit}.service.d/lab.conf", f"{settings}\n")
        self.run("systemctl", "daemon-reload")

    def kill(self, unit, signal="KILL"):
        """Kills a unit's main process and says when."""
        pid = self.unit(f"{unit}.service", "MainPID")
        expect(pid != "0", f"{unit} has a main process")
        return float(self.sh(f"echo $EPOCHREALTIME; kill -{signal} {pid}"))

    def http(self, path="/", port=80, host="127.0.0.1"):
        """Whether a web server answers well."""
        return self.true("curl", "-fsS", "-m", "2", "-o", "/dev/null", f"http://{host}:{port}{path}")

    def sql(self, statement):
        """Whether MariaDB does this."""
        return self.true("mysql", "--connect-timeout=2", "-e", statement)

    def psql(self, statement):
        """Whether PostgreSQL does this."""
        return self.true("runuser", "-u", "postgres", "--", "psql", "-qc", statement)

    def speaks(self, port, word, say="", host="127.0.0.1"):
        """Whether a server greets with, or answers to `say` with, this word."""
        return word in self.sh(f"printf '{say}' | timeout 2 nc -w 1 {host} {port}", check=False)

    def mail(self, to="kim"):
        """Sends a mail the way programs do."""
        self.run("sendmail", to, text=f"From: root\nTo: {to}\nSubject: lab\n\nlab\n")

    def background(self, name, command):
        """Runs a command beside everything, as a unit of its own."""
        self.run("systemd-run", "--quiet", f"--unit=lab-{name}", "bash", "-c", command)

    def journal(self, *words):
        """Messages in the journal, as texts."""
        return self.run("journalctl", "-o", "cat", "--no-pager", *words).stdout.splitlines()

    def now(self):
        """The time, in seconds since the epoch."""
        return time.time()


class Heinzel(typing.NamedTuple):
    """What is tried."""

    file: Path  # a binary or a Debian package
    rules: Path  # packs; a package brings its own


class Lab(World):
    """A world with Heinzel in it, and a web hook that writes down what it is told."""

    def __init__(self, base, heinzel, scenario):
        self.scenario, self.hook = scenario, None
        self.package = heinzel.file.suffix == ".deb"
        self.binary = "/usr/bin/heinzel" if self.package else "/usr/local/bin/heinzel"
        if self.package:
            binds = [(heinzel.file, "/lab/heinzel.deb")]
        else:
            binds = [(heinzel.file, self.binary), (heinzel.rules, "/usr/share/heinzel/rules")]
            binds += [(HERE / "heinzel.service", "/etc/systemd/system/heinzel.service")]
        super().__init__(base, binds)

    def begin(self):
        if self.package:
            self.run("dpkg", "-i", "/lab/heinzel.deb")
            self.run("systemctl", "stop", "heinzel.service")
        self._listen()

    def __exit__(self, *why):
        if self.hook:
            self.hook.kill()
            self.hook.wait()
        super().__exit__(*why)

    def _listen(self):
        self.told_file = self.folder / "told"
        argv = ["setpriv", "--pdeathsig", "KILL", "nsenter", "--target", self.container.leader, "--net", "--"]
        argv += [sys.executable, str(HERE / "listener.py"), HOOK]
        with open(self.told_file, "w") as out:
            self.hook = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out)
        wait_for("the web hook listens", lambda: "ready" in self.told_file.read_text().split())

    # Heinzel

    def configure(self, mode=None, policy=None):
        """Writes the configuration: what `heinzel init` finds on this machine, and what the scenario grants."""
        s = self.scenario
        found = self.run(self.binary, "init", "-").stdout
        sources = s.sources_only or found[: found.index("# ── Rules ──")] + s.sources
        modes = {"*": mode or s.mode} | {rule: mode or s.mode for rule in s.rule.split("|") if "*" not in rule}
        text = f"""\
{sources}
[store]
folder = "/var/lib/heinzel"

[policy.modes]
{chr(10).join(f'"{rule}" = "{word}"' for rule, word in modes.items())}

[policy.allow]
{EVERYTHING if s.allow is None else s.allow}
{s.tasks}

[act.webhooks.operator]
url = "{HOOK}"

{s.policy if policy is None else policy}
"""
        self.write("/etc/heinzel/heinzel.toml", text)
        for path, rule in (MARKER | s.rules).items():
            self.write(f"/etc/heinzel/rules/{path}", rule)
        self.run(self.binary, "check")

    def start(self):
        """Starts Heinzel as a service and waits until it reads everything that is written."""
        self.run("systemctl", "start", "heinzel.service")
        wait_for("Heinzel is live", self._live)

    def stop(self):
        """Stops it."""
        self.run("systemctl", "stop", "heinzel.service")

    def _live(self):
        status = self.heinzel("status", check=False)
        return status and all(source["live_since"] for source in status[0]["sources"].values())

    def heinzel(self, *words, check=True):
        """What a command of Heinzel's says: its lines of JSON. None, if it failed and may."""
        ended = self.run(self.binary, "--json", *words, check=check)
        return [json.loads(line) for line in ended.stdout.splitlines()] if ended.returncode == 0 else None

    def incidents(self, rule=None):
        """All incidents, or those of a rule (`a|b`: of either; with `*`), the oldest first."""
        found = self.heinzel("incident", "list", "--all")
        patterns = (rule or "*").split("|")
        fits = [i for i in found if any(fnmatch.fnmatchcase(i["rule"], one) for one in patterns)]
        return sorted(fits, key=lambda incident: incident["id"])

    def incident(self, number):
        """An incident and its timeline."""
        view = self.heinzel("incident", "view", str(number))[0]
        return view["incident"], view["timeline"]

    def becomes(self, outcome, rule=None, number=None, patience=90):
        """Waits until an incident of the scenario's rule is `outcome`; gives it with its timeline."""
        rule = rule or self.scenario.rule

        def look():
            found = [i for i in self.incidents(rule) if number in (None, i["id"])]
            return next((i["id"] for i in found if outcome_of(i) == outcome), None)

        try:
            return self.incident(wait_for(f"an incident of {rule} that is {outcome}", look, patience, every=0.1))
        except Wrong as wrong:
            seen = [f"{i['rule']} on {i['asset']}: {outcome_of(i)}, {i['cause']['message']}" for i in self.incidents()]
            raise Wrong(f"{wrong}; there are: {seen}") from None

    def settles(self, number):
        """Waits until Heinzel is at rest about an incident."""
        wait_for(f"incident {number} comes to rest", lambda: outcome_of(self.incident(number)[0]), every=0.2)

    def read_so_far(self):
        """Waits until Heinzel has read what is in the journal by now: a line behind it is found."""
        name = f"run-lab-{time.monotonic_ns()}.service"
        self.run("systemd-run", "--quiet", f"--unit={name}", "true")
        wait_for("a later line is found", lambda: any(name in i["asset"] for i in self.incidents("lab.marker")))

    def audit(self):
        """The whole audit trail, verified."""
        report = self.heinzel("audit", "verify")[0]
        expect(report["broken"] is None, "the audit trail is whole", report)
        return self.heinzel("audit", "show", "--limit", "100000")

    def steps(self):
        """The steps that were begun, in order, by the audit trail."""
        texts = [e["text"] for e in self.audit() if e["what"] in ("step", "rollback")]
        begun = (re.match(r"\d+ of \d+: (.*?)(?: \(because .*)?$", text, re.S) for text in texts)
        return [match.group(1) for match in begun if match]

    def told(self):
        """What the web hook was told."""
        return [json.loads(line) for line in self.told_file.read_text().splitlines() if line != "ready"]


def outcome_of(incident):
    """One word for how far an incident has come, None while Heinzel is at it."""
    run = incident["run"]
    stage = run["stage"] if run else {"stage": "none"}
    if incident["status"] == "resolved":
        return "healed" if run and run["touched"] else "well"
    if incident["status"] == "needs-human":
        return "handed-over"
    if incident["status"] == "awaiting-approval":
        return "approval"
    if stage["stage"] == "held":
        return "held"
    if incident["status"] == "open" and stage["stage"] in ("none", "over"):
        return "observed"
    return None


def expect_order(timeline, *kinds):
    """The timeline shows these kinds of entries in this order (others may be between)."""
    rest = iter([e["what"] for e in timeline])
    expect(all(kind in rest for kind in kinds), f"the timeline shows {', '.join(kinds)} in order", *timeline)


def entry(timeline, what, text=""):
    """The first entry of this kind that contains this text."""
    fitting = [e for e in timeline if e["what"] == what and text in e["text"]]
    expect(fitting, f"the timeline has `{what}` with `{text}`", *timeline)
    return fitting[0]
