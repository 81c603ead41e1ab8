"""An engine that is away, overloaded, or says no. The form is not worse for it."""

import time

from form import FIVE, TEN, claim
from mock import item, problem, suggestions


def _silent(form):
    form.expects_errors = True
    form.stays("S.querySelector('.panel').hidden", 0.5)
    assert len([1 for kind, _ in form.page.console() if kind == "debug"]) == 1, form.page.console()


def _status(status, **headers):
    return status, {name.replace("_", "-"): value for name, value in headers.items()}, b'{"type":"about:blank","title":"no"}'


def away(form):
    form.open()
    form.engine.stop()
    form.write(FIVE)
    form.until(lambda: any(kind == "debug" for kind, _ in form.page.console()))
    _silent(form)
    form.write(TEN)
    _silent(form)
    form.page.click("document.getElementById('send')")
    form.until(lambda: form.shop.posted)


def not_even_the_script(form):
    form.expects_errors = True
    form.engine.stop()
    form.open().write(FIVE)
    assert form.js("S === null && W.getBoundingClientRect().height === 0")
    form.page.click("document.getElementById('send')")
    form.until(lambda: form.shop.posted)


def too_many_questions(form):
    form.engine.answer = lambda _: _status(429, Retry_After="2")
    form.open().write(FIVE)
    form.asks(1)
    began = time.monotonic()
    form.engine.answer = lambda _: suggestions(item())
    form.write(TEN)
    _silent(form)
    form.shows("Mein Server startet nicht")
    assert 1.7 < time.monotonic() - began < 3.5, time.monotonic() - began
    form.asks(2)


def broken(form):
    form.engine.answer = lambda _: _status(500)
    form.open().write(FIVE)
    form.asks(1)
    form.write(TEN)
    _silent(form)
    form.asks_no_more(1, 2)
    form.engine.answer = lambda _: suggestions(item())
    form.asks(2)  # five seconds after the first
    form.shows("Mein Server startet nicht")


def what_stands_there_stays(form):
    form.open().write(FIVE)
    form.shows("Mein Server startet nicht")
    form.engine.answer = lambda _: _status(503, Retry_After="60")
    form.write(TEN)
    form.asks(2)
    form.expects_errors = True
    form.stays("S.querySelector('summary')?.textContent === 'Mein Server startet nicht'", 0.5)


def slow(form):
    def answer(_):
        time.sleep(9)
        return suggestions(item())

    form.engine.answer = answer
    form.open().write(FIVE)
    form.asks(1)
    form.until(lambda: any(kind == "debug" for kind, _ in form.page.console()), patience=12)
    _silent(form)


def a_claim_that_has_run_out(form):
    form.engine.answer = lambda _: problem(401, "no_claim")
    form.open().write(FIVE)
    form.until("heard.length")
    assert form.js("heard[0][0]") == "claim"
    _silent(form)
    form.write(TEN)
    form.asks_no_more(1, 1.6)
    form.engine.answer = lambda _: suggestions(item())
    form.js(f"W.setAttribute('claim', '{claim('K1', 'new')}')")
    form.asks(2)
    assert form.engine.asked[1][1]["Heinzel-Claim"] == claim("K1", "new")
    assert form.engine.asked[0][2]["draft_id"] == form.engine.asked[1][2]["draft_id"]
    form.shows("Mein Server startet nicht")


def claims_that_never_count(form):
    form.engine.answer = lambda _: problem(401, "no_claim")
    form.open()
    form.js(f"document.addEventListener('heinzel:claim', () => W.setAttribute('claim', '{claim('K1', '')}' + Math.random()))")
    form.write(FIVE)
    form.asks(2)
    form.asks_no_more(2, 2.5)
    _silent(form)


