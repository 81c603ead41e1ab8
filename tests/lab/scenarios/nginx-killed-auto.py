"""Policy auto: nginx is killed with -9, found in the journal, started again and proved to be well."""

from laboratory import entry, expect, expect_order, times


def scenario(lab):
    with lab("auto") as lab:
        lab.start()
        expect(lab.nginx_serves(), "nginx serves before the fault")
        before = lab.units()
        fault = lab.kill_nginx()
        incident, timeline = lab.wait_for_status("resolved")

        expect(lab.nginx_serves(), "nginx serves again")
        expect_order(timeline, "opened", "probe", "plan", "step", "step", "verify", "check", "resolved")
        expect(incident["cause"]["place"]["source"] == "journal", "it was found in the journal", incident)
        expect(incident["cause"]["message"] in lab.journal("-u", "nginx"), "the line is in the journal", incident)
        entry(timeline, "plan", "systemctl start nginx.service")
        entry(timeline, "step", "done: systemctl start nginx.service")
        for proof in ("unit nginx.service: active is true", "GET http://127.0.0.1/: reached is true", "quiet for 20s"):
            entry(timeline, "verify", proof)
        entry(timeline, "check", "all 3 checks held")
        expect("gate" not in [e["what"] for e in timeline], "no gate refused", *timeline)

        expect(lab.units() == before, "nothing else was touched", before, lab.units())
        trail = lab.audit()
        steps = [e for e in trail if e["what"] == "step"]
        expect(len(steps) == 2, "one step was taken and came back", *steps)
        expect(len(lab.incidents()) == 1, "one death is one incident", *lab.incidents())
        expect(incident["findings"] == 2, "systemd's two lines about it were both read", incident)
        expect(lab.told() == [], "nobody was woken", *lab.told())
        return times(fault, incident, timeline)
