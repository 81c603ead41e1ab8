"""As `heinzel init` sets it up: the same lines arrive through the journal and through rsyslog's file. One death is one
incident and one fix, and what the slower source tells later does not break the proof."""

from laboratory import expect, expect_order, times

SOURCES = """\
[[source]]
name = "journal"
kind = "journald"

[[source]]
name = "syslog"
kind = "file"
path = "/var/log/syslog"
format = "syslog"
"""


def scenario(lab):
    with lab("auto", sources=SOURCES) as lab:
        lab.start()
        fault = lab.kill_nginx()
        incident, timeline = lab.wait_for_status("resolved")
        expect_order(timeline, "opened", "probe", "plan", "step", "verify", "check", "resolved")
        expect(len(lab.incidents()) == 1, "one death is one incident", *lab.incidents())
        expect(incident["findings"] == 4, "both sources told both lines", incident)
        steps = [e for e in lab.audit() if e["what"] == "step"]
        expect(len(steps) == 2, "one step was taken and came back", *steps)
        expect(lab.nginx_serves(), "nginx serves again")
        return times(fault, incident, timeline)
