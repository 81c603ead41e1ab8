"""Heinzel's own words go to the journal and quote the lines it found. It must not find its lines a second time there."""

from laboratory import expect, wait_for


def scenario(lab):
    with lab("observe") as lab:
        lab.start()
        lab.run("sh", "-c", "mkdir /mnt/small && mount -t tmpfs -o size=1m none /mnt/small")
        for number in range(3):
            dd = ["dd", "if=/dev/zero", f"of=/mnt/small/{number}", "bs=64k"]
            lab.run("systemd-run", "--quiet", "--wait", f"--unit=writer{number}", *dd, check=False)
        wait_for("the full disk is found", lambda: lab.incidents("storage.disk-full"))
        quoted = wait_for("its words are in the journal", lambda: own_words(lab))
        # The journal has one order: what is found behind those words proves that they were read.
        lab.kill_nginx()
        wait_for("a later fault is found", lab.incidents)
        found = lab.incidents("storage.disk-full")
        # It opened with the last of the three.
        expect([i["findings"] for i in found] == [1], "no line is found a second time", *found, *quoted)


def own_words(lab):
    return [line for line in lab.journal("--unit=heinzel") if "opened" in line and "No space left on device" in line]
