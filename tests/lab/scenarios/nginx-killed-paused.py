"""Policy auto and the kill switch: while fixes are paused nothing is done; after `resume` it is repaired."""

from laboratory import entry, expect, expect_order, seconds, times, wait_for


def scenario(lab):
    with lab("auto") as lab:
        lab.start()
        lab.heinzel("pause", "--why", "migration")
        fault = lab.kill_nginx()

        def held():
            found = lab.incidents()
            view = found and lab.incident(found[0]["id"])
            return view and view[0]["run"]["stage"]["stage"] == "held" and view

        incident, timeline = wait_for("the plan is held", held)
        entry(timeline, "gate", "gate `pause` holds: olga paused all fixes")
        steps = [e for e in lab.audit() if e["what"] == "step"]
        expect(steps == [] and not lab.nginx_serves(), "nothing is done while it is paused", *steps)
        # Not even by a restart of the engine.
        lab.run("systemctl", "stop", "heinzel.service")
        lab.start()
        _, timeline = lab.incident(incident["id"])
        expect("step" not in [e["what"] for e in timeline], "a restart does not let it go", *timeline)

        lab.heinzel("resume")
        incident, timeline = lab.wait_for_status("resolved")
        expect_order(timeline, "opened", "probe", "plan", "gate", "step", "verify", "check", "resolved")
        expect(lab.nginx_serves(), "nginx serves again")
        resumed = [e for e in lab.audit() if e["what"] == "resumed"][0]
        figures = times(fault, incident, timeline)
        figures["fix started after resume"] = round((seconds(entry(timeline, "step")["at"]) - seconds(resumed["at"])) * 1000)
        return figures
