"""The demo ticket form: plainly a demo, in two languages, under a strict policy."""

from mock import DEMO_CSP, item, news, suggestions

KNOWN = {"key": "form-key-of-the-demo", "claim": "claim.of.demo", "customer": "K1", "asset": "vm:100"}
_WATCH = "window.violations = []; document.addEventListener('securitypolicyviolation', event => violations.push(event.violatedDirective + ': ' + event.blockedURI));"


def _open(form, language="de", known=KNOWN):
    form.engine.demo = known
    form.page.ask("Page.addScriptToEvaluateOnNewDocument", source=_WATCH)
    form.page.open(f"{form.engine.origin}/demo?lang={language}")
    form.until("document.getElementById('who').textContent")


def says_that_it_is_one(form):
    _open(form)
    assert "unsafe" not in DEMO_CSP
    text = form.js("document.querySelector('[role=note]').innerText")
    assert "Dies ist eine Demo." in text and "kein Ticket" in text and "Demo-Kunde K1, Ihr Server ist vm:100" in text, text
    form.page.open(f"{form.engine.origin}/demo?lang=en")
    form.until("document.getElementById('who').textContent")
    text = form.js("document.querySelector('[role=note]').innerText")
    assert "This is a demo." in text and "no ticket is sent" in text and "demo customer K1, your server is vm:100" in text, text


def in_english_every_word_is(form):
    _open(form)
    german = form.js("[...document.querySelectorAll('[data-text]')].map(n => n.textContent)")
    form.page.open(f"{form.engine.origin}/demo?lang=en")
    english = form.js("[...document.querySelectorAll('[data-text]')].map(n => n.textContent)")
    assert len(english) == len(german) > 10 and all(english) and not set(german) & set(english), (german, english)
    assert form.js("[document.documentElement.lang, document.title, document.querySelector('[aria-current]').textContent]") == ["en", "Customer area (demo)", "English"]


def asks_for_its_customer(form):
    form.engine.answer = lambda _: suggestions(item(), news=news("checking", "Wir prüfen Ihren Server."))
    _open(form)
    form.write("Mein Server startet nicht", into="body")
    draft = form.asks(1)
    assert (draft["asset"], draft["page"], draft["locale"]) == ("vm:100", "/demo", "de"), draft
    headers = form.engine.asked[0][1]
    assert headers["Authorization"] == "Bearer form-key-of-the-demo" and headers["Heinzel-Claim"] == "claim.of.demo"
    form.shows("Mein Server startet nicht")
    form.page.click("document.querySelector('form > button')")
    form.until("document.getElementById('sent').textContent.includes('Gesendet wurde nichts')")
    assert form.fed_back(1) == {"what": "sent"}
    assert form.js("location.pathname") == "/demo"


def colours_by_choice(form):
    _open(form)
    form.page.media(prefers_color_scheme="light")
    ground = "getComputedStyle(document.body).backgroundColor"
    assert form.js(ground) == "rgb(255, 255, 255)"
    form.js("(t => { t.value = 'dark'; t.dispatchEvent(new Event('change', {bubbles: true})); })(document.getElementById('theme'))")
    assert form.js(f"[{ground}, W.getAttribute('theme')]") == ["rgb(18, 23, 30)", "dark"]


def without_a_customer_only_strangers_answers(form):
    _open(form, known={**KNOWN, "claim": None, "customer": None, "asset": None})
    assert "kein Kunde" in form.js("document.getElementById('who').textContent")
    form.write("Mein Server startet nicht", into="body")
    assert "asset" not in form.asks(1) and "Heinzel-Claim" not in form.engine.asked[0][1]


def without_the_engine_a_form(form):
    form.expects_errors = True
    _open(form, known=None)
    assert "nicht erreichbar" in form.js("document.getElementById('who').textContent")
    form.write("Mein Server startet heute nicht", into="body")
    form.asks_no_more(0, 0.8)
