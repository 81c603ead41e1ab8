"""A Debian with real systemd, booted over a volatile overlay: what happens in it is gone afterwards."""

import fcntl
import itertools
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
PATIENCE = 120  # seconds; a state that does not come by then never will
NUMBERS = itertools.count(1)


class Wrong(Exception):
    """Something is not as it must be."""


def wait_for(text, look, patience=PATIENCE, every=0.05):
    """The first answer of `look` that is not empty."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        answer = look()
        if answer:
            return answer
        time.sleep(every)
    raise Wrong(f"not within {patience} s: {text}")


def base():
    """The root file system, made if it is not there, and not taken away while this program runs."""
    folder = Path(subprocess.run([HERE / "base"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip())
    held = os.open(folder, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_SH)
    return folder


def children(pid):
    """The processes that a process has started."""
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


class Groups:
    """A control group of its own in every hierarchy: two systemds in one would take each other's processes for their own."""

    def __init__(self, name):
        self.folders = []
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            hierarchy = controllers.removeprefix("name=") or ("unified" if Path("/sys/fs/cgroup/unified").exists() else ".")
            folder = Path("/sys/fs/cgroup", hierarchy, path.lstrip("/"), name)
            if folder.parent.is_dir():
                folder.mkdir(exist_ok=True)
                self.folders.append(folder)
                for setting in ("cpus", "mems"):  # an empty cpuset takes no process
                    if (folder / f"cpuset.{setting}").exists():
                        (folder / f"cpuset.{setting}").write_text((folder.parent / f"cpuset.{setting}").read_text())

    def command(self):
        """The beginning of a command that goes into them."""
        enter = 'while [ "$1" != -- ]; do echo $$ >"$1/cgroup.procs"; shift; done; shift; exec "$@"'
        return ["sh", "-c", enter, "sh", *map(str, self.folders), "--"]

    def remove(self):
        """Takes them away, the innermost first, when the last process in them has come to its end."""
        for folder in self.folders:
            wait_for(f"{folder} is empty", lambda: self._remove(folder), 10)

    @staticmethod
    def _remove(folder):
        try:
            for inner, _, _ in os.walk(folder, topdown=False):
                os.rmdir(inner)
        except OSError:
            return False
        return True


class Container:
    """One boot of it. It has a network of its own with nothing but a loopback."""

    def __init__(self, base, folder, binds=()):
        name = f"heinzel-lab-{os.getpid()}-{next(NUMBERS)}"
        self.console = open(folder / "console", "wb")
        self.groups = Groups(name)
        # systemd-nspawn locks what it boots from: a second one would not get it.
        self.root = folder / "root"
        self.root.mkdir()
        # A lab that is killed takes its container with it: nspawn alone would leave its first process behind.
        nspawn = self.groups.command()
        nspawn += ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child=KILL", "--mount-proc"]
        nspawn += ["sh", "-c", 'mount --bind "$0" "$1" && shift && exec "$@"', str(base), str(self.root)]
        nspawn += ["systemd-nspawn", "--quiet", "--directory", str(self.root)]
        nspawn += ["--volatile=overlay", "--private-network", "--register=no", "--keep-unit", "--console=pipe"]
        nspawn += [f"--machine={name}", "--hostname=web1"]
        nspawn += [f"--bind-ro={host}:{inside}" for host, inside in binds] + ["--boot"]
        self.nspawn = subprocess.Popen(
            nspawn, stdin=subprocess.DEVNULL, stdout=self.console, stderr=self.console, start_new_session=True
        )
        self.leader = None

    def boot(self):
        """Waits until systemd in it says that it is up."""
        self.leader = wait_for("a first process", self._first_process, 30)
        state = wait_for("systemd is up", lambda: self._up(), 60)
        if state != "running":
            raise Wrong(f"the container boots with failed units: {self.run('systemctl', '--failed').stdout}")

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
        except (FileNotFoundError, ProcessLookupError):  # the second: it went between opening and reading
            pass
        return None

    def _up(self):
        state = self.run("systemctl", "is-system-running", check=False).stdout.strip()
        return state if state in ("running", "degraded") else None

    def run(self, *argv, check=True, text=None, patience=PATIENCE):
        """Runs a program in it."""
        environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "USER": "olga", "LANG": "C"}
        argv = ["nsenter", "--target", self.leader, "-a", "--", *argv]
        ended = subprocess.run(argv, env=environment, input=text, capture_output=True, text=True, timeout=patience)
        if check and ended.returncode != 0:
            raise Wrong(f"{' '.join(argv)}: exit {ended.returncode}\n{ended.stdout}{ended.stderr}")
        return ended

    def write(self, path, text):
        """Writes a file in it."""
        self.run("sh", "-c", 'mkdir -p "$(dirname "$0")" && cat > "$0"', path, text=text)

    def end(self):
        """Switches it off. Nothing of it is kept, so by force."""
        if self.nspawn.poll() is None:
            os.killpg(self.nspawn.pid, signal.SIGKILL)
            self.nspawn.wait()
        self.console.close()
        self.groups.remove()
        shutil.rmtree(self.root, ignore_errors=True)
