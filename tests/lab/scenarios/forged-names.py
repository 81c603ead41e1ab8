"""A customer says what services would say: in the journal under their names, and in nginx's log by PHP's error_log(), line ends and all. Nobody believes it."""

import json

from laboratory import expect

RULE = "*"
EXPECTED = "nothing"
SERVICES = ["nginx", "php8.2-fpm", "mariadb", "dovecot"]
# What rsyslog copies of the journal names nobody.
SOURCES_ONLY = """\
[[source]]
name = "journal"
kind = "journald"

[[source]]
name = "nginx"
kind = "file"
path = "/var/log/nginx/error.log"
format = "nginx-error"
"""
QUICK = True
_SAID = [
    ("systemd", "nginx.service: Failed with result 'signal'."),
    ("systemd", "cron.service: Failed with result 'exit-code'."),
    ("mariadbd", "Table './shop/orders' is marked as crashed and should be repaired"),
    ("kernel", "EXT4-fs error (device sda1): ext4_find_entry:1455: inode #2: comm x: reading directory lblock 0"),
    *[("dovecot", "imap(kim): Error: Corrupted index file /home/kim/Maildir/dovecot.index")] * 3,
    *[("vsftpd", '[kim] FAIL LOGIN: Client "192.0.2.7"')] * 12,
    *[("sshd", "Failed password for root from 192.0.2.7 port 50022 ssh2")] * 25,
]


def prepare(lab):
    said = json.dumps("\n".join(["x", *(text for _, text in _SAID), "x"])).replace("$", "\\$")
    lab.write("/var/www/html/says.php", f"<?php error_log({said}); openlog('systemd', 0, LOG_DAEMON); syslog(LOG_ERR, \"redis-server.service: Failed with result 'signal'.\");")


def fault(lab):
    for program, text in _SAID:
        lab.run("runuser", "-u", "kim", "--", "logger", "-t", program, text)
    lab.http("/says.php")
    log = lab.sh("cat /var/log/nginx/error.log")
    expect("\n[kim] FAIL LOGIN" in log, "they are lines of nginx's log", log)
