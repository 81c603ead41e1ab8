"""Live news of the customer's own server."""

import json
import time

from form import FIVE, TEN, claim
from mock import item, news, problem, suggestions

CHECKING = news("checking", "Wir prüfen Ihren Server.", "2026-11-22T14:02:00Z")
FOUND = news("found", "Gefunden: gesperrt durch eine hängende Sicherung.", "2026-11-22T14:02:20Z")
REPAIRED = news("repaired", "Repariert, läuft wieder seit 14:03.", "2026-11-22T14:03:00Z")


def _write(form, first=CHECKING):
    form.engine.answer = lambda _: suggestions(item(), news=first)
    form.open().write(FIVE)
    form.shows("Mein Server startet nicht")


def from_checking_to_solved(form):
    _write(form)
    form.until("S.querySelectorAll('.news li').length === 1")
    assert form.js("!S.querySelector('.news button').checkVisibility()")
    form.engine.tell(CHECKING, FOUND, REPAIRED)
    form.until("S.querySelectorAll('.news li').length === 3")
    assert form.told() == ["checking: Wir prüfen Ihren Server.", "found: Gefunden: gesperrt durch eine hängende Sicherung.", "repaired: Repariert, läuft wieder seit 14:03."]
    assert form.js("[...S.querySelectorAll('.news time')].map(n => n.dateTime)") == [one["at"] for one in (CHECKING, FOUND, REPAIRED)]
    assert form.js("[...S.querySelectorAll('.news time')].every(n => /\\d{2}:\\d{2}$/.test(n.textContent))")
    assert form.js("S.querySelectorAll('.heard')[1].textContent") == REPAIRED["text"]
    draft, headers = form.engine.streams[0]
    assert draft == form.engine.asked[0][2]["draft_id"] and headers["Authorization"] == "Bearer form-key-of-the-tests" and headers["Heinzel-Claim"] == claim("K1")
    form.page.click("S.querySelector('.news button')")
    assert form.fed_back(1) == {"what": "solved"}
    form.until("S.querySelector('.news p').textContent.startsWith('Schön')")
    assert form.js("heard.at(-1)[1].id") is None


def times_in_any_locale(form):
    for locale, language, time_of_day in (("de_DE.UTF-8", "de", "14:02"), ("en-GB", "en", "14:02"), ("en-US", "en", "2:02"), ("x!", "en", "2:02"), ("deutsch", "en", "2:02")):
        form.page.ask("Emulation.setTimezoneOverride", timezoneId="UTC")
        form.engine.answer = lambda _: suggestions(item(), news=REPAIRED | {"at": CHECKING["at"]})
        form.open()
        form.js(f"(sessionStorage.clear(), W.setAttribute('locale', '{locale}'))")
        form.write(FIVE)
        form.until("S.querySelectorAll('.news li').length === 1")
        shown = form.js("[S.querySelector('.panel').lang, S.querySelector('time').textContent]")
        assert shown[0] == language and time_of_day in shown[1], (locale, shown)


def the_end_is_the_end(form):
    for last in ("repaired", "well", "handed_over"):
        count = len(form.engine.streams)
        _write(form)
        form.until(lambda: len(form.engine.streams) == count + 1)
        form.engine.tell(news(last, "", "2026-11-22T14:05:00Z"))
        form.until("S.querySelectorAll('.news li').length === 2")
        form.engine.tell(None)
        assert form.js("!S.querySelector('.news button').checkVisibility()") == (last != "repaired")
        assert form.told()[-1].startswith(f"{last}: ") and len(form.told()[-1]) > len(last) + 10, "a state without a text has one of its own"
        form.stays("true", 1.5)
        assert len(form.engine.streams) == count + 1, "it went on asking"


def a_state_at_the_end_needs_no_stream(form):
    _write(form, REPAIRED)
    form.until("S.querySelectorAll('.news li').length === 1")
    form.stays("true", 0.5)
    assert form.engine.streams == []


def a_broken_stream_is_taken_up_again(form):
    _write(form)
    form.until(lambda: len(form.engine.streams) == 1)
    began = time.monotonic()
    form.engine.tell(None)
    form.until(lambda: len(form.engine.streams) == 2)
    first = time.monotonic() - began
    began = time.monotonic()
    form.engine.tell(None)
    form.until(lambda: len(form.engine.streams) == 3)
    second = time.monotonic() - began
    assert 0.8 < first < 2 and second > 1.8, (first, second)
    form.engine.tell(CHECKING, REPAIRED)
    form.until("S.querySelectorAll('.news li').length === 2")


