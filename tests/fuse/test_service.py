"""The daemon as a service: reloading its settings, what it tells systemd, what its log tells, and settings of the mount."""

import datetime
import errno
import json
import os
import re
import select
import signal
import socket
import sqlite3
import subprocess
import threading
import time
import unittest

import harness
from harness import KIB, MountTest, Oracxfs, Sshd, content, eventually, read_file, write_file


def config_file(fs):
    return os.path.join(fs.home, "cloud_config.json")


def hang_up(fs):
    os.kill(fs.pid(), signal.SIGHUP)


def events(fs, **wanted):
    """Those whose members have these values, oldest first."""
    found = fs.ask("log", "-n", "1000", check=True)["data"]["events"]
    return [event for event in found if all(event[key] == value for key, value in wanted.items())]


def await_following(process):
    """Nobody says when `log -f` follows: it watches the folder by then, and knows where the log ended before."""
    watched = "/proc/%d/fd" % process.pid
    eventually(lambda: "inotify" in harness.run("ls", "-l", watched, check=False).stdout.decode(), "it watches")


class Reload(unittest.TestCase):
    def setUp(self):
        self.fs = Oracxfs(("a", "b"))
        self.addCleanup(self.fs.close)

    def edit(self, change):
        with open(config_file(self.fs)) as file:
            document = json.load(file)
        change(document)
        text = json.dumps(document, indent=2)
        with open(config_file(self.fs), "w") as file:
            file.write(text)
        return text

    def add_c(self, document):
        self.fs.folders["c"] = os.path.join(self.fs.base, "p-c")
        os.mkdir(self.fs.folders["c"])
        document["providers"]["c"] = {"type": "local", "path": self.fs.folders["c"]}

    def test_sighup_takes_a_new_provider_in(self):
        self.fs.start()
        write_file(self.fs.path("before"), content(100 * KIB))
        self.edit(self.add_c)
        hang_up(self.fs)
        eventually(lambda: os.path.exists(self.fs.at("c", "before")), "what was there goes to the new provider")
        self.fs.wait()
        write_file(self.fs.path("after"), content(10 * KIB))
        self.assertEqual(read_file(self.fs.at("c", "after")), content(10 * KIB))
        self.assertEqual(self.fs.status()["state"], "protected")
        reloaded = eventually(lambda: events(self.fs, kind="settings", level="info"), "it is told")
        self.assertEqual([event["message"] for event in reloaded], ["reloaded: added c"])

    def test_a_file_with_an_error_changes_nothing_and_is_in_the_log(self):
        self.fs.start()
        good = read_file(config_file(self.fs))
        bad = self.edit(lambda document: document["providers"].pop("b"))[:-1]  # and it does not end
        write_file(config_file(self.fs), bad.encode())
        hang_up(self.fs)
        failed = eventually(lambda: events(self.fs, kind="settings", level="error"), "the error is told")
        self.assertEqual(failed[0]["code"], "E-CONFIG")
        self.assertIn("cloud_config.json:", failed[0]["message"])
        self.assertIn("configuration not taken over", self.fs.log_tail())
        write_file(self.fs.path("f"), content(10 * KIB))
        self.assertEqual(read_file(self.fs.at("b", "f")), content(10 * KIB))  # b is still a provider
        # An unknown key is no better than broken syntax.
        write_file(config_file(self.fs), good.replace(b'"providers"', b'"provider"'))
        hang_up(self.fs)
        eventually(lambda: len(events(self.fs, kind="settings", level="error")) == 2, "the second error is told")
        write_file(config_file(self.fs), good)
        hang_up(self.fs)
        eventually(lambda: events(self.fs, kind="settings", level="info"), "the good file is taken over")
        self.assertEqual({row["name"] for row in self.fs.status()["providers"]}, {"a", "b"})

    def test_a_command_changes_the_running_daemon_and_says_what_waits_for_a_mount(self):
        self.fs.start()
        for level in ("error", "warning", "info"):
            self.assertEqual(b"", self.fs.cli("config", "set", "log.level", level).stderr)
        self.assertEqual(len(events(self.fs, kind="settings")), 3)
        told = [line for line in self.fs.log_tail().splitlines() if "configuration reloaded" in line]
        self.assertEqual(len(told), 1, "only the last one is written at its own level")
        for key, value in (("mount.provider_dir_write", "deny"), ("mount.offline_reads", "false"), ("replication.retries", "7"),
                           ("mount.close_waits_for", "journal")):
            self.assertIn(b"next `oracxfs mount`", self.fs.cli("config", "set", key, value).stderr, key)
        for key, value in (("replication.limit_hours", '{"08:00-19:00": "100MiB/s"}'), ("replication.verify", "download"),
                           ("log.keep_days", "30")):
            self.assertEqual(b"", self.fs.cli("config", "set", key, value).stderr, key)
        write_file(self.fs.path("g"), content(300 * KIB))
        self.assertEqual(self.fs.status()["state"], "protected")

    def test_flags_of_the_mount_are_no_change(self):
        self.fs.start("--close-waits-for", "journal")
        self.assertEqual(b"", self.fs.cli("config", "set", "log.keep_days", "30").stderr)


