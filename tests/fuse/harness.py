"""One oracxfs of its own for a test: state, mount point, local and SFTP providers, and a clean end.

Everything lives below one temporary folder. Nothing is stopped by name: only the processes that were started here.
"""

import atexit
import errno
import faulthandler
import hashlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import unittest

# What tests use beside Oracxfs and MountTest: harness.X stands for all of it.
from contents import GIB, KIB, MIB, TRASH, Watch, content, leftovers, read_file, sha256, trash_entries, tree, write_file
from processes import HANGS, end_at_once, eventually, kill, patience, read_proc, run, wait_gone
from sshd import Sshd, free_port

SKIPPED = 77  # ctest's SKIP_RETURN_CODE
LIMIT = float(os.environ.get("ORACXFS_LIMIT") or 0)  # seconds for a whole program, from ctest
QUICK = os.environ.get("ORACXFS_QUICK", "") not in ("", "0")

_live = []  # instances that still have something to clean up


def binary():
    return os.path.abspath(os.environ.get("ORACXFS_BINARY", "build/release/bin/oracxfs"))


def reason_to_skip():
    if not os.path.exists("/dev/fuse"):
        return "/dev/fuse is missing"
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        return "/dev/fuse may not be opened by this user"
    if not shutil.which("fusermount3"):
        return "fusermount3 is missing (Debian: fuse3)"
    if not os.access(binary(), os.X_OK):
        return "no oracxfs at %s (set ORACXFS_BINARY)" % binary()
    return None


def sanitized():
    """A sanitizer's program: its memory says nothing."""
    return float(os.environ.get("ORACXFS_PATIENCE") or 1) > 1


def main(limit):
    """Runs the tests of the calling file. `limit`: seconds after which it is ended, with a trace of what hangs."""
    limit = LIMIT or limit * patience()
    reason = reason_to_skip()
    if reason:
        print("skipped:", reason)
        sys.exit(SKIPPED)

    def too_late():
        print("still running after %d s:" % limit, file=sys.stderr)
        faulthandler.dump_traceback(all_threads=True)
        for instance in list(_live):
            instance.abort()
        os._exit(1)

    watchdog = threading.Timer(limit, too_late)
    watchdog.daemon = True
    watchdog.start()
    try:
        unittest.main(module="__main__", verbosity=2)
    finally:
        watchdog.cancel()


def seed():
    value = int(os.environ.get("ORACXFS_SEED") or random.SystemRandom().getrandbits(32))
    print("ORACXFS_SEED=%d" % value, flush=True)
    return value


