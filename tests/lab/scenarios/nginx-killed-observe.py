"""Policy observe: the same fault is found and planned for, and nothing is done."""

from laboratory import entry, expect, expect_order, times


def scenario(lab):
    with lab("observe") as lab:
        lab.start()
        before = lab.units()
        fault = lab.kill_nginx()
        lab.nginx_is("failed")
        incident, timeline = lab.wait_for_status("open")

        expect_order(timeline, "opened", "probe", "plan", "gate")
        entry(timeline, "plan", "systemctl start nginx.service")
        entry(timeline, "gate", "gate `mode` refused")
        expect(incident["run"]["stage"]["end"] == {"end": "not-done", "mode": "observe"}, "it ended undone", incident)

        # The engine has had its say: stop it, so that nothing can come later.
        lab.run("systemctl", "stop", "heinzel.service")
        expect(lab.unit("nginx.service", "ActiveState")["ActiveState"] == "failed", "nginx stays dead")
        expect(not lab.nginx_serves(), "nginx serves nothing")
        expect(lab.units() == before, "nothing else was touched", before, lab.units())
        steps = [e for e in lab.audit() if e["what"] == "step"]
        expect(steps == [], "no step is in the audit trail", *steps)
        incident, _ = lab.incident(incident["id"])
        expect(incident["status"] == "open", "the incident is not resolved", incident)
        expect(len(lab.incidents()) == 1, "one death is one incident", *lab.incidents())
        expect(lab.told() == [], "nobody was woken", *lab.told())
        return times(fault, incident, timeline)
