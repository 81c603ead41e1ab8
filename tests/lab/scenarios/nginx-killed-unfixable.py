"""Policy auto, but nginx cannot start: its configuration was broken before it died. The fix fails and a person is told."""

from laboratory import entry, expect, expect_order, times, wait_for


def scenario(lab):
    with lab("auto") as lab:
        lab.start()
        before = lab.units()
        lab.write("/etc/nginx/conf.d/customer.conf", "server { listen 8080; no_such_directive on; }\n")
        fault = lab.kill_nginx()
        incident, timeline = lab.wait_for_status("needs-human")

        expect_order(timeline, "opened", "probe", "plan", "step", "step", "needs-human")
        failed = entry(timeline, "step", "failed: systemctl start nginx.service")
        expect("exit code 1" in failed["text"], "it says how systemctl ended", failed)
        expect(failed["text"].count("systemctl start nginx.service") == 1, "it says so once", failed)
        entry(timeline, "needs-human", "the fix did not hold")
        end = incident["run"]["stage"]["end"]
        expect(end["end"] == "failed", "the run has failed", incident)
        steps = [e for e in lab.audit() if e["what"] == "step"]
        expect(len(steps) == 2, "it was tried once", *steps)
        expect(not lab.nginx_serves(), "nginx is still dead")
        expect(lab.units() == before, "nothing else was touched", before, lab.units())

        message = wait_for("the web hook is told", lab.told)[0]
        for key, value in {
            "incident": incident["id"],
            "rule": "web.nginx-killed",
            "title": "nginx was killed",
            "severity": "critical",
            "asset": incident["asset"],
            "steps": ["systemctl start nginx.service"],
        }.items():
            expect(message[key] == value, f"the message's `{key}` is {value}", message)
        expect(message["reason"].startswith("the fix did not hold: `systemctl start nginx.service` failed"), "why", message)
        wait_for("the delivery is in the timeline", lambda: "told" in [e["what"] for e in lab.incident(incident["id"])[1]])
        expect(len(lab.told()) == 1, "it is told once", *lab.told())
        _, timeline = lab.incident(incident["id"])
        told = entry(timeline, "told", "took it")
        figures = times(fault, incident, timeline)
        return figures | {"person told": times(fault, incident, [told | {"what": "step"}])["fix done"]}
