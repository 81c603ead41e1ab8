"""Policy auto, and nginx takes seconds to come to rest after its death: the probe sees `deactivating`, and systemctl start
waits for the end of it."""

from laboratory import entry, expect, expect_order, times


def scenario(lab):
    with lab("auto") as lab:
        lab.nginx_with("ExecStopPost=/bin/sleep 3")
        lab.start()
        fault = lab.kill_nginx()
        incident, timeline = lab.wait_for_status("resolved")
        expect_order(timeline, "opened", "probe", "plan", "step", "step", "verify", "check", "resolved")
        entry(timeline, "probe", '"state":"deactivating"')
        entry(timeline, "plan", "systemctl start nginx.service")
        expect(len([e for e in lab.audit() if e["what"] == "step"]) == 2, "one step was taken and came back", *timeline)
        # Systemd's second line comes seconds after the first, in the middle of the fix.
        expect(incident["findings"] == 2 and len(lab.incidents()) == 1, "one death is one incident", *lab.incidents())
        expect(lab.nginx_serves(), "nginx serves again")
        return times(fault, incident, timeline)
