"""A harmless look-alike: visitors ask for pages and log in with names that read like faults. Every one is in a log, none is a fault."""

from laboratory import expect

RULE = "*"
EXPECTED = "nothing"
SERVICES = ["nginx", "apache2", "vsftpd", "ssh"]
QUICK = True
_WORDS = [
    "nginx.service: Main process exited, code=killed, status=9/KILL",
    "[emerg] bind() to 0.0.0.0:80 failed (98: Address already in use)",
    "connect() to unix:/run/php/php8.2-fpm.sock failed (2: No such file or directory)",
    "Table './shop/orders' is marked as crashed and should be repaired",
    "FATAL: sorry, too many clients already",
]


def fault(lab):
    for text in _WORDS:
        path = text.replace(" ", "%20").replace("[", "%5B").replace("]", "%5D")
        for port in (80, 8080):
            lab.run("curl", "-s", "-o", "/dev/null", f"http://127.0.0.1:{port}/{path}", "-A", text, "-e", text)
        lab.sh(f"printf 'USER %s\\r\\nPASS x\\r\\nQUIT\\r\\n' '{text.replace(chr(39), '')}' | timeout 8 nc -w 4 127.0.0.1 21", check=False)
    expect(any(_WORDS[1] in line for line in lab.sh("cat /var/log/nginx/*.log").splitlines()), "the words are in nginx's logs")