class NotifySocket:
    """What systemd would hear."""

    def __init__(self, base):
        self.path = os.path.join(base, "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.lines = []

    def wait_for(self, wanted, seconds=30):
        """The lines up to one that begins so."""
        seconds *= harness.patience()
        end = time.monotonic() + seconds
        while not any(line.startswith(wanted) for line in self.lines):
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.socket], [], [], left)[0]:
                raise AssertionError("systemd did not hear %s within %g s, only %s" % (wanted, seconds, self.lines))
            self.lines += self.socket.recv(4096).decode().split("\n")
        return self.lines

    def count(self, wanted):
        while select.select([self.socket], [], [], 0)[0]:
            self.lines += self.socket.recv(4096).decode().split("\n")
        return sum(1 for line in self.lines if line.startswith(wanted))

    def close(self):
        self.socket.close()


class Systemd(unittest.TestCase):
    def setUp(self):
        self.fs = Oracxfs(("a",))
        self.addCleanup(self.fs.close)
        self.notify = NotifySocket(self.fs.base)
        self.addCleanup(self.notify.close)
        self.fs.environment["NOTIFY_SOCKET"] = self.notify.path

    def foreground(self, **environment):
        log = open(os.path.join(self.fs.base, "foreground"), "wb")
        self.addCleanup(log.close)
        self.fs.mounted = True
        process = subprocess.Popen([harness.binary(), "mount", self.fs.mount, "--foreground"], stdin=subprocess.DEVNULL,
                                   stdout=log, stderr=log, env={**self.fs.environment, **environment}, cwd=self.fs.base)

        def end():
            if process.poll() is None:
                process.kill()
            process.wait()
        self.addCleanup(end)
        return process

    def test_it_says_when_it_is_ready_and_when_it_stops(self):
        process = self.foreground()
        lines = self.notify.wait_for("READY=1")
        self.assertTrue(os.path.ismount(self.fs.mount), "ready means that the mount answers")
        write_file(self.fs.path("f"), b"x")
        self.assertEqual(read_file(self.fs.at("a", "f")), b"x")
        self.notify.wait_for("MAINPID=%d" % process.pid)
        self.assertNotIn("STOPPING=1", lines)
        process.terminate()
        self.notify.wait_for("STOPPING=1")
        self.assertEqual(process.wait(harness.HANGS), 0)
        self.fs.mounted = False
        self.assertEqual(self.notify.count("READY=1"), 1)
        self.assertEqual(self.notify.count("WATCHDOG=1"), 0, "nobody asked for it")

    def test_the_watchdog_is_fed_when_systemd_asks_for_it(self):
        process = self.foreground(WATCHDOG_USEC="400000")
        self.notify.wait_for("READY=1")
        for _ in range(3):
            seen = self.notify.count("WATCHDOG=1")
            eventually(lambda: self.notify.count("WATCHDOG=1") > seen, "it goes on", 20)
        os.kill(process.pid, signal.SIGSTOP)  # hangs
        try:
            # Each of its threads: the one that feeds may still be at it when the first has stopped.
            def states():
                return {harness.read_proc(process.pid, "task/%s/stat" % task).rpartition(b")")[2][1:2]
                        for task in os.listdir("/proc/%d/task" % process.pid)}
            eventually(lambda: states() == {b"T"}, lambda: "it is stopped: %s" % states())
            seen = self.notify.count("WATCHDOG=1")
            select.select([self.notify.socket], [], [], 1)
            self.assertEqual(self.notify.count("WATCHDOG=1"), seen)
        finally:
            os.kill(process.pid, signal.SIGCONT)
        process.terminate()
        self.assertEqual(process.wait(harness.HANGS), 0)
        self.fs.mounted = False

    def test_a_watchdog_of_another_process_is_not_fed(self):
        process = self.foreground(WATCHDOG_USEC="20000", WATCHDOG_PID="1")
        self.notify.wait_for("READY=1")
        process.terminate()
        self.assertEqual(process.wait(harness.HANGS), 0)
        self.fs.mounted = False
        self.assertEqual(self.notify.count("WATCHDOG=1"), 0)

    def test_a_daemon_in_the_background_names_its_process(self):
        self.fs.start()
        self.notify.wait_for("MAINPID=%d" % self.fs.pid())
        self.fs.stop()
        self.notify.wait_for("STOPPING=1")


