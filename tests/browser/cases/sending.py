"""The form is sent as if the element were not there, and the engine hears of it."""

from form import FIVE
from mock import item, suggestions


def send(form):
    form.engine.preflight_takes = 0.7  # the page is gone by then
    form.open().write(FIVE)
    form.shows("Mein Server startet nicht")
    draft = form.js("W.draftId")
    form.page.click("document.getElementById('send')")
    form.until(lambda: form.shop.posted)
    assert form.shop.posted == [f"subject=&body={FIVE.replace(' ', '+')}&draft_id={draft}"], form.shop.posted
    assert form.fed_back(1) == {"what": "sent"}
    who, headers, _ = form.engine.feedback[0]
    assert who == draft and headers["Authorization"] == "Bearer form-key-of-the-tests"
    form.until("document.title === 'sent'")
    form.open()
    assert form.js("W.draftId") != draft, "the next ticket goes under the old draft's id"


def send_before_anything_was_asked(form):
    form.open().write("Hallo")
    form.page.click("document.getElementById('send')")
    form.until(lambda: form.shop.posted)
    form.stays("true", 0.3)
    assert form.engine.feedback == [], "the engine knows of no such draft"


def the_draft_outlives_a_reload(form):
    form.open().write(FIVE)
    draft = form.asks(1)["draft_id"]
    form.open().write(FIVE)
    assert form.asks(2)["draft_id"] == draft


def a_page_that_sends_by_itself(form):
    form.open()
    form.js("document.forms[0].addEventListener('submit', event => event.preventDefault())")
    form.write(FIVE)
    form.shows("Mein Server startet nicht")
    draft = form.js("W.draftId")
    form.page.click("document.getElementById('send')")
    assert form.fed_back(1) == {"what": "sent"}
    assert form.js("W.draftId") == draft and form.js("new FormData(document.forms[0]).get('draft_id')") == draft
    form.js("document.forms[0].reset()")
    form.until("S.querySelector('.panel').hidden")
    assert form.js("W.draftId") != draft
    assert form.js("new FormData(document.forms[0]).get('draft_id') === W.draftId")


def taken_out_of_the_page(form):
    form.open().write(FIVE)
    form.shows("Mein Server startet nicht")
    form.js("W.remove()")
    form.type(" früh einfach nicht mehr richtig")
    form.asks_no_more(1, 1.7)


def two_forms_are_two_drafts(form):
    form.engine.answer = lambda draft: suggestions(item(title=draft["field"]))
    form.open("two.html").write(FIVE)
    form.asks(1)
    form.write(FIVE, into="other")
    form.asks(2)
    one, other = (draft["draft_id"] for _, _, draft in form.engine.asked)
    assert one != other
    form.until("JSON.stringify([...document.querySelectorAll('heinzel-suggest')].map(w => w.shadowRoot.querySelector('summary')?.textContent)) === '[\"body\",\"other\"]'")
