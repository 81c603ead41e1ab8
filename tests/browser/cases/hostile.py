"""Answers that would do harm are text, or nothing."""

import json

from form import FIVE
from mock import item, news, suggestions

EVIL = "<img src=x onerror=window.pwned=1><script>window.pwned=1</script><b>fett</b>"


def markup_stays_text(form):
    form.engine.answer = lambda _: suggestions(item(title=EVIL, acknowledge=EVIL, clarify=f"- {EVIL}\n- **{EVIL}**\n- `{EVIL}`", links=[(EVIL, "https://example.com")]),
                                               news=news("checking", EVIL), opening=EVIL)
    form.open().write(FIVE)
    form.until("S.querySelector('summary')?.click() || S.querySelector('details')?.open")
    assert form.js("S.querySelectorAll('img, script, b, iframe, [onerror], [style]').length") == 0
    assert form.js("[...S.querySelectorAll('summary, .opening, .answer p, .news .text, .answer a')].filter(n => n.textContent.includes('<img src=x onerror=window.pwned=1><script>')).length") == 5
    assert form.js("window.pwned") is None


def only_parts_are_markdown(form):
    form.engine.answer = lambda _: suggestions(item(title="a **b** `c`"), news=news("checking", "Server a\\_**b** wird [geprüft](https://example.com)."), opening="**o**")
    form.open().write(FIVE)
    form.shows("a **b** `c`")
    assert form.js("[S.querySelector('.news .text').textContent, S.querySelector('.opening').textContent]") == ["Server a\\_**b** wird [geprüft](https://example.com).", "**o**"]


def addresses_that_run_or_lead_astray(form):
    bad = ["javascript:window.pwned=1", " JavaScript:window.pwned=1", "java\tscript:window.pwned=1", "data:text/html,<script>1</script>", "vbscript:x", "file:///etc/passwd",
           "blob:https://example.com/1", "http://example.com/", "//example.com/x", "https://bank@example.com/", "https://", "", "mailto:a@example.com"]
    form.engine.answer = lambda _: suggestions(item(acknowledge="\n\n".join(f"[hier]({address})" for address in bad), links=[("Link", address) for address in bad[:10]]))
    form.open().write(FIVE)
    form.shows("Mein Server startet nicht")
    form.js("S.querySelector('summary').click()")
    # Nothing but the page's own address (empty: this page).
    assert form.js("[...S.querySelectorAll('a')].map(a => a.href).filter(h => !h.startsWith(location.origin + '/'))") == []
    assert "[hier](javascript:window.pwned=1)" in form.js("S.querySelector('.answer').textContent")
    assert form.js("window.pwned") is None


def answers_of_the_wrong_shape(form):
    form.open()
    strange = [None, [], 5, "x", {"items": 5}, {"items": [None, 5, "x", [], {}, {"id": 5, "title": 5}, {"id": "a"}]}, {"items": {"length": 3}}, {"news": 5, "items": None},
               {"news": {"state": "constructor", "text": "x", "at": 5}}, {"news": {"state": 5}}, {"nothing": 5, "items": []}]
    for number, answer in enumerate(strange):
        form.engine.answer = lambda _, answer=answer: (200, {}, json.dumps(answer).encode())
        form.js("(W.setAttribute('page', Math.random()), document.getElementById('body').value = '')")
        form.write(FIVE)
        form.asks(number + 1)
        form.stays("S.querySelector('.panel').hidden", 0.2)
    form.engine.answer = lambda _: (200, {}, json.dumps({"items": [{"id": "pack/a", "title": "Antwort a", "kind": "__proto__", "parts": 5, "links": [None, 5, {}], "confidence": "NaN"}]}).encode())
    form.js("(W.setAttribute('page', '/x'), document.getElementById('body').value = '')")
    form.write(FIVE)
    form.shows("Antwort a")


def texts_that_take_long(form):
    for text in ("**" * 50000, "[" * 100000, "`" * 99999, "**a" * 30000, "[a](" * 20000, "\\" * 100000, "- \n" * 30000, "** a" * 20000, "[a]" * 30000, "1. " * 30000):
        form.engine.answer = lambda _, text=text: suggestions(item(acknowledge=text, clarify=text, agree=text, act=text, advise=text))
        form.open().write(FIVE)
        form.shows("Mein Server startet nicht")
        longest = form.js("""new Promise(done => { new PerformanceObserver(list => done(Math.max(...list.getEntries().map(entry => entry.duration))))
            .observe({type: 'longtask', buffered: true}); setTimeout(() => done(0), 300); })""")
        assert longest < 400, f"the page stood still for {longest} ms at {text[:5]}"
        form.js("sessionStorage.clear()")


def the_policy_bites(form):
    """Proof that the page's policy is in force while all of these tests run."""
    form.open()
    form.js("(document.body.setAttribute('style', 'color: red'), document.body.append(Object.assign(document.createElement('script'), {async: true})))")
    form.until("violations.length")
    assert any(word.startswith("style-src") for word in form.js("violations")), form.js("violations")
    form.js("violations.length = 0")
    form.page.events.clear()
