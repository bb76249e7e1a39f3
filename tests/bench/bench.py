#!/usr/bin/env python3
"""Benchmarks beside the best single-purpose clients, in interleaved rounds on this machine.

  python3 tests/bench/bench.py [--binary PATH] [--rounds N] [--size MIB] [--only W1,W2,...]

Starts its own sshd on loopback. Every figure is a median over the rounds; ratios are ours to the baseline of the same
round. Prints a Markdown table for docs/BENCHMARKS.md.
"""
import argparse, json, os, shutil, signal, statistics, subprocess, sys, tempfile, time

def run(*words, env=None, check=True):
    return subprocess.run(words, check=check, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

def timed(call):
    begin = time.monotonic()
    call()
    return time.monotonic() - begin

def drop_caches():
    if os.geteuid() == 0:
        os.sync()
        with open("/proc/sys/vm/drop_caches", "w") as file:
            file.write("1")

class Sshd:
    def __init__(self, base):
        self.base = base
        self.port = 20000 + os.getpid() % 10000
        for key in ("hk", "id"):
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{base}/{key}")
        shutil.copy(f"{base}/id.pub", f"{base}/ak")
        with open(f"{base}/conf", "w") as file:
            file.write("\n".join([f"Port {self.port}", "ListenAddress 127.0.0.1", f"HostKey {base}/hk", f"PidFile {base}/pid",
                f"AuthorizedKeysFile {base}/ak", "StrictModes no", "UsePAM no", "PasswordAuthentication no",
                "PermitRootLogin yes", "Subsystem sftp internal-sftp", "MaxStartups 100", ""]))
        os.makedirs("/run/sshd", exist_ok=True)
        run("/usr/sbin/sshd", "-f", f"{base}/conf", "-E", f"{base}/sshd.log")
        self.host_key = " ".join(open(f"{base}/hk.pub").read().split()[:2])
        with open(f"{base}/known", "w") as file:
            file.write(f"[127.0.0.1]:{self.port} {self.host_key}\n")
        self.options = ["-i", f"{base}/id", "-o", f"UserKnownHostsFile={base}/known", "-o", "StrictHostKeyChecking=yes"]
    def put(self, source, target):
        subprocess.run(["sftp", "-q", "-b", "-", "-P", str(self.port), *self.options, "127.0.0.1"],
                       input=f"put {source} {target}\n", text=True, check=True, stdout=subprocess.DEVNULL)
    def get(self, source, target):
        subprocess.run(["sftp", "-q", "-b", "-", "-P", str(self.port), *self.options, "127.0.0.1"],
                       input=f"get {source} {target}\n", text=True, check=True, stdout=subprocess.DEVNULL)
    def stop(self):
        os.kill(int(open(f"{self.base}/pid").read()), signal.SIGTERM)

class Mounted:
    """oracxfs with SFTP targets (and local ones) on fresh state."""
    def __init__(self, binary, base, sshd, sftp=1, local=0, ack="all"):
        self.binary, self.base = binary, base
        self.home, self.mnt = f"{base}/home", f"{base}/mnt"
        os.makedirs(self.mnt)
        self.env = dict(os.environ, ORACXFS_HOME=self.home)
        self.targets = []
        for i in range(local):
            os.makedirs(f"{base}/l{i}")
            self.oracxfs("local", "--name", f"l{i}", "--path", f"{base}/l{i}", "--no-test")
            self.targets.append(f"{base}/l{i}")
        for i in range(sftp):
            os.makedirs(f"{base}/s{i}")
            self.oracxfs("sftp", "--name", f"s{i}", "--host", "127.0.0.1", "--port", str(sshd.port), "--user", os.environ.get("USER", "root"),
                         "--folder", f"{base}/s{i}", "--key", f"{sshd.base}/id", "--host-key", sshd.host_key, "--no-test")
            self.targets.append(f"{base}/s{i}")
        self.ack = ack
        self.mount()
    def oracxfs(self, *words):
        return run(self.binary, *words, env=self.env)
    def mount(self):
        self.oracxfs("mount", self.mnt, "--close-waits-for", self.ack)
    def unmount(self):
        self.oracxfs("unmount", self.mnt, "--wait", "60s")
    def memory(self):
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                words = open(f"/proc/{pid}/cmdline").read()
                if self.mnt in words and "mount" in words:
                    for line in open(f"/proc/{pid}/status"):
                        if line.startswith("VmHWM"):
                            return int(line.split()[1]) / 1024
            except OSError:
                pass
        return float("nan")

class Table:
    def __init__(self):
        print("| work | oracxfs | baseline | ratio | spread | bar |\n|---|---|---|---|---|---|")
    def row(self, name, ours, theirs, baseline, bar, unit="s"):
        ratios = [a / b for a, b in zip(ours, theirs)]
        print(f"| {name} | {statistics.median(ours):.3g} {unit} | {statistics.median(theirs):.3g} {unit} ({baseline}) | "
              f"**{statistics.median(ratios):.2f}** | {min(ratios):.2f}–{max(ratios):.2f} | {bar} |", flush=True)

def w1(args, table, base, sshd):
    source = f"{base}/source"
    with open(source, "wb") as file:
        for _ in range(args.size):
            file.write(os.urandom(1 << 20))
    for targets in (1, 2, 3):
        ours, theirs, memory = [], [], 0
        for r in range(args.rounds):
            place = tempfile.mkdtemp(dir=base)
            def raw():
                procs = []
                for i in range(targets):
                    os.makedirs(f"{place}/raw{i}", exist_ok=True)
                    procs.append(subprocess.Popen(["sftp", "-q", "-b", "-", "-P", str(sshd.port), *sshd.options, "127.0.0.1"],
                                 stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True))
                    procs[-1].stdin.write(f"put -f {source} {place}/raw{i}/x\n")
                    procs[-1].stdin.close()
                for proc in procs:
                    assert proc.wait() == 0
            theirs.append(timed(raw))
            mounted = Mounted(args.binary, place, sshd, sftp=targets)
            ours.append(timed(lambda: run("cp", source, f"{mounted.mnt}/x")))
            memory = max(memory, mounted.memory())
            mounted.unmount()
            shutil.rmtree(place)
        table.row(f"W1 cp of {args.size} MiB until verified on {targets} SFTP", ours, theirs, "parallel `sftp put -f`, unverified", "≤ 1.1")
        print(f"|  … daemon memory | {memory:.0f} MiB | | | | ≤ 100 MiB |", flush=True)

def w2(args, table, base, sshd):
    small = f"{base}/small"
    os.makedirs(small)
    for i in range(2000):
        with open(f"{small}/f{i:04}", "wb") as file:
            file.write(os.urandom(16384))
    ours, theirs = [], []
    for r in range(args.rounds):
        place = tempfile.mkdtemp(dir=base)
        def raw():
            os.makedirs(f"{place}/raw")
            subprocess.run(["sftp", "-q", "-b", "-", "-P", str(sshd.port), *sshd.options, "127.0.0.1"],
                           input=f"put -f {small}/* {place}/raw/\n", text=True, check=True, stdout=subprocess.DEVNULL)
        theirs.append(timed(raw))
        mounted = Mounted(args.binary, place, sshd, sftp=1, ack="journal")
        def mine():
            run("cp", "-r", small, f"{mounted.mnt}/small")
            mounted.oracxfs("wait")
        ours.append(timed(mine))
        mounted.unmount()
        shutil.rmtree(place)
    table.row("W2 2,000 × 16 KiB, journal, until verified on SFTP", ours, theirs, "`sftp put -f` of the folder, unverified", "≤ 2 (at 50 ms, pipelined client)")

def reads(args, table, base, sshd):
    place = tempfile.mkdtemp(dir=base)
    mounted = Mounted(args.binary, place, sshd, sftp=1)
    run("cp", f"{base}/source", f"{mounted.mnt}/x")
    os.makedirs(f"{place}/sshfs")
    has_sshfs = shutil.which("sshfs") is not None
    if has_sshfs:
        run("sshfs", "-p", str(sshd.port), "-o", f"IdentityFile={sshd.base}/id", *sshd.options[2:], f"127.0.0.1:{mounted.targets[0]}", f"{place}/sshfs")
    cold, cold_get, cold_sshfs, warm, warm_disk = [], [], [], [], []
    def read(path):
        with open(path, "rb", buffering=0) as file:
            while file.read(1 << 20):
                pass
    for r in range(args.rounds):
        mounted.unmount()
        for name in os.listdir(f"{mounted.home}/staging"):
            os.remove(f"{mounted.home}/staging/{name}")   # as after eviction: the content is only at the server
        shutil.rmtree(f"{mounted.home}/cache", ignore_errors=True)
        mounted.mount()
        drop_caches()
        cold_get.append(timed(lambda: sshd.get(f"{mounted.targets[0]}/x", "/dev/null")))
        cold.append(timed(lambda: read(f"{mounted.mnt}/x")))
        if has_sshfs:
            drop_caches()
            cold_sshfs.append(timed(lambda: read(f"{place}/sshfs/x")))
        mounted.unmount()
        mounted.mount()
        drop_caches()
        warm.append(timed(lambda: read(f"{mounted.mnt}/x")))
        drop_caches()
        warm_disk.append(timed(lambda: read(f"{base}/source")))
    table.row(f"R1 cold read of {args.size} MiB", cold, cold_get, "`sftp get` to /dev/null", "≤ 1.1")
    if has_sshfs:
        table.row(f"R1 cold read of {args.size} MiB", cold, cold_sshfs, "sshfs", "")
        run("fusermount3", "-u", f"{place}/sshfs")
    table.row(f"R2 warm read after a remount", warm, warm_disk, "the local disk, cold", "")
    mounted.unmount()

def m1(args, table, base, sshd):
    for count in (10_000, 100_000):
        place = tempfile.mkdtemp(dir=base)
        mounted = Mounted(args.binary, place, sshd, sftp=0, local=1, ack="journal")
        many, plain = f"{mounted.mnt}/many", f"{place}/plain"
        for directory in (many, plain):
            os.makedirs(directory)
        for i in range(count):
            for directory in (many, plain):
                with open(f"{directory}/file{i:06}", "w"):
                    pass
        mounted.oracxfs("wait", "--timeout", "300s")
        cold, cold_plain, warm, warm_plain, found, found_plain, mount = [], [], [], [], [], [], []
        def ls(path): subprocess.run(["ls", "-l", path], stdout=subprocess.DEVNULL, check=True)
        def find(path): subprocess.run(["find", path, "-type", "f"], stdout=subprocess.DEVNULL, check=True)
        for r in range(args.rounds):
            mounted.unmount()
            mount.append(timed(mounted.mount))
            cold.append(timed(lambda: ls(many))); cold_plain.append(timed(lambda: ls(plain)))
            warm.append(timed(lambda: ls(many))); warm_plain.append(timed(lambda: ls(plain)))
            found.append(timed(lambda: find(many))); found_plain.append(timed(lambda: find(plain)))
        table.row(f"M1 `ls -l` of {count:,} after a remount", cold, cold_plain, "plain folder, warm", "")
        table.row(f"M1 `ls -l` of {count:,}, warm", warm, warm_plain, "plain folder, warm", "")
        table.row(f"M1 `find` in {count:,}, warm", found, found_plain, "plain folder, warm", "")
        print(f"|  … mount with {count:,} files | {statistics.median(mount):.2f} s | | | | ≤ 0.5 s at 100,000 |")
        print(f"|  … daemon memory | {mounted.memory():.0f} MiB | | | | ≤ 64 MiB at 100,000 |", flush=True)
        mounted.unmount()
        shutil.rmtree(place)

def main():
    parser = argparse.ArgumentParser()
    here = os.path.dirname(os.path.abspath(__file__))
    parser.add_argument("--binary", default=os.path.join(here, "../../build/release/bin/oracxfs"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--only", default="W1,W2,R,M1")
    args = parser.parse_args()
    args.binary = os.path.abspath(args.binary)
    base = tempfile.mkdtemp(prefix="oracxfs-bench-")
    sshd = Sshd(base)
    table = Table()
    try:
        wanted = args.only.split(",")
        if "R" in wanted and "W1" not in wanted:
            with open(f"{base}/source", "wb") as file:
                for _ in range(args.size):
                    file.write(os.urandom(1 << 20))
        for name, work in (("W1", w1), ("W2", w2), ("R", reads), ("M1", m1)):
            if name in wanted:
                work(args, table, base, sshd)
    finally:
        sshd.stop()
        shutil.rmtree(base, ignore_errors=True)

if __name__ == "__main__":
    main()
