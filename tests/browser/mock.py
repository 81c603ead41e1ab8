"""A stand-in for the engine's HTTP side, and a server for the pages of the tests: two origins, as in a shop.

The tests set what it answers; it keeps what it was asked."""

import json
import queue
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HERE = Path(__file__).resolve().parent
ASSETS = HERE.parent.parent / "engine" / "server" / "assets"
_TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
# The engine's own for `/demo`, and Trusted Types on top.
DEMO_CSP = ("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; "
            "frame-ancestors 'none'; require-trusted-types-for 'script'")
_PARTS = ("acknowledge", "clarify", "agree", "act", "advise")


def widget():
    """`/widget.js` as the engine joins it."""
    parts = re.findall(r'include_str!\("\.\./assets/(widget/\w+\.js)"\)', (ASSETS.parent / "src" / "page.rs").read_text())
    return "".join((ASSETS / part).read_text() for part in parts)


def item(id="virtualisation/server-does-not-start", title="Mein Server startet nicht", confidence=0.8, kind="answer", links=(), **parts):
    parts = {"acknowledge": "Wir verstehen, dass Sie Ihren Server **jetzt** brauchen.", "act": "1. Öffnen Sie `Server`.\n2. Drücken Sie *Start*.", **parts}
    return {"kind": kind, "id": id, "title": title, "rank_score": confidence * 2, "confidence": confidence, "why": {"words": ["server"], "example": title, "incident": None},
            "parts": {name: parts.get(name, "") for name in _PARTS}, "links": [{"title": title, "url": url} for title, url in links]}


def suggestions(*items, nothing=None, news=None, opening="Das ist ärgerlich, wir sehen sofort nach.", language="de"):
    return {"language": language, "words": 5, "items": list(items), "nothing": nothing and {"reason": nothing, "text": ""},
            "tone": {"tone": "calm", "evidence": []}, "opening": opening if items else "", "news": news}


def news(state, text, at="2026-11-22T14:03:00Z", incident=12):
    return {"state": state, "text": text, "incident": incident, "at": at}


def problem(status, code, **headers):
    """A refusal in the engine's own words."""
    body = {"type": f"urn:heinzel:problem:{code}", "code": code, "title": "no", "status": status, "detail": "no", "instance": "1"}
    return status, {"Content-Type": "application/problem+json", **{name.replace("_", "-"): value for name, value in headers.items()}}, json.dumps(body).encode()


class Mock:
    """The engine. `answer(draft)` may return the object to send, or (status, headers, bytes)."""

    def __init__(self):
        self.answer = lambda draft: suggestions(item())
        self.asked = []  # (time, headers, draft)
        self.feedback = []  # (draft id, headers, body)
        self.streams = []  # (draft id, headers)
        self.news = queue.Queue()  # bytes to send to a stream; None ends it
        self.stream_refused = None  # (status, headers, bytes) instead of a stream
        self.preflight_takes = 0  # seconds, before feedback
        self.demo = None  # what `/demo/claim` says
        self.allowed = None  # the origin that preflights are answered for
        self.below = ""  # the path that a proxy has the engine under, like "/heinzel"
        self.server = _serve(_Engine, self)
        self.origin = f"http://127.0.0.1:{self.server.server_port}"

    def tell(self, *pieces):
        for piece in pieces:
            self.news.put(piece if piece is None or isinstance(piece, bytes) else f"event: news\ndata: {json.dumps(piece)}\n\n".encode())

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Pages:
    """The shop. `{engine}` in a page stands for the engine's origin; `csp` is sent with every page."""

    def __init__(self, engine, csp=None):
        self.engine = engine.origin
        self.csp = csp
        self.posted = []
        self.server = _serve(_Page, self)
        self.origin = engine.allowed = f"http://127.0.0.1:{self.server.server_port}"

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False


def _serve(handler, owner):
    server = _Server(("127.0.0.1", 0), type("Handler", (handler,), {"owner": owner}))
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return server


class _Quiet(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def reply(self, status, headers, body=b""):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            pass  # the request was given up


class _Engine(_Quiet):
    def parse_request(self):
        if not super().parse_request():
            return False
        below = self.owner.below
        self.path = self.path[len(below):] if self.path.startswith(below + "/") else "/elsewhere"
        return True

    def cors(self):
        return {"Access-Control-Allow-Origin": self.owner.allowed or "null", "Vary": "Origin", "Access-Control-Expose-Headers": "Retry-After"}

    def do_OPTIONS(self):
        if self.path.endswith("/feedback"):
            time.sleep(self.owner.preflight_takes)
        self.reply(204, {**self.cors(), "Access-Control-Allow-Methods": "GET, POST", "Access-Control-Allow-Headers": "authorization, content-type, heinzel-claim",
                         "Access-Control-Max-Age": "600"})

    def do_POST(self):
        body = json.loads(self.body())
        if self.path == "/v1/suggestions":
            self.owner.asked.append((time.monotonic(), dict(self.headers), body))
            answer = self.owner.answer(body)
            status, headers, data = answer if isinstance(answer, tuple) else (200, {}, json.dumps({"draft_id": body["draft_id"], **answer}).encode())
            self.reply(status, {**self.cors(), "Content-Type": "application/json", **headers}, data)
        elif self.path.endswith("/feedback"):
            self.owner.feedback.append((self.path.split("/")[3], dict(self.headers), body))
            self.reply(204, self.cors())
        else:
            self.reply(404, self.cors())

    def do_GET(self):
        path = self.path.split("?")[0]
        if path == "/demo/claim" and self.owner.demo:
            return self.reply(200, {"Content-Type": "application/json"}, json.dumps(self.owner.demo).encode())
        if path in ("/widget.js", "/demo", "/demo.js", "/demo.css"):
            file = path[1:] if "." in path else path[1:] + ".html"
            text = widget() if file == "widget.js" else (ASSETS / file).read_text()
            return self.reply(200, {"Content-Type": _TYPES[Path(file).suffix], "Content-Security-Policy": DEMO_CSP}, text.encode())
        if not self.path.endswith("/news"):
            return self.reply(404, self.cors())
        self.owner.streams.append((self.path.split("/")[3], dict(self.headers)))
        if refused := self.owner.stream_refused:
            return self.reply(refused[0], {**self.cors(), **refused[1]}, refused[2])
        self.send_response(200)
        for name, value in {**self.cors(), "Content-Type": "text/event-stream", "Connection": "close"}.items():
            self.send_header(name, value)
        self.end_headers()
        self.close_connection = True
        while (piece := self.owner.news.get()) is not None:
            try:
                self.wfile.write(piece)
                self.wfile.flush()
            except OSError:
                return


class _Page(_Quiet):
    def do_GET(self):
        path = self.path.split("?")[0]
        file = next((f for f in (HERE / "pages" / path[1:], ASSETS / path[1:]) if f.is_file() and ".." not in path), None)
        if not file:
            return self.reply(404, {})
        headers = {"Content-Type": _TYPES[file.suffix], "Cache-Control": "no-store"}
        if self.owner.csp and file.suffix == ".html":
            headers["Content-Security-Policy"] = self.owner.csp.replace("{engine}", self.owner.engine)
        self.reply(200, headers, file.read_text().replace("{engine}", self.owner.engine).encode())

    def do_POST(self):
        self.owner.posted.append(self.body().decode())
        self.reply(200, {"Content-Type": _TYPES[".html"]}, b"<!doctype html><title>sent</title><p>sent")
