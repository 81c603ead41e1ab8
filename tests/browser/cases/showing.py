"""What is shown stays calm: no flicker, no jumps, nothing taken away while it is read."""

import time

from form import FIVE, TEN
from mock import item, suggestions

A, B, C, D = (item(f"pack/{name}", f"Antwort {name}", confidence) for name, confidence in (("a", 0.8), ("b", 0.6), ("c", 0.5), ("d", 0.45)))


def _sure(one, confidence):
    return {**one, "confidence": confidence}


def _watch(form):
    """From now on every change within the list of items is counted."""
    form.js("(W.changes = 0, new MutationObserver(all => W.changes += all.length).observe(S.querySelector('.items'), {childList: true, subtree: true, characterData: true}))")


def the_same_again_touches_nothing(form):
    form.engine.answer = lambda _: suggestions(A, B, C)
    form.open().write(FIVE)
    form.shows("Antwort a", "Antwort b", "Antwort c")
    _watch(form)
    form.engine.answer = lambda _: suggestions(_sure(B, 0.85), A, C)  # by a hair
    form.write(TEN)
    form.asks(2)
    form.stays("W.changes === 0", 0.7)
    form.shows("Antwort a", "Antwort b", "Antwort c")


def a_clearly_surer_answer_comes_first(form):
    form.engine.answer = lambda _: suggestions(A, B, C)
    form.open().write(FIVE)
    form.shows("Antwort a", "Antwort b", "Antwort c")
    form.engine.answer = lambda _: suggestions(_sure(B, 0.95), A, C)
    form.write(TEN)
    form.shows("Antwort b", "Antwort a", "Antwort c")


def an_incident_of_ones_own_comes_first(form):
    form.engine.answer = lambda _: suggestions(A, B)
    form.open().write(FIVE)
    form.shows("Antwort a", "Antwort b")
    form.engine.answer = lambda _: suggestions(item("12", "Ihr Server ist gesperrt", 0.5, kind="incident"), A)
    form.write(TEN)
    form.shows("Ihr Server ist gesperrt", "Antwort a")
    assert form.js("S.querySelector('summary').textContent") == "Ihr System Ihr Server ist gesperrt"


def one_is_replaced_in_place(form):
    form.engine.answer = lambda _: suggestions(A, B, C)
    form.open().write(FIVE)
    form.shows("Antwort a", "Antwort b", "Antwort c")
    where = "JSON.stringify([...S.querySelectorAll('summary'), document.getElementById('send')].map(n => n.getBoundingClientRect().y))"
    before = form.js(where)
    form.js("S.querySelector('summary').mark = 1")
    form.engine.answer = lambda _: suggestions(A, D, C)
    form.write(TEN)
    form.until("S.textContent.includes('Antwort d')")
    assert form.js("S.querySelector('summary').mark") == 1, "an unchanged item was made anew"
    assert form.js(where) == before, "the page jumped"


def nothing_in_place_of_something_keeps_the_place(form):
    form.engine.answer = lambda _: suggestions(A)
    form.open().write(FIVE)
    form.shows("Antwort a")
    form.engine.answer = lambda _: suggestions(nothing="nothing_fits")
    form.write(TEN)
    form.until("!S.querySelector('li') && !!S.querySelector('.panel > .quiet:not([hidden])')")
    assert "Schreiben Sie einfach weiter" in form.js("S.querySelector('.panel').innerText")


def nothing_from_the_beginning_is_silent(form):
    for reason in ("nothing_fits", "too_short", "hold_out", "off"):
        form.engine.answer = lambda _, reason=reason: suggestions(nothing=reason)
        count = len(form.engine.asked)
        form.open().write(FIVE)
        form.asks(count + 1)
        form.stays("S.querySelector('.panel').hidden && W.getBoundingClientRect().height === 0", 0.3)
        form.js("sessionStorage.clear()")