class Log(MountTest):
    def test_a_healthy_run_is_told(self):
        write_file(self.inside("f"), content(10 * KIB))
        self.fs.wait()
        path = self.name + "/f"
        told = eventually(lambda: len(events(self.fs, path=path)) >= 2 and events(self.fs, path=path), "both are told")
        self.assertEqual([event["kind"] for event in told], ["stored", "verified"])
        self.assertEqual({event["level"] for event in told}, {"info"})
        self.assertIn("10240 bytes", told[0]["message"])
        self.assertEqual(told[1]["providers"], ["a", "b"])
        self.assertRegex(told[1]["message"], r"^10240 bytes, .*: a, b$")
        kinds = [event["kind"] for event in events(self.fs)]
        self.assertIn("daemon", kinds)
        self.assertEqual([event["message"] for event in events(self.fs, kind="mount")][:1], ["mounted at " + self.fs.mount])

    def test_filters(self):
        for name in ("one", "two"):
            write_file(self.inside(name), name.encode())
        self.fs.wait()
        path = self.name + "/one"
        eventually(lambda: len(events(self.fs, path=path)) == 2, "both are told")
        lines = self.fs.cli("log", "--path", self.inside("one")).stdout.decode().splitlines()
        self.assertEqual(len(lines), 2)
        self.assertTrue(all(path in line for line in lines), lines)
        self.assertRegex(lines[1], r"^20\d\d-.*Z info +verified  a,b  %s  3 bytes" % re.escape(path))
        only_b = self.fs.cli("log", "-n", "1000", "--provider", "b").stdout.decode()
        self.assertIn("verified", only_b)
        self.assertNotIn("stored", only_b)
        self.assertEqual(self.fs.cli("log", "--provider", "c").stdout, b"")
        self.assertNotIn(b" info ", self.fs.cli("log", "-n", "1000", "--level", "error").stdout)
        self.assertIn(b" info ", self.fs.cli("log", "-n", "1000", "--level", "info").stdout)
        self.assertEqual(len(self.fs.cli("log", "-n", "3").stdout.splitlines()), 3)
        self.assertEqual(self.fs.cli("log", "--level", "loud", check=False).returncode, 2)

    def test_following_shows_what_happens_next(self):
        write_file(self.inside("before"), b"x")
        self.fs.wait()
        eventually(lambda: len(events(self.fs, path=self.name + "/before")) == 2, "both are told")
        process = subprocess.Popen([harness.binary(), "log", "-f", "-n", "0", "--provider", "a"], env=self.fs.environment,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, cwd=self.fs.base)
        lines = []
        reader = threading.Thread(target=lambda: lines.extend(iter(process.stdout.readline, b"")))
        reader.start()
        try:
            await_following(process)
            write_file(self.inside("f"), b"x")
            eventually(lambda: any(b"verified" in line and self.name.encode() in line for line in lines), lambda: "the file shows up, only %s" % lines)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(harness.HANGS)
            reader.join()
            process.stdout.close()
        self.assertFalse(any(b"stored" in line for line in lines), "that is no event of a provider")
        self.assertFalse(any(b"/before " in line for line in lines), "that was before")

    def test_following_goes_on_when_the_daemon_is_started_anew(self):
        process = subprocess.Popen([harness.binary(), "log", "-f", "-n", "0", "--category", "service", "--json"], env=self.fs.environment,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, cwd=self.fs.base)
        told = []
        reader = threading.Thread(target=lambda: told.extend(json.loads(line) for line in process.stdout))
        reader.start()
        try:
            await_following(process)
            self.fs.restart()
            wanted = [("mount", "unmounted"), ("daemon", "stopped"), ("daemon", "oracxfs"), ("mount", "mounted")]
            eventually(lambda: len(told) >= len(wanted), lambda: "all of it is shown, only %s" % told)
        finally:
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(harness.HANGS), 0)
            reader.join()
            process.stdout.close()
        self.assertEqual([(line["kind"], line["message"].split()[0]) for line in told], wanted)
        self.assertEqual([line["seq"] for line in told], sorted({line["seq"] for line in told}))

    def test_a_log_without_a_daemon_is_the_same(self):
        write_file(self.inside("f"), b"x")
        self.fs.wait()
        path = self.name + "/f"
        with_daemon = eventually(lambda: len(events(self.fs, path=path)) >= 2 and events(self.fs, path=path), "both are told")
        self.fs.stop()
        try:
            self.assertEqual(events(self.fs, path=path), with_daemon)
            self.assertEqual(events(self.fs)[-1]["message"], "stopped")
        finally:
            self.fs.start()

    def test_a_configuration_that_was_changed_meanwhile_is_told(self):
        before = len(events(self.fs, kind="settings"))
        self.fs.restart()
        self.assertEqual(len(events(self.fs, kind="settings")), before, "it is as it was")
        self.fs.stop()
        self.fs.cli("config", "set", "log.keep_days", "80")
        self.fs.start()
        self.assertEqual([event["message"] for event in events(self.fs, kind="settings")][before:], ["the configuration was changed since the last start"])
        self.fs.cli("config", "set", "log.keep_days", "81")  # told at once
        self.fs.restart()
        self.assertEqual(len(events(self.fs, kind="settings")), before + 2)

    def test_since_and_run_and_numbers(self):
        everything = events(self.fs)
        seqs = [event["seq"] for event in everything]
        self.assertEqual(seqs, list(range(seqs[0], seqs[0] + len(seqs))), "no gap")
        self.assertEqual(events(self.fs)[0]["seq"], seqs[0])
        self.assertEqual(self.fs.ask("log", "--since", "0s")["data"]["events"], [])
        self.assertEqual(self.fs.ask("log", "--since", "365d", "-n", "1000")["data"]["events"][0]["seq"], seqs[0])
        self.assertEqual(self.fs.ask("log", "--since", "tuesday")["exit_code"], 2)
        self.assertEqual(self.fs.ask("log", "--run", "r-999")["data"]["events"], [])
        mode = os.stat(os.path.join(self.fs.home, "activity.jsonl")).st_mode & 0o777
        self.assertEqual(mode, 0o600)

    def test_start_and_end_are_told(self):
        before = len(events(self.fs))
        self.fs.restart()
        told = [(event["kind"], event["message"].split()[0]) for event in events(self.fs)[before:]]
        self.assertEqual([pair for pair in told if pair[0] in ("mount", "daemon")],
                         [("mount", "unmounted"), ("daemon", "stopped"), ("daemon", "oracxfs"), ("mount", "mounted")])
        self.fs.kill()
        self.fs.start()
        self.assertTrue(events(self.fs, kind="daemon", level="warning"), "the last run did not end properly")


