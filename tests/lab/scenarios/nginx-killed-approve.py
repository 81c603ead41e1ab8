"""Policy approve: the plan waits for a person, and is carried out when one says so."""

from laboratory import entry, expect, expect_order, seconds, times, wait_for


def scenario(lab):
    with lab("approve") as lab:
        lab.start()
        fault = lab.kill_nginx()
        incident, timeline = lab.wait_for_status("awaiting-approval")
        entry(timeline, "gate", "gate `approval` asks for approval")
        message = wait_for("the web hook is told", lab.told)[0]
        expect(message["incident"] == incident["id"], "it is told about this incident", message)
        expect("heinzel approve" in message["reason"], "the message says what to do", message)
        expect(message["steps"] == ["systemctl start nginx.service"], "the message shows the plan", message)
        steps = [e for e in lab.audit() if e["what"] == "step"]
        expect(steps == [] and not lab.nginx_serves(), "nothing is done before the word", *steps)

        said = lab.heinzel("approve", str(incident["id"]))[0]
        expect(said["ok"], "the approval is taken", said)
        incident, timeline = lab.wait_for_status("resolved")
        expect_order(timeline, "opened", "probe", "plan", "gate", "approved", "probe", "plan", "step", "verify", "resolved")
        approved = entry(timeline, "approved", "systemctl start nginx.service")
        expect(approved["by"] == "olga", "the trail says who approved", approved)
        expect(lab.nginx_serves(), "nginx serves again")
        lab.audit()
        figures = times(fault, incident, timeline)
        figures["fix started after approval"] = round((seconds(entry(timeline, "step")["at"]) - seconds(approved["at"])) * 1000)
        return figures
