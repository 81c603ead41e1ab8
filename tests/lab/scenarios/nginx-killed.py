"""nginx's main process is killed with -9."""

from laboratory import entry, expect, expect_order

RULE = "web.nginx-killed"
SERVICES = ["nginx"]
STEPS = ["systemctl start nginx.service"]
QUICK = True
MONIT = """\
check process nginx with pidfile /run/nginx.pid
    start program = "/bin/systemctl start nginx"
    stop program = "/bin/systemctl stop nginx"
    if failed host 127.0.0.1 port 80 protocol http then restart
"""


def healthy(lab):
    return lab.http()


def fault(lab):
    return lab.kill("nginx")


def after(lab, incident, timeline):
    expect_order(timeline, "opened", "probe", "plan", "step", "step", "verify", "check", "resolved")
    entry(timeline, "step", "done: systemctl start nginx.service")
    expect("gate" not in [e["what"] for e in timeline], "no gate refused", *timeline)
    expect(incident["cause"]["message"] in lab.journal("-u", "nginx"), "the line is in the journal", incident)
    expect(len(lab.incidents(RULE)) == 1, "one death is one incident", *lab.incidents())
    expect(lab.told() == [], "nobody was woken", *lab.told())
