"""The same fault, looked after by Monit or fail2ban with a sensible configuration of the same duty.

Each has a container of its own without Heinzel. Whether the service is well again is seen by the same eyes.
"""

import time

from container import wait_for
from laboratory import World
from world import Snapshot

PATIENCE = 60  # seconds for it to help; a Monit cycle is 5
MONIT = """\
set daemon 5
set log /var/log/monit.log
set httpd unixsocket /run/monit.socket
    allow root:root
"""
FAIL2BAN = """\
[DEFAULT]
banaction = nftables-allports
ignoreself = false
ignoreip =
usedns = no
"""


def beside(scenario, base, health):
    """What each of the others makes of it: milliseconds until it was well, `no` if it never was, None if it is no duty of theirs."""
    result = {}
    for name, text, begin in (("monit", scenario.monit, _monit), ("fail2ban", scenario.fail2ban, _fail2ban)):
        if text is not None:
            result |= _play(name, text, begin, scenario, base, health)
    return result


def _play(name, text, begin, scenario, base, health):
    with World(base) as world:
        scenario.begin(world)
        begin(world, text)
        before = Snapshot(world.container)
        looks = health(scenario, world)
        looks.start()
        try:
            fault = scenario.inject(world)
            scenario.call("meanwhile", world)
            began = time.monotonic()
            # Ill for less than a tenth of a second, it may never be seen ill.
            while looks.back(fault) is None and time.monotonic() < began + (PATIENCE if looks.ill else PATIENCE / 4):
                time.sleep(0.2)
            time.sleep(1)
        finally:
            looks.end()
        may = {f"{service}.service" for service in scenario.services} | {f"{name}.service"}
        changes = [c for c in before.changes(Snapshot(world.container)) if c not in may and c not in scenario.changes]
        back = looks.back(fault)
        # Never seen ill, there was nothing to help with.
        back = "no" if back is None and looks.ill else back
        return {f"{name}_ms": back, f"{name}_changes": changes}


def _monit(world, text):
    world.write("/etc/monit/monitrc", f"{MONIT}\n{text}\n")
    world.run("chmod", "600", "/etc/monit/monitrc")
    world.run("systemctl", "start", "monit")
    wait_for("Monit has looked once", lambda: "uptime" in world.sh("monit status 2>/dev/null", check=False))


def _fail2ban(world, text):
    world.write("/etc/fail2ban/jail.local", f"{FAIL2BAN}\n{text}\n")
    world.sh("rm -f /etc/fail2ban/jail.d/*")
    world.run("systemctl", "start", "fail2ban")
    wait_for("fail2ban answers", lambda: world.true("fail2ban-client", "ping"))
