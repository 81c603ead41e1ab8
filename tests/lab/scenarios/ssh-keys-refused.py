"""A customer's home was made writable for everybody (`chmod -R 777`): sshd refuses their key. It is closed again, by their own right, and the key works."""

RULE = "ssh.key-permissions"
SERVICES = ["ssh"]
STEPS = ["run runuser -u kim -- chmod go-w /home/kim"]


def prepare(lab):
    lab.sh("""\
install -d -m 700 /root/.ssh && ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/key
install -d -m 700 -o kim -g kim /home/kim/.ssh && install -m 600 -o kim -g kim /root/.ssh/key.pub /home/kim/.ssh/authorized_keys
chmod 755 /home/kim""")


def healthy(lab):
    options = "-o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ConnectTimeout=2"
    return lab.true("bash", "-c", f"timeout 5 ssh -i /root/.ssh/key {options} kim@127.0.0.1 true")


def fault(lab):
    lab.run("chmod", "777", "/home/kim")