def what_is_being_read_stays(form):
    form.engine.answer = lambda _: suggestions(A, B)
    form.open().write(FIVE)
    form.shows("Antwort a", "Antwort b")
    form.js("S.querySelectorAll('summary')[1].click()")
    form.engine.answer = lambda _: suggestions(_sure(C, 0.9), D)
    form.write(TEN)
    form.shows("Antwort c", "Antwort b", "Antwort d")
    assert form.js("S.querySelectorAll('details')[1].open")


def at_most_three_and_none_twice(form):
    form.engine.answer = lambda _: suggestions(A, A, B, C, D)
    form.open().write(FIVE)
    form.shows("Antwort a", "Antwort b", "Antwort c")


def nothing_moves_under_the_pointer(form):
    form.engine.answer = lambda _: suggestions(A, B)
    form.open().write(FIVE)
    form.shows("Antwort a", "Antwort b")
    x, y = form.js("(b => [b.x + 20, b.y + 10])(S.querySelector('summary').getBoundingClientRect())")
    form.engine.answer = lambda _: suggestions(_sure(C, 0.99))
    form.write(TEN)
    end = time.monotonic() + 2
    while time.monotonic() < end:  # a hand on its way to the first answer
        form.page.point(x := x + 1, y)
        assert form.js("S.querySelector('summary').textContent") == "Antwort a", "it was changed under the pointer"
        time.sleep(0.1)
    form.shows("Antwort c")


def the_page_hears_what_is_shown(form):
    form.engine.answer = lambda _: suggestions(A)
    form.open().write(FIVE)
    form.until("heard.length")
    draft = form.asks(1)
    assert form.js("heard") == [["shown", {"draft": draft["draft_id"], "items": [{"id": "pack/a", "kind": "answer", "title": "Antwort a"}]}]], form.js("heard")


def the_draft_and_the_focus_are_left_alone(form):
    form.open().write(FIVE)
    form.js("document.getElementById('body').setSelectionRange(3, 7)")
    form.shows("Mein Server startet nicht")
    assert form.js("(f => [document.activeElement === f, f.value, f.selectionStart, f.selectionEnd, f.attributes.length])(document.getElementById('body'))") == [True, FIVE, 3, 7, 4]


def parts_in_their_order_as_markdown(form):
    form.engine.answer = lambda _: suggestions(item(
        acknowledge="Das **stört** sehr.\nWir sehen\tnach.\n\nGleich.", clarify="- eins\n- zwei\n  geht weiter\n1. dann\n2. danach", agree="Am\n10. Dezember ist `x < y` und \\*kein\\* Kursiv.",
        act="[Kunden\\_bereich](https://example.com/a\\_b?b=1) und [hier](/status).", advise=" "))
    form.open().write(FIVE)
    form.shows("Mein Server startet nicht")
    form.js("S.querySelector('summary').click()")
    # The tree in short: tag(children); texts as they are.
    short = "(function f(n) { return n.nodeType === 3 ? n.data : n.localName + '(' + [...n.childNodes].map(f).join('|') + ')'; })"
    drawn = form.js(f"[...S.querySelector('.answer').children].map({short})")
    tab = "span( (öffnet einen neuen Tab))"
    assert drawn == ["p(Das |strong(stört)| sehr. Wir sehen\tnach.)", "p(Gleich.)", "ul(li(eins)|li(zwei geht weiter))", "ol(li(dann)|li(danach))",
                     "p(Am 10. Dezember ist |code(x < y)| und |*|kein|*| Kursiv.)", f"p(a(Kunden_bereich|{tab})| und |a(hier|{tab})|.)",
                     "div(button(Das hat geholfen)|button(Passt nicht))", "p()"], drawn
    assert form.js("[...S.querySelectorAll('a')].map(a => [a.href, a.rel, a.target])") == [
        ["https://example.com/a_b?b=1", "noopener", "_blank"], [f"{form.shop.origin}/status", "noopener", "_blank"]]
