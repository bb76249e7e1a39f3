"""W1: one large file, copied until it is verified on 1, 2 and 3 SFTP targets."""


from lab import Figures, Mounted, Skip, finish, random_file, timed
from targets import Rclone, Sshd


def group(rtt):
    def mark(function):
        function.rtt = rtt
        return function
    return mark


def parallel_puts(targets, source):
    """OpenSSH's sftp, one for each target at once. Without connecting and signing in: the others have done that before."""
    return less(timed(lambda: finish([target.begin("put -f %s %s/raw\n" % (source, target.folder)) for target in targets])),
                timed(lambda: finish([target.begin("pwd\n") for target in targets])))


def less(whole, part):
    return whole[0] - part[0], whole[1] - part[1]


def copy(lab, source, mounted):
    before = mounted.seconds()
    took, cpu = timed(lambda: lab.run("cp", source, mounted.mnt + "/x"))
    return took, cpu + mounted.seconds() - before


def peer_copies(lab, source, targets):
    """Seconds of the peers, or why there are none."""
    found = {}
    try:
        clone = Rclone(lab, targets)
        found["rclone union mount, unverified"] = timed(lambda: lab.run("cp", source, clone.mnt + "/x"))[0]
        clone.close()
    except (Skip, RuntimeError) as reason:
        found["rclone"] = str(reason)
    try:
        mounts = ["%s/sshfs" % lab.place() for _ in targets]
        for target, mount_point in zip(targets, mounts):
            target.sshfs(mount_point)
        found["sshfs, a mount each, unverified"] = timed(lambda: finish([lab.start("cp", source, m + "/y") for m in mounts]))[0]
        for mount_point in mounts:
            lab.run("fusermount3", "-u", mount_point)
    except (Skip, RuntimeError) as reason:
        found["sshfs"] = str(reason)
    return found


@group(50)
def large(lab, counts=(1, 2, 3)):
    """cp of one large file until it is verified on 1, 2, 3 SFTP targets, beside parallel sftp, rclone union, sshfs"""
    sshd, size = Sshd(lab), lab.arguments.size
    source = random_file(lab.base + "/source", size << 20)
    for count in counts:
        times = Figures("W1 `cp` of %d MiB until verified on %d SFTP" % (size, count), "≤ 1.1")
        cpu = Figures("… CPU of the client per GiB", "≤ 1.3" if count == 3 else "", "s")
        memory = []
        for _ in range(lab.arguments.rounds):
            targets = sshd.folders(count)
            raw, raw_cpu = parallel_puts(targets, source)
            with Mounted(lab, targets) as mounted:
                ours, our_cpu = copy(lab, source, mounted)
                memory.append(mounted.memory())
            peers = {} if lab.arguments.no_peers else peer_copies(lab, source, targets)
            times.add(ours, {"parallel `sftp put -f`, unverified": raw, **{k: v for k, v in peers.items() if not isinstance(v, str)}})
            times.notes = [v for v in peers.values() if isinstance(v, str)]
            cpu.add(our_cpu * 1024 / size, {"parallel `sftp put -f`, unverified": raw_cpu * 1024 / size})
            for target in targets:
                target.remove()
        yield times
        yield cpu
        held = Figures("… daemon memory (VmHWM)", "≤ 100 MiB", "MiB")
        held.ours = memory
        yield held


@group(50)
def one_slow(lab):
    """the same with one target limited to 1 MB/s: the others finish as if alone"""
    sshd = Sshd(lab)
    size = min(lab.arguments.size, 128)
    source = random_file(lab.base + "/source", size << 20)
    figures = Figures("W1-slow %d MiB to 3 SFTP, one at 1 MB/s: until verified on the 2 others (`quorum=2`)" % size, "≤ 1.1")
    for _ in range(lab.arguments.rounds):
        targets = sshd.folders(3)
        with Mounted(lab, targets[:2]) as mounted:
            alone = copy(lab, source, mounted)[0]
        lab.line.limit(targets[2].address, 1_000_000)
        # The slow one is not awaited; its upload goes on beside the others'.
        with Mounted(lab, targets, "quorum=2") as mounted:
            beside = copy(lab, source, mounted)[0]
            mounted.kill()
        lab.line.limit(targets[2].address, 0)
        figures.add(beside, {"without the slow one": alone})
        for target in targets:
            target.remove()
    yield figures


@group(50)
def memory(lab):
    """daemon memory while 1 GiB goes to 3 SFTP targets"""
    sshd = Sshd(lab)
    source = random_file(lab.base + "/source", 1 << 30)
    figures = Figures("W1-mem daemon memory (VmHWM), 1 GiB to 3 SFTP", "≤ 100 MiB", "MiB")
    targets = sshd.folders(3)
    with Mounted(lab, targets) as mounted:
        copy(lab, source, mounted)
        figures.ours = [mounted.memory()]
    yield figures


GROUPS = {"W1": large, "W1-slow": one_slow, "W1-mem": memory}
