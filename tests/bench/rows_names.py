"""M: names, sizes and dates of many files; nothing of it may need a network."""

import os
import subprocess

from lab import Figures, Mounted, timed
from rows_large import group
from targets import EmptyFuse, Local


def ls(path):
    return timed(lambda: subprocess.run(["ls", "-l", path], stdout=subprocess.DEVNULL, check=True))[0]


def find(path):
    return timed(lambda: subprocess.run(["find", path, "-type", "f"], stdout=subprocess.DEVNULL, check=True))[0]


def of(count):
    @group(0)
    def measure(lab):
        title = "{:,}".format(count)
        first = Figures("M1 `ls -l` of %s after a remount" % title, "≤ 2")
        warm = Figures("… warm", "≤ 1.2")
        found = Figures("… `find`, after a remount", "≤ 2")
        found_warm = Figures("… `find`, warm", "≤ 1.2")
        mount = Figures("… time to mount", "≤ 0.5 s" if count == 100_000 else "")
        memory = Figures("… daemon memory after all of this", "≤ 64 MiB" if count == 100_000 else "", "MiB")
        peak = Figures("… and at its peak", "", "MiB")
        with Mounted(lab, [Local(lab)], "journal") as mounted:
            many = mounted.mnt + "/many"
            os.makedirs(many)
            for i in range(count):
                with open("%s/file%06d" % (many, i), "w"):
                    pass
            mounted.wait()
            for _ in range(max(5, lab.arguments.rounds)):
                for cold, again, work in ((first, warm, ls), (found, found_warm, find)):
                    mounted.unmount()
                    mount.ours.append(mounted.mount())
                    empty = EmptyFuse(lab, "--entries", str(count))
                    for figures in (cold, again):
                        theirs = work(empty.base + "/many")
                        figures.add(work(many), {"empty FUSE file system": theirs})
                    empty.close()
                memory.ours.append(mounted.memory_now())
                peak.ours.append(mounted.memory())
        yield from (first, warm, found, found_warm, mount, memory, peak)
    measure.__doc__ = "`ls -l`, `find`, mounting and memory with %d files, beside an empty FUSE file system" % count
    return measure


GROUPS = {"M1-10k": of(10_000), "M1-100k": of(100_000)}
