"""R: reading what is only at a provider, and what was read before."""

import os
import random
import zipfile

from lab import MIB, Figures, Mounted, Skip, drop_caches, need, random_file, read_all, timed
from rows_large import group, less
from targets import EmptyFuse, Rclone, Sshd


class Scene:
    """A large file at one SFTP target, mounted by us and by the peers."""

    def __init__(self, lab, source):
        self.lab = lab
        self.sshd = Sshd(lab)
        self.target = self.sshd.folders(1)[0]
        self.mounted = Mounted(lab, [self.target])
        lab.run("cp", source, self.mounted.mnt + "/x")
        random_file(self.mounted.mnt + "/small", 1000)
        self.notes = []

    def make_cold(self):
        """Contents at the server only, and connected to it, as the others are once they are mounted."""
        self.mounted.only_remote()
        read_all(self.mounted.mnt + "/small")

    def sshfs(self):
        mount_point = self.lab.place() + "/sshfs"
        self.target.sshfs(mount_point)
        return mount_point

    def rclone(self, mode="off"):
        return Rclone(self.lab, [self.target], mode, "--read-only")

    def peers(self):
        """{name: (path of the file, call to end it)}, mounted afresh, so that nothing is cached."""
        found = {}
        if self.lab.arguments.no_peers:
            return found
        try:
            place = self.sshfs()
            found["sshfs"] = (place + "/data/x", lambda: self.lab.run("fusermount3", "-u", place))
        except Skip as reason:
            self.notes = [str(reason)]
        try:
            clone = self.rclone()
            found["rclone mount"] = (clone.mnt + "/data/x", clone.close)
        except Skip as reason:
            self.notes.append(str(reason))
        return found

    def close(self):
        self.mounted.close()


@group(50)
def cold(lab):
    """a large file that is only at an SFTP server, read through the mount, beside `sftp get`, sshfs, rclone"""
    scene = Scene(lab, random_file(lab.base + "/source", lab.arguments.size * MIB))
    figures = Figures("R1 cold read of %d MiB" % lab.arguments.size, "≤ 1.1")
    cpu = Figures("… CPU of the client per GiB", "", "s")
    for _ in range(lab.arguments.rounds):
        scene.make_cold()
        drop_caches()
        raw, raw_cpu = less(timed(lambda: scene.target.sftp("get %s/data/x /dev/null\n" % scene.target.folder)),
                            timed(lambda: scene.target.sftp("pwd\n")))
        before = scene.mounted.seconds()
        ours = timed(lambda: read_all(scene.mounted.mnt + "/x"))[0]
        our_cpu = scene.mounted.seconds() - before
        others = {}
        for name, (path, end) in scene.peers().items():
            others[name] = timed(lambda: read_all(path))[0]
            end()
        figures.add(ours, {"`sftp get`": raw, **others})
        figures.notes = scene.notes
        cpu.add(our_cpu * 1024 / lab.arguments.size, {"`sftp get`": raw_cpu * 1024 / lab.arguments.size})
    scene.close()
    yield figures
    yield cpu


@group(50)
def warm(lab):
    """the same read again, and after a remount, beside an empty FUSE file system that splices from a file"""
    source = random_file(lab.base + "/source", lab.arguments.size * MIB)
    scene = Scene(lab, source)
    empty = EmptyFuse(lab, "--file", source)
    again = Figures("R2 warm read of %d MiB" % lab.arguments.size, "≤ 1.2")
    after = Figures("… after a remount", "≤ 1.5")
    held = Figures("… of a staged copy, after a remount", "≤ 1.5")
    lab_bytes = []
    for _ in range(lab.arguments.rounds):
        # What was just written: its staged copy is there.
        lab.run("cp", source, scene.mounted.mnt + "/y")
        scene.mounted.unmount()
        scene.mounted.mount()
        drop_caches()
        baseline = timed(lambda: read_all(empty.base + "/file"))[0]
        drop_caches()
        held.add(timed(lambda: read_all(scene.mounted.mnt + "/y"))[0], {"empty FUSE file system": baseline})
        os.unlink(scene.mounted.mnt + "/y")
        scene.make_cold()
        read_all(scene.mounted.mnt + "/x")
        # The page cache is the kernel's; what is measured is what comes when it has forgotten.
        for figures, remount in ((again, False), (after, True)):
            if remount:
                scene.mounted.unmount()
                scene.mounted.mount()
            before = lab.line.passed()
            drop_caches()
            baseline = timed(lambda: read_all(empty.base + "/file"))[0]
            drop_caches()
            figures.add(timed(lambda: read_all(scene.mounted.mnt + "/x"))[0], {"empty FUSE file system": baseline})
            if before:
                lab_bytes.append(sum(lab.line.passed()) - sum(before))
    if lab_bytes:
        after.notes = ["bytes over the line in all these reads: at most %.0f KiB each (a moment's keep-alive)" % (max(lab_bytes) / 1024)]
    empty.close()
    scene.close()
    yield from (again, after, held)


