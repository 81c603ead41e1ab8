"""A page with a ticket form and the element on it, beside a stand-in for the engine. Each case gets a new one."""

import base64
import json
import time

from mock import Mock, Pages

# As strict as a shop's can be: nothing inline, no eval, no strings where the browser expects trusted ones.
CSP = ("default-src 'none'; script-src 'self' {engine}; style-src 'self'; connect-src {engine}; form-action 'self'; base-uri 'none'; "
       "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'")
FIVE = "Mein Server startet seit heute"
TEN = " früh einfach nicht mehr richtig"


def claim(customer, signature="tests"):
    """A claim as a shop's backend makes it; that of the pages is K1's. Nobody here verifies it."""
    def part(content):
        return base64.urlsafe_b64encode(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()).decode().rstrip("=")

    return f"{part({})}.{part({'sub': customer})}.{signature}"


class Form:
    def __init__(self, browser, csp=CSP):
        self.engine = Mock()
        self.shop = Pages(self.engine, csp)
        self.page = browser.page()
        self.js, self.until, self.stays, self.type, self.press = (getattr(self.page, name) for name in ("js", "until", "stays", "type", "press"))
        self.expects_errors = False  # of the network, which the browser itself notes

    def open(self, page="form.html"):
        self.page.open(f"{self.shop.origin}/{page}")
        return self

    def write(self, text=FIVE, into="body", pause=0.01):
        if self.js("document.activeElement.id") != into:
            self.page.click(f"document.getElementById('{into}')")
        self.type(text, pause)

    def asks(self, count, patience=6):
        """Waits until the engine was asked so often, and gives the last draft."""
        self.until(lambda: len(self.engine.asked) >= count, f"{count} questions", patience)
        assert len(self.engine.asked) == count, f"{len(self.engine.asked)} questions instead of {count}"
        return self.engine.asked[-1][2]

    def asks_no_more(self, count, seconds):
        time.sleep(seconds)
        assert len(self.engine.asked) == count, [draft["body"] for _, _, draft in self.engine.asked]

    def shows(self, *titles):
        self.until(f"JSON.stringify([...S.querySelectorAll('summary')].map(n => n.lastChild.textContent)) === {_text(titles)} && !S.querySelector('.panel').hidden",
                   f"shown: {titles}")

    def told(self):
        return self.js("[...S.querySelectorAll('.news li')].map(n => n.className + ': ' + n.querySelector('.text').textContent)")

    def fed_back(self, count, patience=5):
        self.until(lambda: len(self.engine.feedback) >= count, f"{count} words of feedback", patience)
        assert len(self.engine.feedback) == count, self.engine.feedback
        return self.engine.feedback[-1][2]

    def is_clean(self):
        """Nothing was said in the console, and the page's policy was kept."""
        said = [(kind, text) for kind, text in self.page.console() if kind != "network error" or not (self.expects_errors or "404" in text)]
        assert [kind for kind, _ in said if kind != "debug"] == [], said
        assert len(said) <= 1, said
        if self.js("!!window.violations"):
            assert self.js("window.violations") == [], self.js("window.violations")

    def close(self):
        self.page.close()
        self.engine.tell(*[None] * 20)
        self.engine.stop()
        self.shop.stop()


def _text(titles):
    return json.dumps(json.dumps(list(titles), ensure_ascii=False, separators=(",", ":")))
