"""When the engine is asked, and what it is told."""

import re
import time

from form import FIVE, TEN, claim
from mock import item, suggestions


def from_five_words_on(form):
    form.open().write("Mein Server startet")
    form.asks_no_more(0, 0.8)
    form.write(" seit heute")
    began = time.monotonic()
    draft = form.asks(1, patience=1)
    assert time.monotonic() - began < 1, "five words are not asked about at once"
    form.shows("Mein Server startet nicht")
    assert draft == {"draft_id": draft["draft_id"], "subject": "", "body": FIVE, "locale": "de", "time_zone": form.js("Intl.DateTimeFormat().resolvedOptions().timeZone"), "page": "/form.html", "field": "body", "asset": "vm:100"}, draft
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", draft["draft_id"]), draft
    _, headers, _ = form.engine.asked[0]
    assert headers["Authorization"] == "Bearer form-key-of-the-tests" and headers["Heinzel-Claim"] == claim("K1"), headers
    assert "Cookie" not in headers


def a_short_draft_once_the_customer_rests(form):
    form.open().write("Mein Server startet nicht")
    ended = time.monotonic()
    form.asks(1)
    assert form.engine.asked[0][0] - ended > 0.9, "asked before the customer had rested"


def two_words_never(form):
    form.open().write("Server kaputt")
    form.asks_no_more(0, 1.7)


def the_subject_counts(form):
    form.open().write("Server startet nicht", into="subject")
    form.write("seit heute")
    draft = form.asks(1, patience=1)
    assert (draft["subject"], draft["body"]) == ("Server startet nicht", "seit heute"), draft


def anew_at_ten_and_twenty_words(form):
    form.open()
    for number in range(23):
        form.write(f"wort{number:02} ", pause=0.005)
        time.sleep(0.5)  # longer than a pause between keys, shorter than a rest
    counts = [len(draft["body"].split()) for _, _, draft in form.engine.asked]
    assert counts == [5, 10, 20], counts


def at_once_when_the_text_changes_much(form):
    form.open().write(FIVE)
    form.asks(1)
    form.js("document.getElementById('body').select()")
    form.type("Wo finde ich bitte meine Rechnung", 0.005)
    form.asks(2, patience=1)


def not_again_for_the_same_words(form):
    form.open().write(FIVE)
    form.asks(1)
    form.write("  !!\n")
    form.asks_no_more(1, 1.7)


def small_changes_once_the_customer_rests(form):
    form.open().write(FIVE)
    form.asks(1)
    form.write(" nicht")
    form.asks_no_more(1, 0.7)
    form.asks(2)


def a_stale_question_is_given_up(form):
    def answer(draft):
        if draft["body"] == FIVE:
            time.sleep(3)
            return suggestions(item(title="veraltet"))
        return suggestions(item(title="aktuell"))

    form.engine.answer = answer
    form.open().write(FIVE)
    form.asks(1)
    form.write(TEN)
    form.asks(2)
    form.shows("aktuell")
    form.until(lambda: any(name == "Network.loadingFailed" and params.get("canceled") for name, params in form.page.events), "the first question is aborted")
    form.stays("S.querySelector('summary').textContent === 'aktuell'", 3)
    form.asks_no_more(2, 0)
    assert form.page.console() == [], "a question that was given up is no failure"


def an_emptied_field_shows_nothing(form):
    form.open().write(FIVE)
    form.shows("Mein Server startet nicht")
    form.js("document.getElementById('body').select()")
    form.press("Backspace")
    form.until("S.querySelector('.panel').hidden")


def fields_that_come_later(form):
    form.open()
    form.js("(old => old.replaceWith(Object.assign(document.createElement('textarea'), {id: 'body'})))(document.getElementById('body'))")
    form.write(FIVE)
    form.shows("Mein Server startet nicht")


def a_text_that_is_there_already(form):
    form.open("filled.html")
    assert form.asks(1)["body"] == "Mein Server startet seit heute nicht mehr."


def long_texts_are_cut_and_half_characters_left_out(form):
    form.open()
    form.js("document.getElementById('body').value = 'Wort \\ud83d wort '.repeat(4000)")
    form.write(" und")
    draft = form.asks(1)
    assert 6000 < len(draft["body"]) <= 8000 and "\ud83d" not in draft["body"]


def a_word_counts_while_it_is_composed(form):
    """Telephones' keyboards compose every word; the last one is never ended."""
    form.open().write("Mein Server startet seit ")
    form.page.ask("Input.imeSetComposition", text="heute", selectionStart=5, selectionEnd=5)
    assert form.asks(1, patience=1)["body"] == FIVE


def an_engine_below_a_path(form):
    form.engine.below = "/heinzel"
    form.open("below.html").write(FIVE)
    form.shows("Mein Server startet nicht")
    form.asks(1)
