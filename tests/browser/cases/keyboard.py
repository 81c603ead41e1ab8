"""The keyboard alone is enough, and a screen reader is told what happens."""

from form import FIVE, TEN
from mock import item, news, suggestions

A = item("pack/a", "Antwort a", 0.8, links=[("Kundenbereich", "https://example.com/server")])
B = item("pack/b", "Antwort b", 0.6)
_FOCUS = "(n => n && (n.textContent || n.id))(document.activeElement === W ? S.activeElement : document.activeElement)"


def _write(form, *items, **more):
    form.engine.answer = lambda _: suggestions(*items, **more)
    form.open().write(FIVE)
    form.until("S.querySelector('summary')?.textContent")


def open_read_and_press(form):
    _write(form, A, B)
    assert form.js(_FOCUS) == "body"
    form.press("Tab")
    assert form.js(_FOCUS) == "Antwort a"
    form.press("Enter")
    form.until("S.querySelector('details').open")
    assert form.fed_back(1) == {"what": "opened", "answer": "pack/a"}
    seen = []
    for _ in range(5):
        form.press("Tab")
        seen.append(form.js(_FOCUS))
    assert seen == ["Kundenbereich (öffnet einen neuen Tab)", "Das hat geholfen", "Passt nicht", "Antwort b", "Senden"], seen
    for _ in range(3):
        form.press("Tab", shift=True)
    assert form.js(_FOCUS) == "Das hat geholfen"
    form.press(" ")
    assert form.fed_back(2) == {"what": "solved", "answer": "pack/a"}
    assert form.js(_FOCUS) == "Das hat geholfen", "the focus was taken away"
    assert form.js("S.activeElement.getAttribute('aria-pressed')") == "true"
    assert form.js("S.querySelector('details p[role=status]').textContent").startswith("Schön, dass es geklappt hat.")
    draft = form.engine.asked[0][2]["draft_id"]
    assert form.js("heard.at(-1)") == ["solved", {"draft": draft, "id": "pack/a"}]
    assert [who for who, _, _ in form.engine.feedback] == [draft, draft]
    form.press(" ")
    form.stays("true", 0.3)
    form.fed_back(2)


def escape_closes(form):
    _write(form, A)
    form.press("Tab")
    form.press("Enter")
    form.until("S.querySelector('details').open")
    form.press("Tab")
    form.press("Escape")
    form.until("!S.querySelector('details').open")
    assert form.js(_FOCUS) == "Antwort a"
    form.press("Enter")
    form.stays("S.querySelector('details').open", 0.3)
    form.fed_back(1)  # opened, once


def what_does_not_fit_goes_and_stays_away(form):
    _write(form, A, B)
    for number, left in ((1, "Antwort b"), (2, "body")):
        form.js("(S.activeElement || S.querySelector('summary')).focus()")
        form.js("S.querySelector('summary').parentNode.open || S.querySelector('summary').click()")
        form.js("S.querySelectorAll('details button')[1].focus()")
        form.press("Enter")
        form.until(f"{_FOCUS} === '{left}'")
    form.until(lambda: sorted(body["answer"] for _, _, body in form.engine.feedback if body["what"] == "dismissed") == ["pack/a", "pack/b"], "two dismissed")
    form.write(" früh einfach nicht mehr richtig")
    form.asks(2)
    form.stays("!S.querySelector('summary')", 0.5)


def an_answer_waits_while_the_focus_is_in_the_panel(form):
    _write(form, A)
    form.press("Tab")
    form.engine.answer = lambda _: suggestions(B)
    form.js("(f => { f.value += ' und noch viel mehr Wörter dazu'; f.dispatchEvent(new Event('input', {bubbles: true})); })(document.getElementById('body'))")
    form.asks(2)
    form.stays(f"{_FOCUS} === 'Antwort a'", 0.5)
    form.press("Tab", shift=True)
    form.shows("Antwort b")


