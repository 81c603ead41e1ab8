"""A headless Chromium, driven over a pipe with the DevTools protocol. No driver program and no package is needed."""

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

_KEYS = {"Tab": 9, "Enter": 13, "Escape": 27, " ": 32, "Backspace": 8}


class Late(AssertionError):
    """Something did not come within its time."""


def found():
    """Chromium's program, or None."""
    return next((path for name in (os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome") if name and (path := shutil.which(name))), None)


class Chrome:
    """One browser. `page()` opens a tab with a session of its own."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="heinzel-browser-")
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        flags = ["--headless=new", "--remote-debugging-pipe", f"--user-data-dir={self.folder}", "--no-first-run", "--disable-gpu", "--disable-extensions",
                 "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-features=BackForwardCache", "--mute-audio", "--hide-scrollbars", "--lang=de",
                 *(["--no-sandbox"] if os.getuid() == 0 else [])]
        # Chromium reads commands from descriptor 3 and writes answers to 4.
        shell = f'exec "$0" "$@" 3<&{theirs_in} 4>&{theirs_out}'
        self._program = subprocess.Popen(["bash", "-c", shell, found(), *flags], pass_fds=(theirs_in, theirs_out), stdout=subprocess.DEVNULL,
                                         stderr=subprocess.DEVNULL, start_new_session=True)
        os.close(theirs_in)
        os.close(theirs_out)
        self._number = 0
        self._turn = threading.Condition()
        self._answers = {}
        self._pages = {}
        self._ended = False
        threading.Thread(target=self._hear, daemon=True).start()

    def _hear(self):
        rest = b""
        while piece := os.read(self._in, 1 << 16):
            *words, rest = (rest + piece).split(b"\0")
            for word in words:
                message = json.loads(word)
                with self._turn:
                    if "id" in message:
                        self._answers[message["id"]] = message
                    elif page := self._pages.get(message.get("sessionId")):
                        page.events.append((message["method"], message["params"]))
                    self._turn.notify_all()
        with self._turn:
            self._ended = True
            self._turn.notify_all()

    def ask(self, method, session=None, patience=20, **params):
        with self._turn:
            self._number += 1
            number = self._number
        message = {"id": number, "method": method, "params": params, **({"sessionId": session} if session else {})}
        os.write(self._out, json.dumps(message).encode() + b"\0")
        with self._turn:
            if not self._turn.wait_for(lambda: number in self._answers or self._ended, patience) or number not in self._answers:
                raise Late(f"Chromium does not answer {method}")
            answer = self._answers.pop(number)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def page(self, address="about:blank", width=900, height=900):
        context = self.ask("Target.createBrowserContext")["browserContextId"]
        target = self.ask("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = self._pages[session] = Page(self, session, context)
        for domain in ("Page", "Runtime", "Network", "Log"):
            page.ask(f"{domain}.enable")
        page.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        if address != "about:blank":
            page.open(address)
        return page

    def close(self):
        try:
            self.ask("Browser.close", patience=5)
        except (Late, OSError, RuntimeError):
            pass
        try:
            self._program.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self._program.pid, 9)
            self._program.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class Page:
    """One tab."""

    def __init__(self, chrome, session, context):
        self.chrome, self.session, self.context = chrome, session, context
        self.events = []

    def ask(self, method, **params):
        return self.chrome.ask(method, session=self.session, **params)

    def open(self, address):
        before = len(self.events)
        answer = self.ask("Page.navigate", url=address)
        if answer.get("errorText"):
            raise RuntimeError(f"{address}: {answer['errorText']}")
        self.until(lambda: any(name == "Page.loadEventFired" for name, _ in self.events[before:]), f"{address} is loaded")

    def close(self):
        """A tab that is slow to go says nothing about the form: it stays open then."""
        try:
            self.chrome.ask("Target.disposeBrowserContext", browserContextId=self.context)
        except Late as late:
            print(f"note: {late}; the tab stays open", file=sys.stderr)

    def js(self, code):
        """The value of an expression (promises are awaited). `W` is the widget, `S` its shadow root."""
        code = f"(() => {{ const W = document.querySelector('heinzel-suggest'), S = W && W.shadowRoot; return ({code}); }})()"
        answer = self.ask("Runtime.evaluate", expression=code, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{code}: {answer['exceptionDetails'].get('exception', {}).get('description', answer['exceptionDetails']['text'])}")
        return answer["result"].get("value")

    def until(self, what, name=None, patience=10):
        """Waits until an expression or a function is true, and returns what it came to."""
        end = time.monotonic() + patience
        while True:
            value = self.js(what) if isinstance(what, str) else what()
            if value:
                return value
            if time.monotonic() > end:
                raise Late(f"within {patience} s it did not become true: {name or what}")
            time.sleep(0.02)

    def stays(self, what, seconds):
        """Fails when an expression becomes false within so many seconds."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert self.js(what), f"it did not stay true for {seconds} s: {what}"
            time.sleep(0.05)

    def type(self, text, pause=0.02):
        """Types key by key into what has the focus."""
        for letter in text:
            self.ask("Input.dispatchKeyEvent", type="keyDown", text=letter, unmodifiedText=letter, key=letter)
            self.ask("Input.dispatchKeyEvent", type="keyUp", key=letter)
            time.sleep(pause)

    def press(self, key, shift=False):
        about = {"key": key, "code": "Space" if key == " " else key, "windowsVirtualKeyCode": _KEYS[key], "modifiers": 8 if shift else 0}
        text = {"Enter": "\r", " ": " "}.get(key)
        self.ask("Input.dispatchKeyEvent", type="keyDown", **about, **({"text": text} if text else {}))
        self.ask("Input.dispatchKeyEvent", type="keyUp", **about)

    def point(self, x, y, click=False):
        self.ask("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        for kind in ("mousePressed", "mouseReleased") if click else ():
            self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def click(self, element):
        """Clicks into the middle of an element, as a mouse does."""
        box = self.js(f"(e => {{ e.scrollIntoView({{block: 'nearest'}}); const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; }})({element})")
        self.point(*box, click=True)

    def media(self, **features):
        self.ask("Emulation.setEmulatedMedia", features=[{"name": name.replace("_", "-"), "value": value} for name, value in features.items()])

    def tree(self):
        """What a screen reader gets: (role, name, properties) of all that is not ignored, into shadow trees."""
        nodes = self.ask("Accessibility.getFullAXTree")["nodes"]
        return [(n["role"]["value"], n.get("name", {}).get("value", ""), {p["name"]: p["value"].get("value") for p in n.get("properties", [])})
                for n in nodes if not n.get("ignored")]

    def console(self):
        """All that was said in the console: (kind, text)."""
        said = [(p["type"], " ".join(str(a.get("value", a.get("description", ""))) for a in p["args"])) for name, p in self.events if name == "Runtime.consoleAPICalled"]
        said += [("exception", p["exceptionDetails"].get("exception", {}).get("description", "")) for name, p in self.events if name == "Runtime.exceptionThrown"]
        return said + [(f"{p['entry']['source']} {p['entry']['level']}", p["entry"]["text"]) for name, p in self.events if name == "Log.entryAdded"]

    def picture(self, file):
        data = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=True)["data"]
        Path(file).write_bytes(base64.b64decode(data))
