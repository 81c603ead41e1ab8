"""A virtual machine does not start: a backup that was killed has left its lock. Only a person may say that no other host works on it.

Proxmox VE cannot run here: `qm` is a stand-in that reads and writes the same files as the real one."""

QUICK = True
RULE = "virtualisation.guest-locked"
MODE = "approve"
STEPS = ["run qm unlock 100"]
CHANGES = ["/etc/pve/qemu-server/100.conf"]
PATIENCE = 100
SOURCES = '\n[[source]]\nname = "tasks"\nkind = "proxmox"\n'
_QM = r"""#!/bin/bash
# qm start|stop|config|unlock|status VMID, with Proxmox VE's files and words.
conf=/etc/pve/qemu-server/$2.conf
case $1 in
config) cat $conf ;;
unlock) sed -i '/^lock: /d' $conf ;;
status) echo "status: stopped" ;;
start)
    now=$(date +%s)
    upid=$(printf 'UPID:web1:%08X:%08X:%08X:qmstart:%s:root@pam:' $$ $(cut -d' ' -f22 /proc/$$/stat) $now $2)
    log=/var/log/pve/tasks/$(printf '%X' $((now & 15)))/$upid
    mkdir -p "$(dirname "$log")"
    lock=$(sed -n 's/^lock: //p' $conf)
    if [ -n "$lock" ]; then word="VM is locked ($lock)"; echo "TASK ERROR: $word" >"$log"; else word=OK; echo "TASK OK" >"$log"; fi
    printf '%s %08X %s\n' "$upid" $now "$word" >>/var/log/pve/tasks/index
    [ $word = OK ] || { echo "$word" >&2; exit 255; } ;;
esac
"""


def prepare(lab):
    lab.write("/usr/sbin/qm", _QM)
    lab.sh("chmod +x /usr/sbin/qm; mkdir -p /var/log/pve/tasks; touch /var/log/pve/tasks/index /var/log/pve/tasks/active")
    lab.write("/etc/pve/qemu-server/100.conf", "cores: 2\nmemory: 2048\nname: shop\n")


def healthy(lab):
    return "lock:" not in lab.sh("qm config 100")


def fault(lab):
    lab.sh("echo 'lock: backup' >>/etc/pve/qemu-server/100.conf")
    at = lab.now()
    lab.sh("qm start 100", check=False)
    return at


def then(lab):
    incident, _ = lab.becomes("approval")
    lab.heinzel("approve", str(incident["id"]))
