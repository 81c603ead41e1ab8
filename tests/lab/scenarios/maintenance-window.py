"""An administrator works on the host in a maintenance window and stops nginx with -9. Hands off."""

import time

from laboratory import entry, expect

RULE = "web.nginx-killed"
EXPECTED = "held"
SERVICES = ["nginx"]
QUICK = True


def at(offset):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + offset))


POLICY = f"""\
[[policy.maintenance]]
assets = ["host:*"]
from = "{at(-3600)}"
until = "{at(3600)}"
"""


def fault(lab):
    return lab.kill("nginx")


def after(lab, incident, timeline):
    entry(timeline, "gate", "maintenance on host:web1 until")
    expect(lab.steps() == [] and not lab.http(), "nothing is done in the window")