def claims_that_run_out_soon(form):
    """The page is asked again, also within half a minute: late, and as long as it sets none, when the customer writes on."""
    form.page.ask("Page.addScriptToEvaluateOnNewDocument", source="""
        const real = window.setTimeout; // what takes longer than ten seconds, is over in the tenth part of it
        window.setTimeout = (act, ms, ...more) => real.call(window, act, ms > 10000 ? ms / 10 : ms, ...more);""")
    form.engine.answer = lambda _: problem(401, "no_claim")
    form.open().write(FIVE)
    form.until("heard.length === 1")
    form.engine.answer = lambda _: suggestions(item())
    form.js(f"W.setAttribute('claim', '{claim('K1', 'second')}')")
    form.shows("Mein Server startet nicht")
    form.engine.answer = lambda _: problem(401, "no_claim")
    form.write(TEN)
    form.asks(3)
    form.stays("heard.filter(one => one[0] === 'claim').length === 1", 1)
    form.until("heard.filter(one => one[0] === 'claim').length === 2")
    form.engine.answer = lambda _: suggestions(item("own/other", "Etwas anderes"))
    form.js(f"W.setAttribute('claim', '{claim('K1', 'third')}')")
    form.shows("Etwas anderes")
    assert len({draft["draft_id"] for _, _, draft in form.engine.asked}) == 1
    form.expects_errors = True


def no_of_somebody_between(form):
    """A proxy or a firewall that refuses for a moment is none of the engine's words."""
    form.expects_errors = True
    for status in (403, 404, 404, 401, 413):
        form.engine.answer = lambda _: _status(status, Retry_After="1", Content_Type="text/html")
        count = len(form.engine.asked)
        if count:
            form.asks(count + 1)
        else:
            form.open().write(FIVE)
            form.asks(1)
    form.engine.answer = lambda _: suggestions(item())
    form.shows("Mein Server startet nicht")
    assert len({draft["draft_id"] for _, _, draft in form.engine.asked}) == 1
    assert form.js("heard.every(one => one[0] !== 'claim')")


def not_allowed(form):
    form.engine.answer = lambda _: problem(403, "other_origin")
    form.open().write(FIVE)
    form.asks(1)
    _silent(form)
    form.write(TEN)
    form.asks_no_more(1, 1.6)
    form.js("W.setAttribute('asset', 'vm:101')")
    form.asks(2)
    _silent(form)


def a_draft_of_somebody_else(form):
    form.open()
    form.js("sessionStorage.setItem('heinzel:/form.html:body', `of-the-customer-before ${Date.now()}`)")
    form.engine.answer = lambda draft: problem(404, "not_found") if draft["draft_id"] == "of-the-customer-before" else suggestions(item())
    form.open().write(FIVE)
    form.shows("Mein Server startet nicht")
    assert [draft["draft_id"] for _, _, draft in form.engine.asked][0] == "of-the-customer-before"
    form.asks(2)
    assert form.js("W.draftId") == form.engine.asked[1][2]["draft_id"] != "of-the-customer-before"


def an_old_draft_is_not_taken_up(form):
    form.open()
    form.js("sessionStorage.setItem('heinzel:/form.html:body', `of-half-an-hour-before ${Date.now() - 31 * 60000}`)")
    form.open()
    assert form.js("W.draftId") != "of-half-an-hour-before"


def without_storage(form):
    form.page.ask("Page.addScriptToEvaluateOnNewDocument", source="Object.defineProperty(window, 'sessionStorage', {get() { throw new DOMException('no', 'SecurityError'); }})")
    form.open().write(FIVE)
    form.shows("Mein Server startet nicht")


def without_random_uuid(form):
    form.page.ask("Page.addScriptToEvaluateOnNewDocument", source="crypto.randomUUID = undefined")
    form.open().write(FIVE)
    assert len(form.asks(1)["draft_id"]) == 32


def no_json(form):
    form.engine.answer = lambda _: (200, {}, b"<html>a portal wants a login")
    form.open().write(FIVE)
    form.asks(1)
    _silent(form)


def no_claim_no_asset(form):
    form.open()
    form.js("(W.removeAttribute('claim'), W.removeAttribute('asset'))")
    form.write(FIVE)
    assert "asset" not in form.asks(1)
    assert "Heinzel-Claim" not in form.engine.asked[0][1]
