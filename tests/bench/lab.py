"""What the benchmarks share: a place for files, the line, servers at its far end, programs at its near end, figures."""

import contextlib
import ctypes
import json
import os
import pwd
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import tempfile
import time

MIB = 1 << 20
_libc = ctypes.CDLL(None, use_errno=True)


class Skip(Exception):
    """This row can't be measured here; says why."""


def need(program):
    found = shutil.which(program)
    if not found:
        raise Skip("%s is not installed" % program)
    return found


def drop_caches():
    """Of contents and of names, so that a read is a read; without root, the figures say less."""
    if os.geteuid() == 0:
        os.sync()
        with open("/proc/sys/vm/drop_caches", "w") as file:
            file.write("3")


def random_file(path, size):
    with open(path, "wb") as file:
        while size > 0:
            size -= file.write(os.urandom(min(size, MIB)))
    return path


def read_all(path):
    with open(path, "rb", buffering=0) as file:
        file_size = 0
        while block := file.read(MIB):
            file_size += len(block)
    return file_size


def process_seconds(pid):
    """CPU of a process so far, all its threads, without its children."""
    with open("/proc/%d/stat" % pid) as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mib(pid, what="VmHWM"):
    with open("/proc/%d/status" % pid) as file:
        return next(int(line.split()[1]) for line in file if line.startswith(what)) / 1024


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Line:
    """A line between two network namespaces (see long_line.cpp), or loopback itself when no delay is asked for."""

    def __init__(self, program, rtt_ms):
        self.rtt = rtt_ms / 1000
        self.process = self.near = self.far = None
        if rtt_ms == 0:
            return
        if os.geteuid() != 0:
            raise Skip("a line with a round-trip time needs root (try --rtt 0)")
        self.process = subprocess.Popen([program, "--rtt", str(rtt_ms)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        answer = self.process.stdout.readline()
        if not answer:
            raise Skip("the line can't be made here (see above)")
        self.near, self.far = (json.loads(answer)[end] for end in ("near", "far"))

    def ask(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def limit(self, address, bytes_per_second):
        if self.process is None:
            raise Skip("loopback has no limits (needs --rtt)")
        self.ask("rate %s=%d" % (address, bytes_per_second))

    def passed(self):
        """Bytes up and down so far."""
        if self.process is None:
            return None
        stats = self.ask("stats")
        return stats["up"], stats["down"]

    def rounds(self):
        """Round trips so far, where one thing is done after the other."""
        if self.process is None:
            raise Skip("round trips are counted on the line (needs --rtt)")
        return self.ask("stats")["rounds"]

    def enter(self, end):
        """For preexec_fn."""
        if end is None:
            return
        fd = os.open(end, os.O_RDONLY)
        if _libc.setns(fd, 0x40000000) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        os.close(fd)

    def stop(self):
        if self.process:
            self.process.stdin.close()
            self.process.wait(10)


class Lab:
    """One temporary folder, one line, what runs at its ends. Everything ends with it."""

    def __init__(self, arguments, rtt_ms):
        self.arguments = arguments
        self.bin = os.path.dirname(arguments.binary)
        self.binary = arguments.binary
        self.base = tempfile.mkdtemp(prefix="oracxfs-bench-", dir=arguments.folder)
        self.ends = contextlib.ExitStack()
        self.ends.callback(self.tidy)
        self.near = []
        self.line = Line(self.program("long_line"), rtt_ms)
        self.ends.callback(self.line.stop)
        self.user = pwd.getpwuid(os.getuid()).pw_name

    def program(self, name):
        path = os.path.join(self.bin, name)
        if not os.access(path, os.X_OK):
            raise Skip("%s is not built (ninja benchmarks)" % name)
        return path

    def place(self):
        return tempfile.mkdtemp(dir=self.base)

    def start_far(self, words, **options):
        process = subprocess.Popen(words, preexec_fn=lambda: self.line.enter(self.line.far), **options)
        self.ends.callback(end_process, process)
        return process

    def start(self, *words, **options):
        """A program at the near end."""
        options.setdefault("stdout", subprocess.DEVNULL)
        process = subprocess.Popen(words, preexec_fn=lambda: self.line.enter(self.line.near), **options)
        self.near = [each for each in self.near if each.poll() is None] + [process]
        return process

    def tidy(self):
        """Whatever a failure left behind, then the folder."""
        with open("/proc/self/mounts") as mounts:
            for place in [line.split()[1] for line in mounts if line.split()[1].startswith(self.base + "/")]:
                subprocess.run(["fusermount3", "-u", "-z", place])
        for process in self.near:
            end_process(process)
        shutil.rmtree(self.base, ignore_errors=True)

    def run(self, *words, **options):
        done = subprocess.run(words, stdin=options.pop("stdin", subprocess.DEVNULL), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              preexec_fn=lambda: self.line.enter(self.line.near), **options)
        if done.returncode != 0:
            raise RuntimeError("%s: exit %d\n%s%s" % (" ".join(words), done.returncode, done.stdout, done.stderr))
        return done.stdout

    def close(self):
        self.ends.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def end_process(process, seconds=10):
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def finish(processes):
    for process in processes:
        if process.wait() != 0:
            raise RuntimeError("%s: exit %d" % (process.args, process.returncode))


def timed(call):
    """Seconds, and CPU seconds of the programs that were started and ended meanwhile."""
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    call()
    took, after = time.monotonic() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    return took, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


class Mounted:
    """oracxfs on fresh state with some targets; its daemon is our child."""

    def __init__(self, lab, targets, ack="all", config=None):
        self.lab, self.ack = lab, ack
        self.base = lab.place()
        self.home, self.mnt = self.base + "/home", self.base + "/mnt"
        os.makedirs(self.mnt)
        self.env = dict(os.environ, ORACXFS_HOME=self.home)
        self.daemon = None
        for target in targets:
            self.oracxfs(*target.words(), "--no-test")
        for key, value in (config or {}).items():
            self.oracxfs("config", "set", key, value)
        self.mount()

    def oracxfs(self, *words, **options):
        return self.lab.run(self.lab.binary, *words, env=self.env, **options)

    def mount(self):
        """Returns the seconds until the mount answers."""
        ready = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        ready.bind(self.base + "/ready")
        ready.settimeout(120)
        begin = time.monotonic()
        with open(self.base + "/errors", "w") as errors:
            self.daemon = self.lab.start(self.lab.binary, "mount", self.mnt, "--foreground", "--close-waits-for", self.ack, stderr=errors,
                                         env=dict(self.env, NOTIFY_SOCKET=self.base + "/ready"))
        while b"READY=1" not in ready.recv(4096):
            pass
        took = time.monotonic() - begin
        ready.close()
        os.unlink(self.base + "/ready")
        return took

    def unmount(self):
        self.oracxfs("unmount", self.mnt, "--wait", "60s")
        self.daemon.wait(60)

    def kill(self):
        self.daemon.kill()
        self.daemon.wait()
        subprocess.run(["fusermount3", "-u", "-z", self.mnt], check=True)

    def only_remote(self):
        """As after eviction: contents are at the providers only. Mounts again."""
        self.unmount()
        for name in os.listdir(self.home + "/staging"):
            os.remove("%s/staging/%s" % (self.home, name))
        shutil.rmtree(self.home + "/cache", ignore_errors=True)
        self.mount()

    def wait(self):
        self.oracxfs("wait", "--timeout", "900s")

    def seconds(self):
        return process_seconds(self.daemon.pid)

    def memory(self):
        return peak_mib(self.daemon.pid)

    def memory_now(self):
        return peak_mib(self.daemon.pid, "VmRSS")

    def close(self):
        if self.daemon and self.daemon.poll() is None:
            self.unmount()
        shutil.rmtree(self.base)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            return self.close()
        # Leave nothing mounted behind a failure.
        if self.daemon and self.daemon.poll() is None:
            self.kill()


class Figures:
    """Rounds of one row: ours and those of the others, by name."""

    def __init__(self, title, bar="", unit="s"):
        self.title, self.bar, self.unit = title, bar, unit
        self.ours, self.others, self.notes = [], {}, []

    def add(self, ours, others=None):
        self.ours.append(ours)
        for name, value in (others or {}).items():
            self.others.setdefault(name, []).append(value)

    def lines(self):
        unit = " " + self.unit if self.unit else ""
        mine = "%.3g%s" % (statistics.median(self.ours), unit)
        if len(self.ours) > 1:
            mine += " (%.3g–%.3g)" % (min(self.ours), max(self.ours))
        if not self.others:
            yield "| %s | %s | | | | %s |" % (self.title, mine, self.bar)
        for i, (name, theirs) in enumerate(self.others.items()):
            ratios = [a / b for a, b in zip(self.ours, theirs) if b]
            yield "| %s | %s | %.3g%s %s | **%.2f** | %.2f–%.2f | %s |" % (
                self.title if i == 0 else "", mine if i == 0 else "", statistics.median(theirs), unit, name,
                statistics.median(ratios), min(ratios), max(ratios), self.bar if i == 0 else "")
        for note in self.notes:
            yield "| … %s | | | | | |" % note


HEAD = "| work | oracxfs | beside it | ratio | spread | bar |\n|---|---|---|---|---|---|"
