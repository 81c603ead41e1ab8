"""A container with real systemd, and Heinzel as a service in it.

Start at `Lab`. A scenario gets one, arranges a fault, waits for states and looks at what there is. Nothing is faked: the
journal, systemctl, nginx and the clock are the real ones.
"""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
HOOK = "http://127.0.0.1:9099/hook"  # in the container's own network: it has a loopback and nothing else
PATIENCE = 120  # seconds; a state that does not come by then never will


class Wrong(Exception):
    """Something is not as it must be."""


def expect(holds, text, *evidence):
    """What must be so, with what was seen instead."""
    if not holds:
        seen = "".join(f"\n    {item}" for item in evidence)
        raise Wrong(f"not so: {text}{seen}")


def wait_for(text, look, patience=PATIENCE, every=0.05):
    """The first answer of `look` that is not empty."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        answer = look()
        if answer:
            return answer
        time.sleep(every)
    raise Wrong(f"not within {patience} s: {text}")


def seconds(stamp):
    """A time as Heinzel writes it, in seconds since the epoch."""
    whole, fraction = re.fullmatch(r"(.*?)(\.\d+)?Z", stamp).groups()
    return datetime.fromisoformat(whole + "+00:00").timestamp() + float(fraction or 0)


def children(pid):
    """The processes that a process has started."""
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


class Container:
    """Debian, booted over a volatile overlay: what happens in it is gone afterwards."""

    def __init__(self, base, folder, binds):
        self.console = open(folder / "console", "wb")
        # A lab that is killed takes its container with it: nspawn alone would leave its first process behind.
        nspawn = ["setpriv", "--pdeathsig", "KILL", "unshare", "--pid", "--fork", "--kill-child=KILL", "--mount-proc"]
        nspawn += ["systemd-nspawn", "--quiet", "--directory", str(base)]
        nspawn += ["--volatile=overlay", "--private-network", "--register=no", "--keep-unit", "--console=pipe"]
        nspawn += [f"--machine=heinzel-lab-{os.getpid()}", "--hostname=web1"]
        nspawn += [f"--bind-ro={host}:{inside}" for host, inside in binds] + ["--boot"]
        self.nspawn = subprocess.Popen(
            nspawn, stdin=subprocess.DEVNULL, stdout=self.console, stderr=self.console, start_new_session=True
        )
        self.leader = None

    def boot(self):
        """Waits until systemd in it says that it is up."""
        self.leader = wait_for("a first process", self._first_process, 30)
        state = wait_for("systemd is up", lambda: self._up(), 60)
        expect(state == "running", "the container boots without a failed unit", self.run("systemctl", "--failed").stdout)

    def _first_process(self):
        if self.nspawn.poll() is not None:
            raise Wrong(f"systemd-nspawn ended: {Path(self.console.name).read_text(errors='replace')}")
        try:
            for nspawn in children(self.nspawn.pid):
                for first in children(nspawn):
                    # Only when it is systemd with number 1 in a space of its own; before, a command would run outside.
                    status = Path(f"/proc/{first}/status").read_text()
                    numbers = re.search(r"^NSpid:\s+(.*)$", status, re.M).group(1).split()
                    if status.startswith("Name:\tsystemd\n") and len(numbers) == 3 and numbers[2] == "1":
                        return first
        except FileNotFoundError:
            pass
        return None

    def _up(self):
        state = self.run("systemctl", "is-system-running", check=False).stdout.strip()
        return state if state in ("running", "degraded") else None

    def run(self, *argv, check=True, spaces=("-a",), text=None):
        """Runs a program in it. `spaces`: which namespaces; `-n` alone: a program of this machine on its network."""
        environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "USER": "olga", "LANG": "C"}
        argv = ["nsenter", "--target", self.leader, *spaces, "--", *argv]
        ended = subprocess.run(argv, env=environment, input=text, capture_output=True, text=True, timeout=PATIENCE)
        if check and ended.returncode != 0:
            raise Wrong(f"{' '.join(argv)}: exit {ended.returncode}\n{ended.stdout}{ended.stderr}")
        return ended

    def write(self, path, text):
        """Writes a file in it."""
        self.run("sh", "-c", 'cat > "$0"', path, text=text)

    def end(self):
        """Switches it off; by force, if it does not go."""
        if self.nspawn.poll() is None and self.leader:
            try:
                self.run("systemctl", "poweroff", "--no-wall", check=False)
                self.nspawn.wait(30)
            except subprocess.TimeoutExpired:
                pass
        if self.nspawn.poll() is None:
            os.killpg(self.nspawn.pid, signal.SIGKILL)
            self.nspawn.wait()
        self.console.close()


class Lab:
    """A container, Heinzel in it as a service with one policy, and a web hook that writes down what it is told."""

    def __init__(self, base, binary, mode, sources=None):
        self.folder = Path(tempfile.mkdtemp(prefix="heinzel-lab-"))
        self.binary, self.mode, self.sources = binary, mode, sources or '[[source]]\nname = "journal"\nkind = "journald"\n'
        (self.folder / "etc").mkdir()
        binds = [
            (binary, "/usr/local/bin/heinzel"),
            (REPOSITORY / "rules", "/usr/share/heinzel/rules"),
            (self.folder / "etc", "/etc/heinzel"),
        ]
        self.container = self.hook = None
        self.container = Container(base, self.folder, binds)

    def __enter__(self):
        try:
            self.run, self.write = self.container.run, self.container.write
            self.container.boot()
            self._configure()
            self._listen()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(self, kind, *_):
        if kind is not None and self.container.leader and kind is not KeyboardInterrupt:
            about = ["--unit=heinzel", "--unit=nginx", "--lines=60"]
            print(self.run("journalctl", "--output=short-precise", "--no-pager", *about, check=False).stdout)
        if self.hook:
            self.hook.kill()
            self.hook.wait()
        self.container.end()
        subprocess.run(["rm", "-rf", str(self.folder)], check=True)

    def _configure(self):
        (self.folder / "etc/heinzel.toml").write_text(f"""\
{self.sources}
[store]
folder = "/var/lib/heinzel"

