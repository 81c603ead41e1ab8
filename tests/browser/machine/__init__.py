"""A host with virtual servers that is none: real Heinzel beside stand-ins for Proxmox VE's command and folders.

Heinzel runs in a mount namespace of its own, in which `/etc/pve`, `/var/log/pve` and `/usr/local/sbin` are folders of the test. The machine that the test
runs on is not touched, and its own `/etc` is only read."""

import base64
import hmac
import json
import os
import re
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[2]
TOKEN = "a-token-of-the-browser-tests"
SECRET = "a-secret-that-the-shop-signs-claims-with"
FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
_MOUNTS = """
set -e
for part in etc log; do mkdir -p "$0/$part/up" "$0/$part/work"; done
mount -t overlay overlay -o "lowerdir=/etc,upperdir=$0/etc/up,workdir=$0/etc/work" /etc
mount -t overlay overlay -o "lowerdir=/var/log,upperdir=$0/log/up,workdir=$0/log/work" /var/log
mkdir -p /etc/pve /var/log/pve
mount --bind "$0/pve" /etc/pve
mount --bind "$0/pve-log" /var/log/pve
mount --bind "$0/sbin" /usr/local/sbin
"""


class Machine:
    """The host. `start` starts Heinzel on it."""

    def __init__(self, binary, shop):
        self.shop = shop  # the origin of the pages with its form
        self.binary = Path(binary).resolve()
        self.folder = Path(tempfile.mkdtemp(prefix="heinzel-story-"))
        self.engine = None
        self.address = None

    def __enter__(self):
        for name in ("layers", "pve/qemu-server", "pve-log/tasks", "sbin", "state", "rules"):
            (self.folder / name).mkdir(parents=True)
        for number, name in ((100, "shop"), (101, "wiki")):
            (self.folder / f"pve/qemu-server/{number}.conf").write_text(f"cores: 2\nmemory: 2048\nname: {name}\n")
        (self.folder / "pve-log/running.101").touch()
        for name in ("index", "active"):
            (self.folder / "pve-log/tasks" / name).touch()
        for name in ("qm", "systemd-run"):
            (self.folder / "sbin" / name).write_bytes((HERE / name).read_bytes())
            (self.folder / "sbin" / name).chmod(0o755)
        text = (HERE / "heinzel.toml").read_text().replace("@FOLDER@", str(self.folder)).replace("@TOKEN@", TOKEN)
        text = text.replace("@ORIGIN@", self.shop).replace("@SECRET@", SECRET)
        self.settings = self.folder / "heinzel.toml"
        self.settings.write_text(text)
        return self

    def __exit__(self, *_):
        self.stop()
        subprocess.run(["rm", "-rf", str(self.folder)], check=False)

    def inside(self, *argv, **more):
        """A program in the host's namespace."""
        layers = tempfile.mkdtemp(dir=self.folder / "layers")  # overlays are not shared
        for name in ("pve", "pve-log", "sbin"):
            os.symlink(self.folder / name, f"{layers}/{name}")
        return ["unshare", "--mount", "--propagation", "private", "bash", "-c", f'{_MOUNTS}exec "$@"', layers, *map(str, argv)]

    def start(self, hours=0):
        """Starts Heinzel and waits until it is ready; `hours`: in so many hours."""
        log = self.folder / f"heinzel-{hours}.log"
        environment = dict(os.environ, TZ="Europe/Berlin")
        if hours:
            environment |= {"LD_PRELOAD": str(FAKETIME), "FAKETIME": f"+{hours}h", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        argv = ["env", *(f"{name}={value}" for name, value in environment.items() if name in ("LD_PRELOAD", "FAKETIME", "FAKETIME_DONT_FAKE_MONOTONIC")),
                str(self.binary), "--config", self.settings, "--rules", REPOSITORY / "rules", "run"]
        with open(log, "w") as out:
            self.engine = subprocess.Popen(self.inside(*argv), stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=dict(os.environ, TZ="Europe/Berlin"))
        end = time.monotonic() + 60
        while True:
            found = re.search(r"http://([0-9.]+:[0-9]+)", log.read_text())
            if found:
                self.address = f"http://{found.group(1)}"
                # Until then suggestions are answered by 503, which the browser's console would show.
                if self.ask("GET", "/readyz")[0] == 200:
                    return
            if self.engine.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"heinzel does not become ready:\n{log.read_text()}")
            time.sleep(0.1)

    def stop(self):
        """Stops Heinzel; gives its exit status."""
        if self.engine is None:
            return None
        engine, self.engine = self.engine, None
        engine.send_signal(signal.SIGTERM)
        try:
            return engine.wait(30)
        except subprocess.TimeoutExpired:
            engine.kill()
            return engine.wait()

    def logs(self):
        """What Heinzel said."""
        return "".join(path.read_text() for path in sorted(self.folder.glob("heinzel-*.log")))

    def qm(self, *words):
        """What a technician or the customer area does on the host."""
        return subprocess.run(self.inside("qm", *words), capture_output=True, text=True)

    def calls(self):
        """The words of `qm` that were said on the host, in order."""
        return [line.split(" ", 1)[1] for line in (self.folder / "pve-log/calls").read_text().splitlines()]

    def ask(self, method, path, body=None):
        """One HTTP request: status and the JSON of the answer."""
        request = urllib.request.Request(self.address + path, method=method, data=None if body is None else json.dumps(body).encode(),
                                         headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read()
        except OSError as error:
            return 0, str(error)
        try:
            return status, json.loads(text)
        except ValueError:
            return status, text.decode(errors="replace")

    @staticmethod
    def claim(customer):
        """What the shop's backend signs for a customer who is logged in: a JSON web token (HS256)."""
        def part(data):
            return base64.urlsafe_b64encode(data).rstrip(b"=")

        content = {"sub": customer, "exp": int(time.time()) + 600}
        signed = b".".join(part(json.dumps(piece).encode()) for piece in ({"alg": "HS256", "typ": "JWT"}, content))
        return (signed + b"." + part(hmac.digest(SECRET.encode(), signed, "sha256"))).decode()

    def heinzel(self, *words):
        """What a command of Heinzel's says, as JSON lines."""
        ended = subprocess.run([str(self.binary), "--config", str(self.settings), "--json", *words], capture_output=True, text=True, check=True)
        return [json.loads(line) for line in ended.stdout.splitlines()]
