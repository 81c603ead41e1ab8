"""The index of a mailbox is overwritten with rubbish (a crash, a full disk); reading the mailbox complains each time."""

RULE = "mail.dovecot-index-damaged"
SERVICES = ["dovecot"]
STEPS = ['run doveadm force-resync -u kim "[*]"']
CHANGES = ["/home/kim/Maildir/*"]


def prepare(lab):
    lab.sh("mkdir -p /home/kim/Maildir/new; for i in 1 2 3 4 5; do printf 'Subject: %s\\n\\nx\\n' $i >/home/kim/Maildir/new/$i.lab; done; chown -R kim: /home/kim/Maildir")
    _read(lab)


def _read(lab):
    say = "a LOGIN kim wonderland\\r\\nb SELECT INBOX\\r\\nc FETCH 1:* (FLAGS BODY[])\\r\\nd LOGOUT\\r\\n"
    return lab.sh(f"(sleep 0.2; printf '{say}'; sleep 0.3) | timeout 4 nc -w 2 127.0.0.1 143", check=False)


def fault(lab):
    lab.sh("cd /home/kim/Maildir; for f in dovecot.index dovecot.index.log dovecot.index.cache; do [ -e $f ] && dd if=/dev/urandom of=$f bs=1 count=200 seek=40 conv=notrunc status=none; done; true")
    at = lab.now()
    for _ in range(2):
        _read(lab)
    return at
