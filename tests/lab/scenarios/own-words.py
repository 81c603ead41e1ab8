"""Heinzel's own words go to the journal and quote the lines it found. It does not find its lines a second time there."""

from container import wait_for
from laboratory import expect

RULE = "system.disk-full|storage.disk-full"
EXPECTED = "handed-over"
MODE = "observe"
# With rsyslog's copy of the journal every line would come twice.
SOURCES_ONLY = '[[source]]\nname = "journal"\nkind = "journald"\n'


def prepare(lab):
    lab.sh("mkdir /mnt/small && mount -t tmpfs -o size=1m none /mnt/small")


def fault(lab):
    for number in range(3):
        dd = ["dd", "if=/dev/zero", f"of=/mnt/small/{number}", "bs=64k"]
        lab.run("systemd-run", "--quiet", "--wait", *dd, check=False)


def after(lab, incident, timeline):
    wait_for("its words are in the journal", lambda: own_words(lab))
    lab.read_so_far()
    found = lab.incidents(RULE)
    # It opened with the last of the three.
    expect([i["findings"] for i in found] == [1], "no line is found a second time", *found, *own_words(lab))


def own_words(lab):
    return [line for line in lab.journal("--unit=heinzel") if "opened" in line and "No space left on device" in line]
