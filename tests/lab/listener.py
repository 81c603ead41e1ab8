"""A web hook that writes down what it is told: one line of JSON a request, on stdout."""

import http.server
import sys
import urllib.parse


class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        print(body.decode(), flush=True)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


url = urllib.parse.urlsplit(sys.argv[1])
server = http.server.HTTPServer((url.hostname, url.port), Hook)
print("ready", flush=True)
server.serve_forever()
