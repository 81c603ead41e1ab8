"""The form is sent as if the element were not there, and the engine hears of it."""

from form import FIVE, TEN
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
    form.stays("S.querySelectorAll('summary').length === 1", 0.5)
    assert form.engine.feedback == [], "it was not sent yet"
    form.js("W.sent()")
    assert form.fed_back(1) == {"what": "sent"}
    form.until("S.querySelector('.panel').hidden")
    assert form.js("W.draftId") == draft and form.js("new FormData(document.forms[0]).get('draft_id')") == draft
    form.js("document.forms[0].reset()")
    form.until(f"S.querySelector('.panel').hidden && W.draftId !== '{draft}'")
    assert form.js("new FormData(document.forms[0]).get('draft_id') === W.draftId")


def what_the_page_refuses_is_not_sent(form):
    form.open()
    # As forms are checked: by whoever hears of it last, and nobody behind hears of it.
    form.js("window.addEventListener('submit', event => { event.preventDefault(); event.stopImmediatePropagation(); })")
    form.write(FIVE)
    form.shows("Mein Server startet nicht")
    draft = form.js("W.draftId")
    form.page.click("document.getElementById('send')")
    form.stays("S.querySelectorAll('summary').length === 1", 1)
    assert form.engine.feedback == [], form.engine.feedback
    form.write(TEN)
    assert form.asks(2)["draft_id"] == draft, "it is still the same ticket"


def a_reset_that_the_page_refuses(form):
    form.open().write(FIVE)
    form.shows("Mein Server startet nicht")
    draft = form.js("W.draftId")
    form.js("document.forms[0].addEventListener('reset', event => event.preventDefault(), { once: true })")
    form.js("document.forms[0].reset()")
    form.stays("S.querySelectorAll('summary').length === 1", 1)
    assert form.js("W.draftId") == draft
    form.js("document.forms[0].reset()")
    form.until(f"S.querySelector('.panel').hidden && W.draftId !== '{draft}'")


def sent_and_the_page_stays(form):
    form.shop.csp += "; frame-src 'self'"
    form.open()
    form.js("document.forms[0].target = document.forms[0].appendChild(Object.assign(document.createElement('iframe'), {name: 'below'})).name")
    form.write(FIVE)
    form.shows("Mein Server startet nicht")
    form.page.click("document.getElementById('send')")
    form.until(lambda: form.shop.posted)
    assert form.fed_back(1) == {"what": "sent"}
    form.until("S.querySelector('.panel').hidden")
    form.asks_no_more(1, 1.5)
    _begins_the_next_ticket(form)


def the_next_ticket_of_a_page_that_stays(form):
    form.open()
    form.js("""document.forms[0].addEventListener('submit', event => {
        event.preventDefault();
        W.sent();
        document.getElementById('body').value = ''; // of which no event tells
    })""")
    form.write(FIVE)
    form.shows("Mein Server startet nicht")
    form.page.click("document.getElementById('send')")
    assert form.fed_back(1) == {"what": "sent"}
    form.until("S.querySelector('.panel').hidden")
    form.asks_no_more(1, 1.5)
    _begins_the_next_ticket(form)


def the_next_ticket_after_one_that_is_solved(form):
    form.open()
    form.write(FIVE)
    form.shows("Mein Server startet nicht")
    form.page.click("S.querySelector('summary')")
    form.page.click("S.querySelector('details button')")
    form.until("S.querySelector('details p[role=status]').textContent.startsWith('Schön')")
    form.js("document.getElementById('body').value = ''")
    form.stays("S.querySelector('details').open", 1.5)  # whoever is thanked reads it
    form.engine.answer = lambda _: suggestions(item("own/other", "Etwas anderes"))
    _begins_the_next_ticket(form)
    form.shows("Etwas anderes")


def _begins_the_next_ticket(form):
    draft = form.js("W.draftId")
    form.write("Noch")
    form.until("S.querySelector('.panel').hidden")
    assert form.js("W.draftId") != draft and form.js("new FormData(document.forms[0]).get('draft_id') === W.draftId")
    form.write(" eine ganz andere Frage")
    assert form.asks(2)["draft_id"] == form.js("W.draftId"), "the next ticket goes under the old draft's id"


def taken_out_of_the_page(form):
    form.open().write(FIVE)
    form.shows("Mein Server startet nicht")
    form.js("W.remove()")
    form.type(" früh einfach nicht mehr richtig")
    form.asks_no_more(1, 1.7)


def a_tab_opened_from_this_one_has_a_draft_of_its_own(form):
    form.open().write(FIVE)
    draft = form.asks(1)["draft_id"]
    form.open()  # one that was taken up, too
    form.page.ask("Runtime.evaluate", expression="window.tab = window.open('/form.html')", userGesture=True)
    other = form.until("window.tab.document.querySelector('heinzel-suggest')?.draftId")
    assert other != draft == form.js("W.draftId"), (draft, other)
    form.js("tab.close()")
    form.write(FIVE)
    assert form.asks(2)["draft_id"] == draft
    form.open()
    assert form.js("W.draftId") == draft, "the draft does not outlive a reload any more"


def a_page_that_was_put_aside(form):
    """As browsers do on "back": the page goes on as it was."""
    form.open().write(FIVE)
    draft = form.asks(1)["draft_id"]
    form.shows("Mein Server startet nicht")
    form.js("dispatchEvent(new PageTransitionEvent('pagehide', {persisted: true}))")
    form.js("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    form.stays(f"S.querySelectorAll('summary').length === 1 && W.draftId === '{draft}'", 0.3)
    form.js("dispatchEvent(new PageTransitionEvent('pagehide', {persisted: true}))")
    form.js("sessionStorage.clear()")  # the next page has sent it
    form.js("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    assert form.asks(2)["draft_id"] == form.js("W.draftId") != draft


def fields_of_one_name_are_two_drafts(form):
    make = """[1, 2].map(() => {
        const root = document.body.appendChild(document.createElement('div')).attachShadow({mode: 'open'}), field = document.createElement('textarea');
        const form = document.createElement('heinzel-suggest');
        field.id = 'body', form.setAttribute('for', 'body'), form.setAttribute('key', 'form-key-of-the-tests');
        root.append(field, form);
        window.made = [...(window.made || []), form];
        field.value = 'Mein Server startet seit heute';
        field.dispatchEvent(new Event('input', {bubbles: true, composed: true}));
        return form.draftId;
    })"""
    form.open()
    form.js("W.remove()")
    one, other = form.js(make)
    assert one != other
    form.asks(2)
    form.open()
    form.js("W.remove()")
    again = form.js(make)
    assert again == [one, other], (one, other, again)


def two_forms_are_two_drafts(form):
    form.engine.answer = lambda draft: suggestions(item(title=draft["field"]))
    form.open("two.html").write(FIVE)
    form.asks(1)
    form.write(FIVE, into="other")
    form.asks(2)
    one, other = (draft["draft_id"] for _, _, draft in form.engine.asked)
    assert one != other
    form.until("JSON.stringify([...document.querySelectorAll('heinzel-suggest')].map(w => w.shadowRoot.querySelector('summary')?.textContent)) === '[\"body\",\"other\"]'")
