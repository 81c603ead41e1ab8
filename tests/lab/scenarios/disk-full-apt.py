"""The disk of /var/cache is full of downloaded packages; programs cannot write. Only what can be fetched again may go."""

RULE = "system.disk-full|storage.disk-full"
STEPS = ["run apt-get clean"]


def prepare(lab):
    lab.sh("mkdir -p /root/keep && cp -a /var/cache/. /root/keep/ && mount -t tmpfs -o size=24m none /var/cache && cp -a /root/keep/. /var/cache/ && rm -r /root/keep")


def healthy(lab):
    return lab.sh("echo x 2>/dev/null >/var/cache/probe && rm /var/cache/probe && echo well", check=False) == "well\n"


def fault(lab):
    lab.sh("for i in 1 2 3 4 5 6 7 8; do dd if=/dev/zero of=/var/cache/apt/archives/linux-image-$i.deb bs=1M count=8; done 2>/dev/null", check=False)
    at = lab.now()
    for _ in range(3):
        command = "cp /etc/services /var/cache/lab"
        lab.run("systemd-run", "--quiet", "--wait", "sh", "-c", command, check=False)
    return at
