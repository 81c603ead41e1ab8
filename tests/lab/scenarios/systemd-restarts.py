"""Policy auto, but systemd itself restarts nginx: Heinzel keeps its hands off and only proves that it is well again.

Heinzel starts after the death and reads what was written before, so that it certainly meets nginx waiting for its restart.
"""

from laboratory import entry, expect, expect_order, times, wait_for

SINCE = '[[source]]\nname = "journal"\nkind = "journald"\nstart = "since 5m"\n'


def scenario(lab):
    with lab("auto", sources=SINCE) as lab:
        lab.nginx_with("Restart=on-failure\nRestartSec=10")
        fault = lab.kill_nginx()
        wait_for("systemd waits to restart it", lambda: lab.unit("nginx.service", "SubState")["SubState"] == "auto-restart")
        lab.start()
        incident, timeline = lab.wait_for_status("resolved")
        expect_order(timeline, "opened", "probe", "plan", "verify", "check", "resolved")
        entry(timeline, "probe", '"sub":"auto-restart"')
        entry(timeline, "plan", "nothing to do; the checks decide")
        entry(timeline, "resolved", "well without a fix")
        steps = [e for e in lab.audit() if e["what"] == "step"]
        expect(steps == [], "no step was taken", *steps)
        expect(lab.unit("nginx.service", "NRestarts")["NRestarts"] == "1", "systemd restarted it once")
        expect(lab.nginx_serves(), "nginx serves again")
        expect(lab.told() == [], "nobody was woken", *lab.told())
        return times(fault, incident, timeline)