def pieces_comments_and_strange_events(form):
    _write(form)
    form.until(lambda: len(form.engine.streams) == 1)
    whole = f": alive\r\n\r\nretry: 5\r\nevent: news\r\ndata: {json.dumps(FOUND, ensure_ascii=False)}\r\n\r\n".encode()
    for at in range(0, len(whole), 7):  # cut within characters, too
        form.engine.tell(whole[at:at + 7])
    form.until("S.querySelectorAll('.news li').length === 2")
    assert form.told()[1] == f"found: {FOUND['text']}"
    form.engine.tell(b"event: weather\ndata: {\"state\":\"repaired\"}\n\n", b"data: {}\n\n", news("dancing", "?", "2026-11-22T14:04:00Z"), FOUND, CHECKING,
                     ("event: news\ndata: " + json.dumps(REPAIRED).replace(', "text"', ',\ndata: "text"') + "\n\n").encode())
    form.until("S.querySelectorAll('.news li').length >= 3")
    assert form.told()[2:] == [f"repaired: {REPAIRED['text']}"]


def a_stream_that_is_not_there_is_not_asked_for_again(form):
    form.expects_errors = True
    form.engine.stream_refused = problem(404, "not_found")
    _write(form)
    form.until(lambda: len(form.engine.streams) == 1)
    form.stays("true", 2.5)
    assert len(form.engine.streams) == 1


def a_stream_that_somebody_between_refuses_is_asked_for_again(form):
    form.expects_errors = True
    form.engine.stream_refused = (403, {"Content-Type": "text/html"}, b"<h1>403 Forbidden</h1>")
    _write(form)
    form.until(lambda: len(form.engine.streams) == 1)
    form.engine.stream_refused = None
    form.until(lambda: len(form.engine.streams) == 2)
    form.engine.tell(REPAIRED)
    form.until("S.querySelectorAll('.news li').length === 2")


def one_state_is_announced_once(form):
    _write(form, news("checking", "Wir sehen gerade nach.", "2026-11-22T14:02:00Z"))
    form.until("S.querySelectorAll('.news li').length === 1")
    form.engine.tell(CHECKING)
    form.until("S.querySelector('.news .text').textContent === 'Wir prüfen Ihren Server.'")
    assert form.js("S.querySelectorAll('.heard')[1].textContent") == "Wir sehen gerade nach."
    form.engine.tell(FOUND)
    form.until(f"S.querySelectorAll('.heard')[1].textContent === '{FOUND['text']}'")


def news_stays_when_the_text_goes(form):
    _write(form)
    form.js("document.getElementById('body').select()")
    form.press("Backspace")
    form.until("!S.querySelector('summary')")
    assert len(form.told()) == 1
    form.engine.tell(FOUND)
    form.until("S.querySelectorAll('.news li').length === 2")


def a_stream_has_its_own_order(form):
    _write(form, news("checking", "Wir sehen nach.", "2026-11-22T14:02:30Z"))
    form.until(lambda: len(form.engine.streams) == 1)
    form.engine.tell(news("repairing", "Gefunden.", "2026-11-22T14:02:20Z"), REPAIRED)
    form.until("S.querySelectorAll('.news li').length === 3")
    form.write(TEN)  # answered with what was so when it was asked
    form.asks(2)
    form.stays("S.querySelectorAll('.news li').length === 3 && !!S.querySelector('.news li:last-child.repaired')", 0.5)


def long_news_leaves_room_for_the_time(form):
    _write(form, news("checking", "Wir sehen nach. " * 20))
    form.until("S.querySelectorAll('.news li').length === 1")
    form.stays("S.querySelector('.news time').getClientRects()[0].height < 30", 0.1)


def one_stream_however_often_is_asked(form):
    _write(form)
    form.write(TEN)
    form.asks(2)
    form.stays("S.querySelectorAll('.news li').length === 1", 0.5)
    assert len(form.engine.streams) == 1


def an_item_about_it_keeps_up(form):
    form.engine.answer = lambda _: suggestions(item("12", "Ihr Server wird geprüft", kind="incident"), news=CHECKING)
    form.open().write(FIVE)
    form.until("S.querySelector('summary')?.click() || S.querySelector('details')?.open")
    form.until(lambda: len(form.engine.streams) == 1)
    form.engine.answer = lambda _: suggestions(item("12", "Ihr Server ist repariert", kind="fix"), news=REPAIRED)
    form.engine.tell(CHECKING, REPAIRED)
    form.until("S.querySelector('summary').textContent === 'Ihr System Ihr Server ist repariert'")
    assert form.js("[S.querySelectorAll('summary').length, S.querySelector('details').open]") == [1, True]
    form.stays("S.querySelectorAll('.news li').length === 2", 1.5)
    form.asks_no_more(2, 0)


def another_asset_begins_anew(form):
    _write(form)
    form.until("S.querySelectorAll('.news li').length === 1")
    form.engine.answer = lambda _: suggestions(item())
    form.js("W.setAttribute('asset', 'vm:101')")
    form.asks(2)
    assert form.engine.asked[1][2]["asset"] == "vm:101"
    form.until("!S.querySelector('.news li')")
