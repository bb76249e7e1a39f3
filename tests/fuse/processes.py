"""Running programs, waiting for what they do, and how long to wait."""

import os
import select
import signal
import subprocess
import tempfile
import time

HANGS = 300  # seconds after which a program is taken to hang: the tests say themselves where a time is a promise


def patience():
    """What times are multiplied by: sanitizers make programs slower (ORACXFS_PATIENCE), other programs too, and a disk
    whose fsync takes more than a millisecond: a small file means about ten of them."""
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    return float(os.environ.get("ORACXFS_PATIENCE") or 1) * max(1.0, load, _waiting_for_processors(),
                                                                    min(10.0, 1000 * _fsync_seconds()))


def _waiting_for_processors():
    """By the kernel's pressure, which is quicker than the load average and knows a container's quota."""
    share = 0.0
    for path in ("/proc/pressure/cpu", "/sys/fs/cgroup/cpu.pressure"):
        try:
            with open(path) as file:
                share = max(share, float(file.readline().split("avg10=")[1].split()[0]) / 100)
        except (OSError, IndexError, ValueError):
            pass
    return 1 / (1 - min(share, 0.9))


_fsync = [-1e9, 0.0]  # when it was measured, and what it was


def _fsync_seconds():
    if time.monotonic() - _fsync[0] > 5:
        with tempfile.TemporaryFile(buffering=0) as file:
            took = []
            for _ in range(3):
                file.write(bytes(4096))
                begun = time.monotonic()
                os.fsync(file.fileno())
                took.append(time.monotonic() - begun)
        _fsync[:] = time.monotonic(), sorted(took)[1]
    return _fsync[1]


def eventually(check, what, seconds=30.0, every=0.05):
    """Polls until `check` returns something true, and returns it."""
    seconds *= patience()
    end = time.monotonic() + seconds
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("not within %g s: %s" % (seconds, what() if callable(what) else what))
        time.sleep(every)


def run(*words, timeout=HANGS, check=True, **options):
    """Runs a program; stdout and stderr are captured."""
    options.setdefault("stdin", subprocess.DEVNULL)
    done = subprocess.run(list(words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout * patience(),
                          **options)
    if check and done.returncode != 0:
        raise AssertionError("%s: exit %d\n%s%s" % (" ".join(map(str, words)), done.returncode,
                                                    done.stdout.decode(errors="replace"),
                                                    done.stderr.decode(errors="replace")))
    return done


def read_proc(pid, name):
    try:
        with open("/proc/%d/%s" % (pid, name), "rb") as file:
            return file.read()
    except OSError:
        return b""


def wait_gone(pid, seconds):
    """True when the process is gone (or a zombie) in time."""
    seconds *= patience()
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([fd], [], [], seconds)[0])
    finally:
        os.close(fd)


def kill(pid, number):
    try:
        os.kill(pid, number)
        return True
    except ProcessLookupError:
        return False


def children(pid):
    below = []
    for task in read_proc(pid, "task/%d/children" % pid).split():
        below += [int(task)] + children(int(task))
    return below


def halt(pid):
    """It and all below it stand still, those too that are just being made: who stands still makes no more."""
    halted = []
    while fresh := [one for one in [pid] + children(pid) if one not in halted]:
        for one in fresh:
            kill(one, signal.SIGSTOP)
        halted += fresh
    return halted


def end_at_once(process):
    """Like pulling the plug: a server and all that serve its connections are gone."""
    serving = halt(process.pid)[1:] if process.poll() is None else []
    process.kill()
    process.wait()
    for pid in serving:
        if kill(pid, signal.SIGKILL):
            wait_gone(pid, 5)
