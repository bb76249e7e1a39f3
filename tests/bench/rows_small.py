"""W2: many small files until they are verified everywhere."""

import os
import time

from lab import Figures, Mounted, Skip, random_file, timed
from rows_large import group
from targets import Clouds, Drive, Dropbox, Rclone, Sshd

COUNT, BYTES = 2000, 16384


def small_files(lab, count=COUNT):
    folder = lab.base + "/small"
    os.makedirs(folder)
    for i in range(count):
        random_file("%s/f%04d" % (folder, i), BYTES)
    return folder


def copy_until_verified(lab, source, targets):
    with Mounted(lab, targets, "journal") as mounted:
        def work():
            lab.run("cp", "-r", source, mounted.mnt + "/small")
            mounted.wait()
        before = mounted.seconds()
        took, cpu = timed(work)
        return took, cpu + mounted.seconds() - before, mounted.memory()


def raw_sftp(lab, target, source):
    sshd = target.sshd
    return float(lab.run(lab.program("raw_sftp"), target.address, str(sshd.port), lab.user, sshd.base + "/id", sshd.base + "/hk.pub",
                         target.folder + "/raw", source))


def raw_http(lab, cloud, source, connections=4):
    """The same number of connections as oracxfs opens by default."""
    token = lab.base + "/token-" + cloud.name
    folder = "/raw%d" % time.monotonic_ns()
    if cloud.name == "dropbox":
        token = cloud.facts["access_token_file"]
    else:
        import json
        with open(token, "w") as file:
            file.write(json.load(open(cloud.facts["token_file"]))["access_token"])
        cloud.clouds.ask(cloud.name, "mkdir", path=folder)
        folder = next(entry["id"] for entry in cloud.clouds.ask(cloud.name, "tree")["tree"] if entry["path"].strip("/") == folder.strip("/"))
    return float(lab.run(lab.program("raw_http"), cloud.name, cloud.facts["base_url"], cloud.facts["ca_file"], token, folder, source,
                         str(connections)))


def rclone_copy(lab, source, targets):
    """Copied through a mount that uploads in the background with the cache of small files it needs."""
    clone = Rclone(lab, targets, "writes", "--vfs-write-back", "0")

    def work():
        os.mkdir(clone.mnt + "/small")
        lab.run("sh", "-c", 'cp "$0"/f*0 "$1"', source, clone.mnt + "/small")
        while any(len(os.listdir(t.folder + "/small")) < COUNT // 10 for t in targets):
            time.sleep(0.05)
    took = timed(work)[0]
    clone.close()
    return took


@group(50)
def to_sftp(lab):
    """2,000 x 16 KiB in journal mode until verified on SFTP, beside a pipelined client, sftp's batch, rclone"""
    sshd, source = Sshd(lab), small_files(lab)
    figures = Figures("W2 2,000 × 16 KiB, `journal`, until verified on SFTP", "≤ 2")
    for i in range(lab.arguments.rounds):
        target = sshd.folders(1)[0]
        limit = raw_sftp(lab, target, source)
        ours, _, memory = copy_until_verified(lab, source, [target])
        others = {}
        # These take minutes at a distance: a tenth of the files, ten times the time.
        others["`sftp put -f` of the folder, unverified (a tenth, × 10)"] = 10 * timed(lambda: target.sftp(
            "mkdir %s/batch\nput -f %s/f*0 %s/batch/\n" % (target.folder, source, target.folder)))[0]
        if i == 0 and not lab.arguments.no_peers:
            try:
                others["rclone mount (`writes`), unverified (a tenth, × 10)"] = 10 * rclone_copy(lab, source, [target])
            except (Skip, RuntimeError) as reason:
                figures.notes = [str(reason)]
        figures.add(ours, {"pipelined, one connection, unverified": limit, **others})
        target.remove()
    yield figures


def to_cloud(lab, kind, bar):
    clouds, source = Clouds(lab), small_files(lab)
    figures = Figures("W2 2,000 × 16 KiB, `journal`, until verified on %s (emulated)" % kind.name, bar)
    for i in range(lab.arguments.rounds):
        cloud = kind(clouds, "ours%d" % i)
        limit = raw_http(lab, cloud, source)
        ours, _, memory = copy_until_verified(lab, source, [cloud])
        figures.add(ours, {"raw HTTP client, 4 connections": limit})
        figures.notes = ["daemon memory %.0f MiB" % memory]
    yield figures


@group(50)
def to_dropbox(lab):
    """the same on the emulated Dropbox, beside a client that sends the fewest requests"""
    yield from to_cloud(lab, Dropbox, "≤ 1.5")


@group(50)
def to_drive(lab):
    """the same on the emulated Google Drive"""
    yield from to_cloud(lab, Drive, "≤ 1.5")


@group(50)
def to_all(lab):
    """the same on SFTP, Dropbox and Google Drive at once, beside the slowest of the three raw clients, all at once"""
    sshd, clouds, source = Sshd(lab), Clouds(lab), small_files(lab)
    figures = Figures("W2 2,000 × 16 KiB, `journal`, until verified on SFTP, Dropbox and Drive", "≤ 2")
    from concurrent.futures import ThreadPoolExecutor
    for i in range(lab.arguments.rounds):
        target = sshd.folders(1)[0]
        kinds = [Dropbox(clouds, "ours%d" % i), Drive(clouds, "ours%d" % i)]
        with ThreadPoolExecutor() as pool:
            jobs = [pool.submit(raw_sftp, lab, target, source)]
            for cloud in kinds:
                jobs.append(pool.submit(raw_http, lab, cloud, source))
                time.sleep(0.3)  # they ask the emulators one after the other
            limit = max(job.result() for job in jobs)
        ours = copy_until_verified(lab, source, [target, *kinds])[0]
        figures.add(ours, {"three raw clients at once": limit})
        target.remove()
    yield figures


@group(50)
def serial(lab):
    """serial cp of small files with close() waiting for SFTP: round trips a file, beside sshfs"""
    sshd, count = Sshd(lab), 100
    source = small_files(lab, count)
    names = sorted(os.listdir(source))
    rtt = lab.line.rtt
    figures = Figures("W2-all serial `cp` of 16 KiB files, `all`, SFTP: round trips a file", "≤ 3", "")
    times = Figures("… its time (without that of a plain folder) in round trips", "", "")
    for _ in range(lab.arguments.rounds):
        target = sshd.folders(1)[0]
        def copies(to):
            before = lab.line.rounds()
            took = timed(lambda: lab.run("sh", "-c", 'for f in "$0"/*; do cp "$f" "$1/"; done', source, to))[0]
            return took, (lab.line.rounds() - before) / count
        plain = copies(lab.place())[0]  # starting cp takes time, too
        with Mounted(lab, [target]) as mounted:
            lab.run("cp", "%s/%s" % (source, names[0]), mounted.mnt + "/first")
            took, ours = copies(mounted.mnt)
            ours_time = (took - plain) / count / rtt
        others, other_times = {}, {}
        if not lab.arguments.no_peers:
            mount_point = lab.place() + "/sshfs"
            target.sshfs(mount_point)
            took, others["sshfs, unverified"] = copies(mount_point)
            other_times["sshfs, unverified"] = (took - plain) / count / rtt
            lab.run("fusermount3", "-u", mount_point)
        figures.add(ours, others)
        times.add(ours_time, other_times)
        target.remove()
    yield from (figures, times)


GROUPS = {"W2-sftp": to_sftp, "W2-dropbox": to_dropbox, "W2-drive": to_drive, "W2-three": to_all, "W2-all": serial}
