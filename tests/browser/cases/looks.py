"""Light, dark, the page's own colours, and a size that nobody minds loading."""

import gzip
import re

from form import FIVE
from mock import item, news, suggestions, widget

A = item("12", "Antwort a", 0.8, kind="fix", links=[("Kundenbereich", "https://example.com")])
_COLOURS = """(n => { const c = getComputedStyle(n).color, g = getComputedStyle(S.querySelector('.panel')).backgroundColor;
    const l = s => s.match(/[\\d.]+/g).slice(0, 3).map(v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4).reduce((a, v, i) => a + v * [.2126, .7152, .0722][i], 0);
    const [a, b] = [l(c), l(g)].sort((x, y) => y - x); return (a + .05) / (b + .05); })"""
_TEXTS = [".heading", ".opening", "summary span:last-child", ".kind", ".answer p", "a", "button", "time", ".news .text"]
_GROUND = "getComputedStyle(S.querySelector('.panel')).backgroundColor"


def _show(form):
    form.engine.answer = lambda _: suggestions(A, news=news("repaired", "Repariert."))
    form.open().write(FIVE)
    form.shows("Antwort a")
    form.js("S.querySelector('summary').click()")


def light_and_dark(form):
    _show(form)
    light = form.js(_GROUND)
    form.page.media(prefers_color_scheme="dark")
    dark = form.js(_GROUND)
    assert light == "rgb(247, 249, 251)" and dark == "rgb(26, 33, 43)", (light, dark)
    form.js("W.setAttribute('theme', 'light')")
    assert form.js(_GROUND) == light
    form.page.media(prefers_color_scheme="light")
    form.js("W.setAttribute('theme', 'dark')")
    assert form.js(_GROUND) == dark


def every_text_can_be_read(form):
    _show(form)
    for theme in ("light", "dark"):
        form.js(f"W.setAttribute('theme', '{theme}')")
        for name in _TEXTS:
            contrast = form.js(f"{_COLOURS}(S.querySelector('{name}'))")
            assert contrast >= 4.5, f"{name} in {theme}: contrast {contrast:.1f} (WCAG 2.2, 1.4.3 asks for 4.5)"
    assert form.js("[...S.querySelectorAll('button, summary')].every(n => n.getBoundingClientRect().height >= 24)"), "smaller than WCAG 2.2, 2.5.8 asks for"


def the_page_sets_colours_and_parts(form):
    form.open("themed.html").write(FIVE)
    form.shows("Mein Server startet nicht")
    assert form.js(_GROUND) == "rgb(255, 250, 205)"
    assert form.js("getComputedStyle(S.querySelector('summary')).fontVariantCaps") == "small-caps"


def left_to_right_on_any_page(form):
    form.open()
    form.js("(document.documentElement.dir = 'rtl', document.documentElement.lang = 'ar', W.setAttribute('locale', 'de'))")
    form.write(FIVE)
    form.shows("Mein Server startet nicht")
    assert form.js("[...S.children].map(n => [n.lang, getComputedStyle(n).direction].join())") == ["de,ltr"] * 3


def no_line_above_the_first_thing(form):
    form.open().write(FIVE)
    form.shows("Mein Server startet nicht")
    line = "(n => [n.borderTopWidth, n.marginTop, n.paddingTop])(getComputedStyle(S.querySelector('.heading')))"
    assert form.js(line)[::2] == ["0px", "0px"], form.js(line)
    _show(form)
    assert form.js(line)[0] == "1px"


def in_a_narrow_column_nothing_sticks_out(form):
    form.page.ask("Emulation.setDeviceMetricsOverride", width=320, height=700, deviceScaleFactor=1, mobile=False)
    form.engine.answer = lambda _: suggestions(item(title="Donaudampfschifffahrtsgesellschaftskapitänsmützenständer", act="`" + "x" * 300 + "`"))
    form.open("filled.html")
    form.until("S.querySelector('summary')?.click() || S.querySelectorAll('details[open]').length")
    assert form.js("[S.querySelector('.panel').scrollWidth <= S.querySelector('.panel').clientWidth, W.getBoundingClientRect().right <= 320]") == [True, True]


def small_and_without_what_a_policy_forbids(form):
    source = widget()
    size = len(gzip.compress(source.encode(), 9))
    assert size < 15 * 1024, f"widget.js: {size} bytes gzipped"
    for word in (r"innerHTML", r"outerHTML", r"insertAdjacentHTML", r"document\.write", r"\beval\b", r"new Function", r"\.style\b", r"\bimport\b"):
        assert not re.search(word, source), word
