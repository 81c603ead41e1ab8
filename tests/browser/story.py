"""The whole story, with the real engine: a customer writes that the server does not start, and need not send it any more.

A backup was killed and has left its lock; the customer's attempt to start the server failed. That was before Heinzel began to read the task history, so
what follows is set off by the draft alone. A second customer writes the same on the shop's own page, on another origin; that server is well."""

import os
import time
from types import SimpleNamespace

from form import CSP
from machine import FAKETIME, Machine
from mock import Pages

DRAFT = "Mein Server startet nicht"
RULE = "virtualisation.guest-locked"


def missing(binary):
    """Why it cannot be played here; None: it can."""
    if not binary.is_file():
        return f"there is no {binary}; `cargo build -p heinzel`, or say --binary FILE"
    if os.getuid() != 0:
        return "it needs root, for a mount namespace"
    if FAKETIME is None:
        return "libfaketime is missing (Debian: apt-get install libfaketime); the report is asked for three days later"
    return None


def expect(holds, text, *evidence):
    """What must be so, with what was seen instead."""
    assert holds, text + "".join(f"\n    {one}" for one in evidence)


def play(browser, out, binary):
    """Plays it; leaves a picture of each step in `out`."""
    step = _Steps(out)
    shop = Pages(SimpleNamespace(origin="", allowed=None), CSP)
    with Machine(binary, shop.origin) as machine:
        try:
            _break(machine)
            machine.start()
            shop.engine = machine.address
            _introduce(machine)
            page = browser.page(width=900, height=1000)
            page.ask("Emulation.setTimezoneOverride", timezoneId="Europe/Berlin")  # where the machine is, too
            try:
                _customer(machine, page, step)
                _neighbour(machine, page, step, shop)
            except BaseException:
                step("failed", page)
                raise
            finally:
                page.close()
            _count(machine)
        except BaseException:
            (out / "story-heinzel.log").write_text(machine.logs())
            raise
        finally:
            shop.stop()


class _Steps:
    def __init__(self, out):
        self.out, self.number = out, 0
        for old in out.glob("story-*"):
            old.unlink()

    def __call__(self, name, page):
        self.number += 1
        page.picture(self.out / f"story-{self.number}-{name}.png")


def _introduce(machine):
    """The shop's systems say whose server it is."""
    for path, record in (("/v1/customers/K1", {"name": "Erika Muster", "language": "de"}), ("/v1/assets/vm:100", {"name": "shop", "owner": "K1"}),
                         ("/v1/customers/K2", {"name": "Max Beispiel", "language": "de"}), ("/v1/assets/vm:101", {"name": "wiki", "owner": "K2"})):
        status, answer = machine.ask("PUT", path, record)
        expect(status in (200, 201), f"PUT {path} is taken", status, answer)


def _break(machine):
    """The lock of a dead backup, and a start that fails for it."""
    conf = machine.folder / "pve/qemu-server/100.conf"
    conf.write_text(conf.read_text() + "lock: backup\n")
    ended = machine.qm("start", "100")
    expect(ended.returncode == 255 and "VM is locked (backup)" in ended.stderr, "the server does not start", ended)
    expect("VM is locked (backup)" in (machine.folder / "pve-log/tasks/index").read_text(), "its task history says why")


def _customer(machine, page, step):
    page.open(f"{machine.address}/demo?lang=de")
    page.until("document.getElementById('who').textContent.includes('K1')", "the demo knows its customer")
    step("form", page)

    page.click("document.getElementById('body')")
    page.type(DRAFT, pause=0.08)
    page.until("S.querySelectorAll('summary').length", "suggestions appear")
    titles = page.js("[...S.querySelectorAll('summary')].map(n => n.textContent)")
    expect(any("startet nicht" in title for title in titles), "one is about a server that does not start", *titles)
    expect(page.js("document.activeElement.id") == "body" and page.js("document.getElementById('body').value") == DRAFT, "the draft is left alone")
    step("suggestions", page)

    page.until("S.querySelectorAll('.news li').length", "news appears")
    step("news", page)
    page.until("!!S.querySelector('.news li.repaired')", "the form says that it is repaired", patience=90)
    step("repaired", page)
    told = page.js("[...S.querySelectorAll('.news li')].map(n => n.className + ': ' + n.querySelector('.text').textContent)")
    expect([line.split(":")[0] for line in told] == ["checking", "repairing", "repaired"], "the form says each step", *told)
    expect("gesperrt" in told[1] and told[2].endswith("läuft wieder."), "the form says what was found, and that it runs again", *told)
    _is_healed(machine)

    page.click("S.querySelector('.news button')")
    page.until("S.querySelector('.news p').textContent.includes('nicht zu senden')", "the customer is thanked")
    step("solved", page)
    bad = [line for line in page.console() if line[0] != "debug"]
    expect(not bad, "the page is quiet", *bad)


