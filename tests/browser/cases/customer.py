"""Who writes may change while the page stays: a shop in one page, where customers log in and out."""

from form import FIVE, TEN, claim
from mock import item, news, problem, suggestions

CHECKING = news("checking", "Wir prüfen Ihren Server web-7.")


def _write(form):
    form.engine.answer = lambda _: suggestions(item("12", "Ihr Server web-7 wird geprüft", kind="incident"), news=CHECKING)
    form.open().write(FIVE)
    form.until("S.querySelectorAll('summary, .news li').length === 2")
    form.until(lambda: len(form.engine.streams) == 1)
    form.engine.answer = lambda _: suggestions()
    return form.js("W.draftId")


def _is_somebody_else(form, draft, code):
    """Nothing of the customer before is shown at once, and nothing more comes of it."""
    gone = form.js(f"({code}, S.querySelectorAll('summary, .news li').length === 0 && S.querySelector('.panel').hidden)")
    assert gone, form.js("S.querySelector('.panel').innerText")
    assert form.js("W.draftId") != draft and form.js("new FormData(document.forms[0]).get('draft_id') === W.draftId")
    form.engine.tell(news("found", "web-7 hat eine Ursache.", "2026-11-22T14:04:00Z"))
    form.stays("S.querySelectorAll('summary, .news li').length === 0", 1.5)
    form.js("document.getElementById('body').value = ''")
    form.write(FIVE + TEN)
    form.until(lambda: form.engine.asked[-1][2]["body"] == FIVE + TEN)
    _, headers, asked = form.engine.asked[-1]
    assert asked["draft_id"] == form.js("W.draftId")
    assert all(one[2]["draft_id"] != draft for one in form.engine.asked[1:]), "asked about the draft of another customer"
    assert len(form.engine.streams) == 1, "listens to the news of another customer"
    return headers.get("Heinzel-Claim")


def logs_out(form):
    assert _is_somebody_else(form, _write(form), "W.removeAttribute('claim')") is None
    assert form.engine.asked[0][2]["asset"] == "vm:100" and "asset" not in form.engine.asked[-1][2], "asks a stranger's question about an asset"


def logs_out_to_an_empty_claim(form):
    assert _is_somebody_else(form, _write(form), "W.setAttribute('claim', '')") is None


def is_another(form):
    assert _is_somebody_else(form, _write(form), f"W.setAttribute('claim', '{claim('Müller ÿ/2')}')") == claim("Müller ÿ/2")


def is_another_and_the_asset_stays(form):
    _write(form)
    form.engine.answer = lambda draft: problem(403, "not_theirs") if draft.get("asset") == "vm:100" else suggestions(item("a/b", draft.get("asset", "ohne")))
    form.js(f"W.setAttribute('claim', '{claim('K2')}')")
    form.shows("ohne")
    assert [draft.get("asset") for _, _, draft in form.engine.asked] == ["vm:100", "vm:100", None]
    form.write(TEN)
    assert "asset" not in form.asks(4)
    form.js("W.setAttribute('asset', 'vm:200')")
    form.shows("vm:200")
    form.expects_errors = True


def has_a_claim_that_nobody_can_read(form):
    assert _is_somebody_else(form, _write(form), "W.setAttribute('claim', 'no claim')") == "no claim"


def logs_in_while_writing(form):
    form.open()
    form.js("W.removeAttribute('claim')")
    form.write(FIVE)
    form.shows("Mein Server startet nicht")
    draft = form.js("W.draftId")
    form.js(f"W.setAttribute('claim', '{claim('K2')}')")
    assert form.asks(2)["draft_id"] != draft and form.engine.asked[1][1]["Heinzel-Claim"] == claim("K2")


def is_known_late(form):
    """A page that asks its backend who is logged in: a reload goes on with the same draft."""
    form.open().write(FIVE)
    draft = form.asks(1)["draft_id"]
    form.open()
    form.js("(late => { late.removeAttribute('claim'); W.replaceWith(late); })(W.cloneNode())")
    form.js(f"W.setAttribute('claim', '{claim('K1')}')")
    form.write(FIVE)
    assert form.asks(2)["draft_id"] == draft


def has_a_new_claim(form):
    draft = _write(form)
    form.js(f"W.setAttribute('claim', '{claim('K1', 'new')}')")
    form.stays("S.querySelectorAll('summary, .news li').length === 2", 1.5)
    assert form.js("W.draftId") == draft
    form.engine.tell(news("repaired", "Repariert.", "2026-11-22T14:05:00Z"))
    form.until("S.querySelectorAll('.news li').length === 2")