class OldEvents(unittest.TestCase):
    def test_they_are_forgotten(self):
        with Oracxfs(("a",), settings={"log.keep_days": 1}) as fs:
            fs.start()
            write_file(fs.path("f"), b"x")
            fs.stop()
            self.assertTrue(events(fs, path="f"))
            old = os.path.join(fs.home, "log", "oracxfs.1.log")
            write_file(old, b"x\n")
            two_days_ago = time.time() - 2 * 86400
            os.utime(old, (two_days_ago, two_days_ago))
            with sqlite3.connect(os.path.join(fs.home, "catalog.db")) as catalog:
                catalog.execute("UPDATE event SET at_ms = at_ms - 2 * 86400000")
            catalog.close()
            activity = os.path.join(fs.home, "activity.jsonl")
            lines = [json.loads(line) for line in read_file(activity).splitlines()]
            for line in lines:
                day = datetime.datetime.fromisoformat(line["at"].replace("Z", "+00:00")) - datetime.timedelta(days=2)
                line["at"] = day.strftime("%Y-%m-%dT%H:%M:%S.000Z")
            write_file(activity, b"".join(json.dumps(line).encode() + b"\n" for line in lines))
            fs.start()
            eventually(lambda: not events(fs, path="f"), "what is older than a day is forgotten")
            eventually(lambda: not os.path.exists(old), "and the old log file removed")
            self.assertTrue(events(fs, kind="mount"))
            catalog = sqlite3.connect(os.path.join(fs.home, "catalog.db"))
            self.addCleanup(catalog.close)
            # The catalogue is in no hurry with it.
            eventually(lambda: catalog.execute("SELECT count(*) FROM event WHERE path = ?", (b"f",)).fetchone() == (0,), "there, too")


