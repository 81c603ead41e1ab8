"""The way from observing to repairing: nginx dies and Heinzel observes, a person starts it by hand and promotes the rule.
The next death is repaired, although the incident of the first was never closed."""

from laboratory import entry, expect, expect_order, times


def scenario(lab):
    with lab("observe") as lab:
        lab.start()
        lab.kill_nginx()
        lab.wait_for_status("open")
        lab.nginx_is("failed")
        lab.run("systemctl", "start", "nginx.service")
        lab.heinzel("policy", "promote", "web.nginx-killed", "--to", "auto")
        fault = lab.kill_nginx()
        incident, timeline = lab.wait_for_status("resolved")
        expect_order(timeline, "opened", "probe", "plan", "gate", "probe", "plan", "step", "step", "verify", "resolved")
        entry(timeline, "gate", "gate `mode` refused")
        expect(lab.nginx_serves(), "nginx serves again")
        trail = lab.audit()
        expect([e["by"] for e in trail if e["what"] == "promoted"] == ["olga"], "the trail says who promoted", *trail)
        figures = times(fault, incident, timeline)
        return {what: figures[what] for what in ("fix started", "fix done", "verified")}