def what_a_screen_reader_gets(form):
    _write(form, A, B, news=news("checking", "Wir prüfen Ihren Server."))
    tree = form.page.tree()
    assert ("region", "Vorschläge zu Ihrer Nachricht") in [node[:2] for node in tree]
    assert [properties["expanded"] for role, _, properties in tree if role == "DisclosureTriangle"] == [False, False]
    live = [properties for role, _, properties in tree if role == "status"]
    assert len(live) == 2 and all(properties["live"] == "polite" for properties in live), live
    heard = form.js("[...S.querySelectorAll('.heard[role=status]')].map(n => n.textContent)")
    assert heard == ["2 Vorschläge unter dem Textfeld.", "Wir prüfen Ihren Server."], heard
    form.js("S.querySelector('summary').click()")
    tree = form.page.tree()
    assert [properties["expanded"] for role, _, properties in tree if role == "DisclosureTriangle"] == [True, False]
    names = sorted((role, name) for role, name, _ in tree if role in ("button", "link"))
    assert names == [("button", "Das hat geholfen"), ("button", "Passt nicht"), ("button", "Senden"), ("link", "Kundenbereich (öffnet einen neuen Tab)")], names
    assert form.js("S.querySelector('.panel').lang") == "de"


def each_button_says_what_it_is_about(form):
    first = item("12", "Ihr Server web-7 läuft wieder", kind="fix")
    _write(form, first, B, news=news("repaired", "Repariert, läuft wieder."))
    form.js("S.querySelectorAll('summary').forEach(n => n.click())")
    names = [name for role, name, _ in form.page.tree() if role == "DisclosureTriangle"]
    assert names == ["Ihr System Ihr Server web-7 läuft wieder", "Antwort b"], names
    about = [(node["name"]["value"], node.get("description", {}).get("value")) for node in form.page.ask("Accessibility.getFullAXTree")["nodes"]
             if not node.get("ignored") and node["role"]["value"] == "button"]
    texts = ("Repariert, läuft wieder.", "Ihr Server web-7 läuft wieder", "Antwort b")
    assert about[1:] == [("Das hat geholfen", texts[0])] + [(name, text) for text in texts[1:] for name in ("Das hat geholfen", "Passt nicht")], about


def in_english_where_the_page_is(form):
    form.engine.answer = lambda _: suggestions(A, language="de")
    form.open()
    form.js("document.documentElement.lang = 'en-GB', W.remove(), document.forms[0].append(W)")
    form.write("My server does not start today")
    form.shows("Antwort a")
    assert form.engine.asked[-1][2]["locale"] == "en-GB"
    form.js("W.setAttribute('locale', 'en')")
    form.asks(2)
    form.shows("Antwort a")
    text = form.js("S.querySelector('summary').click(), S.querySelector('.panel').innerText")
    assert "This may already help" in text and "That solved it" in text and "Not helpful" in text, text
    assert form.js("[S.querySelector('.panel').lang, S.querySelector('.items').lang]") == ["en", "de"], "an answer in another language says which"
    assert form.js("S.querySelector('.heard').textContent") == "One suggestion below the text field."


def a_screen_reader_hears_a_count_once(form):
    _write(form, A, B)
    form.js("(W.said = [], new MutationObserver(() => W.said.push(S.querySelector('.heard').textContent)).observe(S.querySelector('.heard'), {childList: true, characterData: true, subtree: true}))")
    form.engine.answer = lambda _: suggestions({**B, "confidence": 0.99}, A)
    form.write(TEN)
    form.shows("Antwort b", "Antwort a")
    form.stays("W.said.length === 0", 0.3)
    form.engine.answer = lambda _: suggestions({**B, "confidence": 0.99})
    form.write(" und die Seite auch nicht und gar nichts mehr geht hier seit gestern Abend")
    form.shows("Antwort b")
    form.until("JSON.stringify(W.said) === '[\"Ein Vorschlag unter dem Textfeld.\"]'")
