"""What there is in a container, and what has changed since: every service's start, every file that is not a service's own."""

import re

# Files that only an administrator or a fix changes. What a service keeps in /var/lib or /var/log it changes by itself.
FOLDERS = ["/etc", "/home", "/opt", "/root", "/srv", "/usr/local", "/var/www", "/var/spool/cron"]
# Come and go by themselves.
VISITORS = re.compile(r"^(heinzel|lab-.*|systemd-.*|dbus|user@.*|user-runtime-dir@.*|run-.*|logrotate|e2scrub.*|getty.*|console-.*)\.service$")


def units(container):
    """Every service, and which start of it this is."""
    names = "Id,ActiveState,InvocationID"
    said = container.run("systemctl", "show", "--type=service", "--all", "--property", names, "--", "*").stdout
    blocks = [dict(line.split("=", 1) for line in block.splitlines()) for block in said.strip().split("\n\n")]
    return {u["Id"]: f"{u['ActiveState']} {u['InvocationID']}" for u in blocks if not VISITORS.match(u["Id"])}


def files(container):
    """Every file that only an administrator changes, with its owner, mode, size and time."""
    form = r"%p\t%y %U:%G %m %s %T@ %l\n"
    said = container.run("find", *FOLDERS, "-xdev", "!", "-type", "d", "-printf", form, check=False).stdout
    return dict(line.split("\t", 1) for line in said.splitlines())


class Snapshot:
    """The state of all of it at one time."""

    def __init__(self, container):
        self.units, self.files = units(container), files(container)

    def changes(self, other):
        """What is another start, another state or another file in `other`: names of units and paths."""
        return changed(self.units, other.units) + changed(self.files, other.files)


def changed(before, after):
    """The names that are not the same in both."""
    return [name for name in sorted({**before, **after}) if before.get(name) != after.get(name)]