class NoProvider(unittest.TestCase):
    def test_nothing_can_be_made_and_the_log_says_why(self):
        with Oracxfs(()) as fs:
            fs.start()
            for make in (lambda: os.mkdir(fs.path("d")), lambda: write_file(fs.path("f"), b"x")):
                with self.assertRaises(OSError) as caught:
                    make()
                self.assertEqual(caught.exception.errno, errno.EROFS)
            refused = events(fs, kind="refused")
            self.assertEqual(len(refused), 1, "a copy of many files is told once")
            self.assertEqual(refused[0]["level"], "warning")
            self.assertIn("no provider is configured", refused[0]["message"])
            self.assertEqual(sorted(os.listdir(fs.mount)), ["README.txt", "browse"])
            fs.add_local("a")
            os.mkdir(fs.path("d"))
            write_file(fs.path("d", "f"), b"x")
            self.assertEqual(read_file(fs.at("a", "d", "f")), b"x")
            fs.cli("providers", "disable", "a", "--yes")
            with self.assertRaises(OSError) as caught:
                os.mkdir(fs.path("d", "e"))
            self.assertEqual(caught.exception.errno, errno.EROFS)


class DenyProviderFolders(MountTest):
    SETTINGS = {"mount.provider_dir_write": "deny"}

    def test_they_can_be_read_and_nothing_else(self):
        write_file(self.inside("f"), b"text")
        os.mkdir(self.inside("d"))
        self.fs.wait()
        folder = self.fs.path("a", self.name)
        file = os.path.join(folder, "f")
        self.assertEqual(read_file(file), b"text")
        for call in (lambda: write_file(os.path.join(folder, "g"), b"x"), lambda: write_file(file, b"x"),
                     lambda: open(file, "ab").close(), lambda: os.truncate(file, 1), lambda: os.mkdir(os.path.join(folder, "e")),
                     lambda: os.rename(file, file + "2"), lambda: os.chmod(file, 0o600), lambda: os.utime(file, (1, 1)),
                     lambda: os.setxattr(file, "user.x", b"1"), lambda: os.unlink(file), lambda: os.rmdir(os.path.join(folder, "d"))):
            self.assert_errno(errno.EROFS, call)
        self.assertEqual(read_file(self.inside("f")), b"text")
        write_file(self.inside("f"), b"new")  # in the root as always
        self.assert_everywhere("f", b"new")


@unittest.skipUnless(Sshd.available(), "sshd and ssh-keygen are needed (Debian: openssh-server)")
class NoOfflineReads(MountTest):
    PROVIDERS = ()
    SFTP = ("s",)
    SETTINGS = {"mount.offline_reads": "false", "mount.close_waits_for": "journal"}

    def test_what_is_offline_cannot_be_opened_unless_it_is_only_here(self):
        write_file(self.inside("f"), b"text")
        self.fs.wait()
        self.assertEqual(read_file(self.inside("f")), b"text")
        self.fs.servers["s"].stop()
        write_file(self.inside("new"), b"only here")
        eventually(lambda: self.fs.provider("s")["state"] == "offline", "it is found to be offline", 60)
        self.assert_errno(errno.ETIMEDOUT, read_file, self.inside("f"))
        self.assert_errno(errno.ETIMEDOUT, read_file, self.fs.path("s", self.name, "f"))
        self.assertEqual(os.stat(self.inside("f")).st_size, 4)
        self.assertEqual(read_file(self.inside("new")), b"only here")
        self.fs.servers["s"].start()
        eventually(lambda: self.fs.provider("s")["state"] == "active", "it is back", 60)
        self.assertEqual(read_file(self.inside("f")), b"text")
        eventually(lambda: len(events(self.fs, kind="provider", provider="s")) >= 2, "both are told")
        told = [event["message"] for event in events(self.fs, kind="provider", provider="s")]
        self.assertEqual(len(told), 2, told)
        self.assertTrue(told[0].startswith("s is offline"), told)
        self.assertEqual(told[1], "s is back")


if __name__ == "__main__":
    harness.main(280)