def _neighbour(machine, page, step, shop):
    """Another customer, another origin: the page's claim has run out and is renewed; nothing is wrong; the ticket is sent all the same."""
    before = len(page.events)
    page.open(f"{shop.origin}/form.html")
    page.js("W.setAttribute('asset', 'vm:101')")
    page.js(f"document.addEventListener('heinzel:claim', () => W.setAttribute('claim', '{machine.claim('K2')}'))")
    page.click("document.getElementById('body')")
    page.type(DRAFT, pause=0.03)
    page.until("S.querySelectorAll('summary').length", "suggestions appear")
    expect(page.js("heard.map(one => one[0])")[0] == "claim", "the page was asked for a new claim", page.js("heard"))
    page.until("!!S.querySelector('.news li.well')", "the form says that the server is well", patience=30)
    expect(page.js("!S.querySelector('.news button').checkVisibility()"), "where nothing was repaired, nothing was solved")
    step("well", page)
    draft = page.js("W.draftId")
    page.click("document.getElementById('send')")
    page.until(lambda: shop.posted, "the shop gets the ticket")
    expect(f"draft_id={draft}" in shop.posted[0], "the ticket names its draft", *shop.posted)
    statuses = sorted({parameters["response"]["status"] for name, parameters in page.events[before:]
                       if name == "Network.responseReceived" and "/v1/" in parameters["response"]["url"]})
    expect(statuses in ([200, 204, 401], [200, 401]), "one refusal, for the claim, and no other", *statuses)
    expect([call for call in machine.calls() if call.endswith("101") and call.split()[1] in ("unlock", "start", "stop")] == [], "nothing was done to it")


def _is_healed(machine):
    expect("lock:" not in (machine.folder / "pve/qemu-server/100.conf").read_text(), "the lock is gone")
    expect(machine.qm("status", "100").stdout == "status: running\n", "the server runs")
    changing = [call for call in machine.calls() if call.split()[1] in ("unlock", "start", "stop")]
    expect(changing == ["qm start 100", "qm unlock 100", "qm start 100"], "it was unlocked and started once, and nothing else was done", *changing)
    incidents = [one for one in machine.heinzel("incident", "list", "--all") if one["rule"] == RULE]
    expect(len(incidents) == 1 and incidents[0]["asset"] == "vm:100" and incidents[0]["status"] == "resolved", "one incident, resolved", *incidents)
    audit = machine.heinzel("audit", "verify")[0]
    expect(audit["broken"] is None, "the audit trail is whole", audit)


def _report(machine):
    status, answer = machine.ask("GET", "/v1/reports/deflection")
    expect(status == 200, "the report comes", status, answer)
    return answer["report"]


def _count(machine):
    """The report counts one: not at once, for a ticket within 72 hours would take it back, but then."""
    end = time.monotonic() + 10
    while (report := _report(machine))["too_young"] != 2 and time.monotonic() < end:
        time.sleep(0.1)
    expect(report["too_young"] == 2 and report["drafts"] == 0, "the drafts are known, and too young to be counted", report)
    expect(machine.stop() == 0, "heinzel ends well", machine.logs())
    machine.start(hours=73)
    report = _report(machine)
    counted = {outcome: count["drafts"] for outcome, count in report["outcomes"].items() if count["drafts"]}
    expect(report["drafts"] == 2 and counted == {"solved": 1, "sent": 1}, "deflection counts one solved draft, and apart from it the one that was sent", report)
    solved = report["outcomes"]["solved"]
    expect(solved["later_ticket"] == 0 and solved["anonymous"] == 0, "of a known customer, without a later ticket", solved)
