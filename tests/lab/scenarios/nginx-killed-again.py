"""Policy auto: nginx is killed again soon after it was repaired. The cooldown refuses a second fix, by name."""

from laboratory import entry, expect, expect_order, times, wait_for


def scenario(lab):
    with lab("auto") as lab:
        lab.start()
        lab.kill_nginx()
        first, _ = lab.wait_for_status("resolved")
        fault = lab.kill_nginx()
        incident, timeline = lab.wait_for_status("needs-human")

        expect(incident["id"] == first["id"] and incident["reopened"] == 1, "it is the same incident, come back", incident)
        expect_order(timeline, "opened", "step", "resolved", "reopened", "probe", "plan", "gate", "needs-human")
        entry(timeline, "gate", "gate `cooldown` refused")
        lab.nginx_is("failed")
        steps = [e for e in lab.audit() if e["what"] == "step"]
        expect(len(steps) == 2, "it was repaired once", *steps)
        message = wait_for("the web hook is told", lab.told)[0]
        expect("gate `cooldown` refused the fix" in message["reason"], "the message names the gate", message)
        return times(fault, incident, timeline)