[policy.modes]
"*" = "observe"
"web.nginx-killed" = "{self.mode}"

[policy.allow]
units = ["nginx.service"]

[act.webhooks.operator]
url = "{HOOK}"
""")

    def _listen(self):
        self.told_file = self.folder / "told"
        argv = ["setpriv", "--pdeathsig", "KILL", "nsenter", "--target", self.container.leader, "--net", "--"]
        argv += [sys.executable, str(HERE / "listener.py"), HOOK]
        out = open(self.told_file, "w")
        self.hook = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out)
        out.close()
        wait_for("the web hook listens", lambda: "ready" in self.told_file.read_text().split())

    # Heinzel

    def start(self):
        """Starts Heinzel as a service and waits until it reads everything that is written."""
        service = ["systemd-run", "--unit=heinzel", "--quiet", "--service-type=exec", "--property=StateDirectory=heinzel"]
        self.run(*service, "/usr/local/bin/heinzel", "run")
        wait_for("Heinzel is live", self._live)

    def _live(self):
        status = self.heinzel("status", check=False)
        sources = status and status[0]["sources"].values()
        return sources and all(source["live_since"] for source in sources)

    def heinzel(self, *words, check=True):
        """What a command of Heinzel's says: its lines of JSON. None, if it failed and may."""
        ended = self.run("/usr/local/bin/heinzel", "--json", *words, check=check)
        return [json.loads(line) for line in ended.stdout.splitlines()] if ended.returncode == 0 else None

    def incidents(self, rule="web.nginx-killed"):
        """The incidents of a rule, the oldest first."""
        found = self.heinzel("incident", "list", "--all", "--rule", rule)
        return sorted(found, key=lambda incident: incident["id"])

    def incident(self, number):
        """An incident and its timeline."""
        view = self.heinzel("incident", "view", str(number))[0]
        return view["incident"], view["timeline"]

    def wait_for_status(self, status, number=None):
        """Waits until there is one incident of nginx's death and it has come to `status`; gives it with its timeline."""

        def look():
            found = [i for i in self.incidents() if number in (None, i["id"])]
            return found and found[0]["status"] == status and found[0]["id"]

        return self.incident(wait_for(f"an incident that is {status}", look, every=0.2))

    def audit(self):
        """The whole audit trail, verified."""
        report = self.heinzel("audit", "verify")[0]
        expect(report["broken"] is None, "the audit trail is whole", report)
        return self.heinzel("audit", "show", "--limit", "100000")

    def told(self):
        """What the web hook was told."""
        lines = self.told_file.read_text().splitlines()
        return [json.loads(line) for line in lines if line != "ready"]

    # The world

    def unit(self, name, *properties):
        """Properties of a unit."""
        said = self.run("systemctl", "show", "--property", ",".join(properties), "--", name).stdout
        return dict(line.split("=", 1) for line in said.splitlines())

    def units(self):
        """Every service but nginx, Heinzel and those that only visit: whether it is the same start as before."""
        names = "Id,ActiveState,SubState,NRestarts,InvocationID,MainPID"
        said = self.run("systemctl", "show", "--type=service", "--property", names, "--", "*").stdout
        units = [dict(line.split("=", 1) for line in block.splitlines()) for block in said.strip().split("\n\n")]
        return {u["Id"]: u for u in units if u["Id"] not in ("nginx.service", "heinzel.service")}

    def nginx_with(self, settings):
        """Gives nginx's unit more settings, as an administrator does."""
        self.run("mkdir", "-p", "/etc/systemd/system/nginx.service.d")
        self.write("/etc/systemd/system/nginx.service.d/lab.conf", f"[Service]\n{settings}\n")
        self.run("systemctl", "daemon-reload")

    def nginx_serves(self):
        """Whether nginx answers."""
        return self.run("curl", "-fsS", "-m", "5", "-o", "/dev/null", "http://127.0.0.1/", check=False).returncode == 0

    def nginx_is(self, state):
        """Waits until systemd says that nginx is in this state."""
        wait_for(f"nginx is {state}", lambda: self.unit("nginx.service", "ActiveState")["ActiveState"] == state)

    def kill_nginx(self):
        """Kills nginx's main process and says when."""
        pid = self.unit("nginx.service", "MainPID")["MainPID"]
        expect(pid != "0", "nginx has a main process")
        return float(self.run("bash", "-c", f"echo $EPOCHREALTIME; kill -9 {pid}").stdout)

    def journal(self, *words):
        """Messages in the journal, as texts."""
        return self.run("journalctl", "-o", "cat", "--no-pager", *words).stdout.splitlines()


def words(timeline):
    """The kinds of a timeline's entries, in order."""
    return [entry["what"] for entry in timeline]


def expect_order(timeline, *kinds):
    """The timeline shows these kinds of entries in this order (others may be between)."""
    rest = iter(words(timeline))
    expect(all(kind in rest for kind in kinds), f"the timeline shows {', '.join(kinds)} in order", *timeline)


def entry(timeline, what, text=""):
    """The first entry of this kind that contains this text."""
    fitting = [e for e in timeline if e["what"] == what and text in e["text"]]
    expect(fitting, f"the timeline has `{what}` with `{text}`", *timeline)
    return fitting[0]


def times(fault, incident, timeline):
    """The figures of one repair, in milliseconds from the fault."""

    def since(stamp):
        return round((seconds(stamp) - fault) * 1000)

    figures = {"line written": since(incident["opened"]), "detected": since(incident["opened_at"])}
    steps = [e for e in timeline if e["what"] == "step" and seconds(e["at"]) > fault]
    if steps:
        figures["fix started"] = since(steps[0]["at"])
        figures["fix done"] = since(steps[-1]["at"])
    if incident["resolved_at"]:
        figures["verified"] = since(incident["resolved_at"])
    return figures