@group(50)
def jumps(lab):
    """random 4 KiB reads in a cold large file: round trips and bytes each, beside sshfs and rclone"""
    rtt = lab.line.rtt
    size, count = lab.arguments.size * MIB, 200
    scene = Scene(lab, random_file(lab.base + "/source", size))
    trips = Figures("R3 random 4 KiB reads in %d MiB, cold: round trips each" % lab.arguments.size, "≤ 1", "")
    times = Figures("… its time in round trips", "", "")
    fetched = Figures("… bytes fetched for each byte asked", "≤ 64", "")

    def read(path, seed):
        dice = random.Random(seed)
        before, rounds = lab.line.passed()[1], lab.line.rounds()
        fd = os.open(path, os.O_RDONLY)
        took = timed(lambda: [os.pread(fd, 4096, dice.randrange(size // 4096) * 4096) for _ in range(count)])[0]
        os.close(fd)
        return (lab.line.rounds() - rounds) / count, took / count / rtt, (lab.line.passed()[1] - before) / count / 4096

    for round_number in range(lab.arguments.rounds):
        scene.make_cold()
        ours = read(scene.mounted.mnt + "/x", round_number)
        others = {}
        for name, (path, end) in scene.peers().items():
            others[name] = read(path, round_number)
            end()
        for i, figures in enumerate((trips, times, fetched)):
            figures.add(ours[i], {name: value[i] for name, value in others.items()})
    scene.close()
    yield from (trips, times, fetched)


@group(50)
def member(lab):
    """one member of 1 MiB out of a cold zip through the mount, beside curl that knows where it lies, sshfs, rclone"""
    need("curl")
    source = lab.base + "/source.zip"
    with zipfile.ZipFile(source, "w", zipfile.ZIP_STORED) as archive:
        for i in range(lab.arguments.size):
            archive.writestr("folder/member%05d" % i, os.urandom(MIB))
    with zipfile.ZipFile(source) as archive:
        info = archive.getinfo("folder/member%05d" % (lab.arguments.size // 2))
        directory = archive.start_dir
    scene, total = Scene(lab, source), os.path.getsize(source)
    target = scene.target
    times = Figures("R4 a member of 1 MiB out of a cold zip of %d MiB" % lab.arguments.size, "≤ 1.2")
    fetched = Figures("… bytes fetched for each byte of it", "≤ 2", "")

    def limit():
        """The end, the directory, the member: three ranges over a connection that a first one has opened."""
        ranges = ["0-1", "%d-%d" % (total - 22, total - 1), "%d-%d" % (directory, total - 23), "%d-%d" % (info.header_offset, info.header_offset + 60 + MIB)]
        words = []
        for each in ranges:
            words += ["--next"] if words else []
            words += ["-sS", "-w", "%{time_total}\n", "-o", "/dev/null", "--key", target.sshd.base + "/id", "--pubkey", target.sshd.base + "/id.pub",
                      "--insecure", "-r", each, "sftp://%s@%s:%d%s/data/x" % (lab.user, target.address, target.sshd.port, target.folder)]
        before = lab.line.passed()
        seconds = [float(line) for line in lab.run("curl", *words).split()]
        return sum(seconds[1:]), (lab.line.passed()[1] - before[1]) / MIB if before else 0

    def read(path):
        before = lab.line.passed()
        def work():
            with zipfile.ZipFile(path) as archive:
                assert len(archive.read(info.filename)) == MIB
        return timed(work)[0], (lab.line.passed()[1] - before[1]) / MIB if before else 0

    for _ in range(lab.arguments.rounds):
        scene.make_cold()
        raw, ours = limit(), read(scene.mounted.mnt + "/x")
        others = {"curl, three ranges": raw}
        for name, (path, end) in scene.peers().items():
            others[name] = read(path)
            end()
        times.add(ours[0], {name: value[0] for name, value in others.items()})
        fetched.add(ours[1], {name: value[1] for name, value in others.items()})
    scene.close()
    yield from (times, fetched)


GROUPS = {"R1": cold, "R2": warm, "R3": jumps, "R4": member}
