"""K: what a crash costs."""

import time

from lab import MIB, Figures, Mounted, Skip, random_file
from rows_large import group
from targets import Clouds, Drive, Dropbox, Sshd


def sent_again(lab, target, source, size):
    """Bytes over the line in both runs beyond the file's own, as a share of the file; killed at about half."""
    with Mounted(lab, [target], "journal") as mounted:
        begin = lab.line.passed()[0]
        lab.run("cp", source, mounted.mnt + "/x")
        while lab.line.passed()[0] - begin < size // 2:
            time.sleep(0.005)
        mounted.kill()
        mounted.mount()
        mounted.wait()
        return max(0.0, (lab.line.passed()[0] - begin) / size - 1)


@group(50)
def killed(lab):
    """kill -9 in the middle of an upload: bytes that are sent again, as a share of the file"""
    if lab.line.rtt == 0:
        raise Skip("bytes are counted on the line (needs --rtt)")
    size = min(lab.arguments.size, 256) * MIB
    source = random_file(lab.base + "/source", size)
    clouds, sshd = Clouds(lab), Sshd(lab)
    makers = {"SFTP": lambda i: sshd.folders(1)[0], "Dropbox (emulated)": lambda i: Dropbox(clouds, "killed%d" % i),
              "Google Drive (emulated)": lambda i: Drive(clouds, "killed%d" % i)}
    for name, make in makers.items():
        figures = Figures("K1 sent again after kill -9 at half of %d MiB, %s" % (size // MIB, name), "≤ 0.15", "of the file")
        for i in range(lab.arguments.rounds):
            figures.add(sent_again(lab, make(i), source, size))
        figures.notes = ["all overhead of SSH or TLS and of IP is counted as sent again"]
        yield figures


GROUPS = {"K1": killed}