class Oracxfs:
    """providers: names of local ones. sftp: names of SFTP ones. settings: {"staging.max_size": "32MiB"}, as environment
    overrides of the configuration."""

    def __init__(self, providers=("a", "b"), sftp=(), settings=None, internal_sftp=False):
        self.base = os.path.realpath(tempfile.mkdtemp(prefix="oracxfs-fuse-"))
        self.home = os.path.join(self.base, "home")
        self.mount = os.path.join(self.base, "mnt")
        for folder in (self.home, self.mount, os.path.join(self.base, "user")):
            os.mkdir(folder, 0o700)
        self.mounted = False
        self.popen_pids = []
        self.folders = {}  # provider -> its folder on this machine
        self.servers = {}
        _live.append(self)
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith("ORACXFS_")}
        self.environment.update({"ORACXFS_HOME": self.home, "HOME": os.path.join(self.base, "user"), "LC_ALL": "C.UTF-8",
                                 "ORACXFS_ADMIN_ENABLED": "false"})
        for path, value in (settings or {}).items():
            self.set(path, value)
        try:
            for name in providers:
                self.add_local(name)
            for name in sftp:
                self.add_sftp(name, internal_sftp)
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def set(self, path, value):
        self.environment["ORACXFS_" + path.upper().replace(".", "_")] = str(value)

    def add_local(self, name):
        folder = os.path.join(self.base, "p-" + name)
        os.makedirs(folder, exist_ok=True)
        self.cli("local", "--name", name, "--path", folder)
        self.folders[name] = folder

    def add_sftp(self, name, internal_sftp=False):
        server = Sshd(os.path.join(self.base, "sshd-" + name), internal_sftp)
        self.servers[name] = server
        self.folders[name] = server.folder
        self.cli("sftp", "--name", name, "--host", "127.0.0.1", "--port", str(server.port), "--user", server.user,
                 "--folder", server.folder, "--key", server.key, "--host-key", server.host_key)

    # --- command line ---

    def cli(self, *words, check=True, timeout=HANGS):
        return run(binary(), *words, env=self.environment, check=check, timeout=timeout, cwd=self.base)

    def ask(self, *words, check=False, timeout=HANGS):
        """The JSON envelope of a command."""
        done = self.cli(*words, "--json", check=check, timeout=timeout)
        lines = [line for line in done.stdout.splitlines() if line.startswith(b"{")]
        if not lines:
            try:
                return json.loads(done.stdout)
            except ValueError:
                raise AssertionError("no JSON from %s: exit %d %r %r" % (words, done.returncode, done.stdout, done.stderr)) from None
        try:
            return json.loads(lines[-1])
        except ValueError:
            return json.loads(done.stdout)

    def status(self):
        return self.ask("status")["data"]

    def provider(self, name):
        return next(row for row in self.status()["providers"] if row["name"] == name)

    def replicas(self, path=None):
        """{(path inside the mount, provider): row}."""
        envelope = self.ask("replicas", *([path] if path else []))
        data = envelope["data"]
        if isinstance(data, dict):
            data = next((value for value in data.values() if isinstance(value, list)), [])
        return {(row["path"].lstrip("/"), row["provider"]): row for row in data or []}

    def events(self):
        data = self.ask("log")["data"]
        if isinstance(data, dict):
            data = next((value for value in data.values() if isinstance(value, list)), [])
        return data or []

    def wait(self, timeout=HANGS, expect=0):
        timeout = round(timeout * patience())
        done = self.cli("wait", "--timeout", "%ds" % timeout, check=False, timeout=timeout + 30)
        if done.returncode != expect:
            raise AssertionError("wait: exit %d instead of %d: %s%s" % (done.returncode, expect,
                                                                        done.stdout.decode(), done.stderr.decode()))

    # --- the daemon ---

    def start(self, *options):
        """Mounts; returns when the mount is there."""
        done = self.cli("mount", self.mount, *options, check=False)
        if done.returncode != 0:
            raise AssertionError("mount: exit %d\n%s%s\n%s" % (done.returncode, done.stdout.decode(), done.stderr.decode(),
                                                               self.log_tail()))
        self.mounted = True
        if not os.path.ismount(self.mount):
            raise AssertionError("mount returned 0 but nothing is mounted")
        return self

    def stop(self):
        """A clean unmount; the daemon is gone afterwards."""
        pid = self.pid()
        self.cli("unmount", self.mount)
        if pid and not wait_gone(pid, 30):
            raise AssertionError("the daemon outlives unmount")
        self.mounted = False

    def restart(self, *options):
        self.stop()
        return self.start(*options)

    def pids(self):
        """Processes of our binary with our state folder."""
        mine = b"ORACXFS_HOME=" + os.fsencode(self.home)
        found = []
        for name in os.listdir("/proc"):
            if name.isdigit() and mine in read_proc(int(name), "environ").split(b"\0"):
                try:
                    if os.path.basename(os.readlink("/proc/%s/exe" % name)).split(" ")[0] == os.path.basename(binary()):
                        found.append(int(name))
                except OSError:
                    pass
        return found

    def pid(self):
        found = [pid for pid in self.pids() if b"mount" in read_proc(pid, "cmdline").split(b"\0")]
        return found[0] if found else None

    def kill(self):
        """kill -9, and the dead mount is taken away."""
        for pid in self.pids():
            kill(pid, signal.SIGKILL)
            if not wait_gone(pid, 20):
                raise AssertionError("the daemon does not die of SIGKILL")
        self.detach()

    def detach(self):
        run("fusermount3", "-uz", self.mount, check=False)
        self.mounted = False

    def memory_peak(self):
        """VmHWM of the daemon in bytes."""
        for line in read_proc(self.pid(), "status").splitlines():
            if line.startswith(b"VmHWM:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("no daemon")

    def log_tail(self, lines=40):
        text = []
        for where, _, files in os.walk(os.path.join(self.home, "log")):
            for name in files:
                text += read_file(os.path.join(where, name)).decode(errors="replace").splitlines()[-lines:]
        return "\n".join(text)

    # --- paths ---

    def path(self, *parts):
        return os.path.join(self.mount, *parts)

    def at(self, provider, *parts):
        return os.path.join(self.folders[provider], *parts)

    def staged(self):
        folder = os.path.join(self.home, "staging")
        return [name for name in os.listdir(folder) if name.startswith("v")] if os.path.isdir(folder) else []

    # --- the end ---

    def end_servers(self):
        for server in self.servers.values():
            server.stop()

    def abort(self):
        """No niceties: nothing that was started here is left."""
        for server in self.servers.values():
            server.thaw()
        self.end_servers()
        for pid in self.pids():
            kill(pid, signal.SIGKILL)
            wait_gone(pid, 5)
        if self.mounted or os.path.ismount(self.mount):
            self.detach()

    def close(self):
        if self not in _live:
            return
        for server in self.servers.values():
            server.thaw()
        if self.mounted:
            self.detach()
        for pid in self.pids():
            kill(pid, signal.SIGTERM)
            if not wait_gone(pid, 10):
                print("the daemon %d ignored SIGTERM" % pid, file=sys.stderr)
                kill(pid, signal.SIGKILL)
                wait_gone(pid, 10)
        self.end_servers()
        _live.remove(self)
        if os.environ.get("ORACXFS_KEEP"):
            print("kept:", self.base, file=sys.stderr)
            return
        if not os.path.ismount(self.mount):
            shutil.rmtree(self.base, ignore_errors=True)


@atexit.register
def _clean_up():
    for instance in list(_live):
        try:
            instance.close()
        except Exception as error:  # the others still have to go
            print("clean-up:", error, file=sys.stderr)


class MountTest(unittest.TestCase):
    """One mount for all tests of the class; each test has a folder of its own in it."""

    PROVIDERS = ("a", "b")
    SFTP = ()
    SETTINGS = {}
    OPTIONS = ()
    INTERNAL_SFTP = False
    maxDiff = 4000

    @classmethod
    def make(cls):
        if cls.SFTP and not Sshd.available():
            raise unittest.SkipTest("sshd and ssh-keygen are needed (Debian: openssh-server)")
        return Oracxfs(cls.PROVIDERS, cls.SFTP, cls.SETTINGS, cls.INTERNAL_SFTP)

    @classmethod
    def setUpClass(cls):
        cls.fs = cls.make()
        cls.addClassCleanup(cls.fs.close)
        cls.fs.start(*cls.OPTIONS)

    def setUp(self):
        self.name = self._testMethodName
        self.dir = self.fs.path(self.name)
        if self.fs.mounted and not self.fs.pid():  # an earlier test failed because of it; the others shall tell their own
            self.fs.detach()
            self.fs.start(*self.OPTIONS)
        if self.fs.mounted and not os.path.isdir(self.dir):
            os.mkdir(self.dir)

    def tearDown(self):
        if self.fs.mounted:
            self.assertIsNotNone(self.fs.pid(), "the daemon died")

    def run(self, result=None):
        before = len(result.failures) + len(result.errors) if result else 0
        done = super().run(result)
        if result and len(result.failures) + len(result.errors) > before and hasattr(self, "fs"):
            print("--- %s: the daemon's log\n%s" % (self.id(), self.fs.log_tail()), file=sys.stderr)
        return done

    def inside(self, *parts):
        """Path in the mount of something in this test's folder."""
        return os.path.join(self.dir, *parts)

    def at(self, provider, *parts):
        """The same at a provider."""
        return self.fs.at(provider, self.name, *parts)

    def assert_errno(self, number, call, *args, **options):
        numbers = number if isinstance(number, (tuple, set, list)) else (number,)
        try:
            call(*args, **options)
        except OSError as error:
            self.assertIn(error.errno, numbers, "got " + errno.errorcode.get(error.errno, str(error.errno)))
            return
        self.fail("succeeded instead of " + "/".join(errno.errorcode[n] for n in numbers))

    def assert_everywhere(self, name, data=None, providers=None):
        """The file is whole at every provider: no waiting, it must be so by now."""
        wanted = hashlib.sha256(data).hexdigest() if data is not None else sha256(self.inside(name))
        for provider in providers or self.fs.folders:
            self.assertTrue(os.path.exists(self.at(provider, name)), "%s is not at %s" % (name, provider))
            self.assertEqual(sha256(self.at(provider, name)), wanted, "%s at %s" % (name, provider))

    def assert_same_trees(self, wanted, *others):
        first = tree(wanted)
        for other in others:
            self.assertEqual(first, tree(other), other)
