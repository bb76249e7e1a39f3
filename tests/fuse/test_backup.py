"""The backup job from end to end: packages are made, sent, checked, looked into and brought back, whatever fails meanwhile."""

import calendar
import errno
import json
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import threading
import time
import unittest
import zipfile

import harness
from harness import KIB, MIB, Oracxfs, Sshd, content, eventually, read_file, sha256, write_file


def manifest_of(package):
    """{member: sha256} of the files that were packed; RESTORE.txt is about the package itself."""
    with zipfile.ZipFile(package) as archive:
        members = json.loads(archive.read("manifest.json"))["members"]
    return {member["name"]: member["sha256"] for member in members if not member["name"].endswith("/") and member["name"] != "RESTORE.txt"}


def hashes_below(folder):
    return {os.path.relpath(os.path.join(where, name), folder): sha256(os.path.join(where, name))
            for where, _, files in os.walk(folder) for name in files}


class Job(unittest.TestCase):
    """A mount of its own for each test. Sources are in `source`, below it `tree` and, if a test makes it, `shop.db`."""

    PROVIDERS = ("a", "b", "c")
    SFTP = ()
    SETTINGS = {}
    COMPRESSION = "balanced"

    def setUp(self):
        if self.SFTP and not Sshd.available():
            self.skipTest("sshd and ssh-keygen are needed (Debian: openssh-server)")
        self.fs = Oracxfs(self.PROVIDERS, self.SFTP, {"backup.compression": self.COMPRESSION, **self.SETTINGS})
        self.addCleanup(self.fs.close)
        self.source = os.path.join(self.fs.base, "source")
        self.tree = os.path.join(self.source, "tree")
        os.makedirs(self.tree)
        self.sources([{"path": self.tree}])

    def run(self, result=None):
        before = len(result.failures) + len(result.errors) if result else 0
        done = super().run(result)
        if result and len(result.failures) + len(result.errors) > before and hasattr(self, "fs"):
            print("--- %s: the daemon's log\n%s" % (self.id(), getattr(self, "log", "")), flush=True)
        return done

    def tearDown(self):
        self.log = self.fs.log_tail()
        if self.fs.mounted:
            self.assertIsNotNone(self.fs.pid(), "the daemon died")

    def sources(self, list_):
        self.fs.set("backup.sources", json.dumps(list_))

    def plant(self, files):
        for name, data in files.items():
            path = os.path.join(self.tree, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            write_file(path, data)

    def sync(self, *words, expect=0):
        envelope = self.fs.ask("sync", *words, timeout=300)
        self.assertEqual(envelope["exit_code"], expect, envelope)
        return envelope["data"]

    def restore(self, *words, expect=0):
        envelope = self.fs.ask("backups", "restore", *words, timeout=300)
        self.assertEqual(envelope["exit_code"], expect, envelope)
        return envelope["data"]

    def backups(self):
        return self.fs.ask("backups", "list")["data"]["backups"]

    def out(self, name="out"):
        return os.path.join(self.fs.base, name)

    def packing_leftovers(self):
        folder = os.path.join(self.fs.home, "cache", "packing")
        return os.listdir(folder) if os.path.isdir(folder) else []

    def packages_at(self, provider):
        return sorted(name for name in os.listdir(self.fs.folders[provider]) if name.endswith(".zip"))

    def assert_is_manifest(self, folder, package):
        """Every file of the package is there with the manifest's bytes, and nothing else."""
        wanted = manifest_of(package)
        self.assertEqual(hashes_below(folder), wanted)
        return wanted


class RoundTrip(Job):
    FILES = 200 if harness.QUICK else 2000

    def test_a_live_database_and_many_small_files(self):
        self.plant({"d%02d/f%04d" % (i % 40, i): content(i % 3000, i) for i in range(self.FILES)})
        database = os.path.join(self.source, "shop.db")
        with sqlite3.connect(database) as first:
            first.execute("PRAGMA journal_mode=WAL")
            first.execute("CREATE TABLE a (id INTEGER PRIMARY KEY, text TEXT)")
            first.execute("CREATE TABLE b (id INTEGER PRIMARY KEY, text TEXT)")
        stop = threading.Event()
        written = []

        def write():
            with sqlite3.connect(database, timeout=30) as db:
                while not stop.is_set():
                    with db:  # one transaction: both or none
                        db.execute("INSERT INTO a (text) VALUES (?)", ("x" * 500,))
                        db.execute("INSERT INTO b (text) VALUES (?)", ("y" * 500,))
                    written.append(1)

        writer = threading.Thread(target=write)
        writer.start()
        self.addCleanup(writer.join)
        self.addCleanup(stop.set)
        eventually(lambda: len(written) > 10, "the writer writes")
        self.sources([{"path": self.tree}, {"path": database, "kind": "sqlite"}])
        self.fs.start()
        before = len(written)
        run = self.sync()
        self.assertGreater(len(written), before, "nothing was written during the run, so nothing was tried")
        stop.set()
        writer.join()
        self.assertEqual((run["state"], run["verified"], run["wanted"]), ("succeeded", 3, 3))
        for provider in self.PROVIDERS:
            self.assertEqual(self.packages_at(provider), [run["package"]])
        report = self.restore("latest", "--to", self.out())
        wanted = self.assert_is_manifest(self.out(), self.fs.at("a", run["package"]))
        self.assertEqual((report["files"], report["verified"], report["problem_count"]), (len(wanted), len(wanted), 0))
        self.assertGreaterEqual(report["files"], self.FILES + 1)
        with sqlite3.connect(self.out("out/shop.db")) as restored:
            self.assertEqual(restored.execute("PRAGMA integrity_check").fetchall(), [("ok",)])
            rows = [restored.execute("SELECT count(*) FROM " + table).fetchone()[0] for table in "ab"]
        self.assertEqual(rows[0], rows[1], "half a transaction")
        self.assertGreaterEqual(rows[0], before)
        self.assertEqual(self.packing_leftovers(), [])
        restores = self.fs.ask("runs", "--kind", "restore")["data"]["runs"]
        self.assertEqual([(r["state"], r["members"], r["package"]) for r in restores], [("succeeded", len(wanted), run["package"])])

    def test_what_is_restored_where(self):
        self.plant({"a/one": b"1" * 5000, "a/two": content(3000), "b/three": b""})
        self.fs.start()
        self.sync()
        files = self.fs.ask("backups", "files", "latest", "tree/a")["data"]["files"]
        self.assertEqual([(f["name"], f["kind"], f["size"]) for f in files if f["kind"] == "file"],
                         [("tree/a/one", "file", 5000), ("tree/a/two", "file", 3000)])
        self.assertEqual(self.fs.ask("backups", "files", "latest", "no/such")["exit_code"], 8)
        # A part, and only by looking.
        report = self.restore("latest", "tree/a", "--to", self.out("dry"), "--dry-run")
        self.assertEqual(sorted(item["name"] for item in report["plan"]), ["tree/a/one", "tree/a/two"])
        self.assertFalse(os.path.exists(self.out("dry")))
        self.restore("latest", "tree/a", "--to", self.out())
        self.assertEqual(sorted(os.listdir(self.out("out/tree"))), ["a"])
        # What is there stays, unless told otherwise.
        write_file(self.out("out/tree/a/one"), b"mine")
        self.assertEqual(self.restore("latest", "--to", self.out())["kept"], 2)
        self.assertEqual(read_file(self.out("out/tree/a/one")), b"mine")
        self.restore("latest", "--to", self.out(), "--overwrite", "always", "--verify")
        self.assertEqual(read_file(self.out("out/tree/a/one")), b"1" * 5000)
        # To the standard output, with and without a daemon; and what does not exist.
        done = self.fs.cli("backups", "restore", "latest", "tree/a/two", "--stdout")
        self.assertEqual(done.stdout, content(3000))
        self.restore("latest", "tree/nothing", "--to", self.out("none"), expect=8)
        self.restore("20990101_000000", "--to", self.out("none"), expect=8)
        self.restore("latest", "--from", "nowhere", "--to", self.out("none"), expect=8)
        self.fs.stop()
        self.assertEqual(self.fs.cli("backups", "restore", "latest", "tree/a/two", "--stdout").stdout, content(3000))
        self.restore("latest", "--to", self.out("later"))
        self.assertEqual(read_file(self.out("later/tree/a/one")), b"1" * 5000)
        self.assertEqual(len(self.fs.ask("backups", "files", "latest", "tree/*/*")["data"]["files"]), 3)

    def test_show_pin_and_delete(self):
        self.plant({"f": content(5 * KIB)})
        self.fs.start()
        first, second = self.sync(), self.sync("--label", "the second")
        shown = self.fs.ask("backups", "show", "latest")["data"]
        self.assertEqual((shown["name"], shown["label"], shown["run"]["run"]), (second["package"], "the second", second["run"]))
        self.assertEqual(shown["sha256"], sha256(self.fs.at("b", second["package"])))
        self.assertEqual({r["provider"]: r["state"] for r in shown["replicas"]}, dict.fromkeys(self.PROVIDERS, "verified"))
        self.assertEqual(self.fs.ask("backups", "show", "oracxpred")["exit_code"], 2)  # two fit
        self.assertEqual(self.fs.ask("backups", "show", "nothing")["exit_code"], 8)
        name = first["package"]
        self.assertTrue(self.fs.ask("backups", "pin", name[-19:-4], "--label", "before the move")["data"]["pinned"])
        self.assertEqual([(b["pinned"], b["label"]) for b in self.backups() if b["name"] == name], [(True, "before the move")])
        self.assertEqual(self.fs.ask("backups", "delete", name, "--yes")["exit_code"], 14)
        self.assertFalse(self.fs.ask("backups", "unpin", name)["data"]["pinned"])
        self.assertEqual(self.fs.ask("backups", "delete", name)["exit_code"], 14)  # nobody said yes
        self.assertEqual(self.fs.ask("backups", "delete", name, "--yes")["exit_code"], 0)
        self.assertEqual([b["name"] for b in self.backups()], [second["package"]])
        self.assertFalse(os.path.exists(self.fs.path(name)))

    def test_an_encrypted_package(self):
        self.plant({"secret.txt": b"nobody may read this" * 100, "more": content(200 * KIB)})
        self.fs.set("backup.zip_encryption", "aes256")
        passphrase = self.out("passphrase")
        write_file(passphrase, b"correct horse\n")
        self.fs.start()
        self.assertEqual(self.fs.ask("sync")["exit_code"], 12)
        self.assertEqual(self.fs.ask("secrets", "set", "backup/passphrase", "--from-file", passphrase)["exit_code"], 0)
        self.assertEqual(self.fs.ask("secrets", "list")["data"]["names"], ["backup/passphrase"])
        run = self.sync()
        package = read_file(self.fs.at("b", run["package"]))
        self.assertNotIn(b"nobody may read this", package)
        self.restore("latest", "--to", self.out())
        self.assertEqual(read_file(self.out("out/tree/secret.txt")), b"nobody may read this" * 100)
        browse = self.fs.path("browse", self.backups()[0]["name"][-19:-4], "tree")
        self.assertEqual(read_file(os.path.join(browse, "more")), content(200 * KIB))
        # Another passphrase, given for this time only; and none at all.
        write_file(passphrase, b"wrong\n")
        self.restore("latest", "--to", self.out("wrong"), "--passphrase-file", passphrase, expect=12)
        self.assertEqual(self.fs.ask("secrets", "remove", "backup/passphrase", "--yes")["exit_code"], 0)
        self.restore("latest", "--to", self.out("none"), expect=12)
        with self.assertRaises(PermissionError):
            open(os.path.join(browse, "secret.txt"), "rb")
        write_file(passphrase, b"correct horse\n")
        self.restore("latest", "--to", self.out("again"), "--passphrase-file", passphrase)
        self.assertEqual(read_file(self.out("again/tree/more")), content(200 * KIB))

    def test_nothing_changed_and_pruning_has_guards(self):
        self.plant({"f": content(20 * KIB)})
        self.fs.set("backup.skip_if_unchanged", "true")
        for name in ("daily", "weekly", "monthly"):
            self.fs.set("retention." + name, "0")
        self.fs.set("retention.keep_last", "10")
        self.fs.set("retention.max_delete_percent", "25")
        self.fs.start()
        first = self.sync()
        self.assertEqual(self.sync()["state"], "unchanged")
        self.assertEqual([b["name"] for b in self.backups()], [first["package"]])
        self.plant({"f": content(20 * KIB, 2)})
        second = self.sync()
        third = self.sync("--force")
        # Two of three would go by now: more than a quarter, and more than the one that always may, so nothing goes unless it
        # is forced.
        self.fs.set("retention.keep_last", "1")
        self.fs.restart()
        names = [b["name"] for b in self.backups()]
        self.assertEqual(sorted(names), sorted([first["package"], second["package"], third["package"]]))
        self.assertEqual(self.fs.ask("backups", "prune", "--yes")["exit_code"], 14)
        self.assertEqual(len(self.backups()), 3)
        self.assertEqual(self.fs.ask("backups", "prune", "--yes", "--force")["exit_code"], 0)
        self.assertEqual([b["name"] for b in self.backups()], [third["package"]])
        self.assertEqual(self.fs.ask("backups", "delete", "latest", "--yes")["exit_code"], 14)
        self.restore("latest", "--to", self.out())
        self.assertEqual(read_file(self.out("out/tree/f")), content(20 * KIB, 2))


class OneMember(Job):
    """A piece out of a large package costs what the piece costs."""

    PROVIDERS = ("a", "b")
    COMPRESSION = "store"
    SETTINGS = {"mount.cache_size": "1MiB"}
    COUNT = 64 if harness.QUICK else 512

    def down(self):
        return sum(provider["bytes_down"] for provider in self.fs.status()["providers"])

    def test_by_restore_and_by_copying(self):
        self.plant({"m%03d" % i: content(MIB, i) for i in range(self.COUNT)})
        self.fs.start()
        self.sync()
        eventually(lambda: not self.fs.staged(), "the local copy is given up", 60)
        place = "tree/m%03d" % (self.COUNT // 3)
        before = self.down()
        self.restore("latest", place, "--to", self.out())
        fetched = self.down() - before
        self.assertEqual(read_file(os.path.join(self.out(), place)), content(MIB, self.COUNT // 3))
        self.assertGreaterEqual(fetched, MIB)
        self.assertLessEqual(fetched, 2 * MIB, "restored")
        # The same through the folder of its time: looking costs nothing, copying what it must.
        before = self.down()
        label = os.listdir(self.fs.path("browse"))
        self.assertEqual(len(label), 1)
        names = os.listdir(self.fs.path("browse", label[0], "tree"))
        self.assertEqual(len(names), self.COUNT)
        self.assertEqual(self.down(), before, "a listing was fetched")
        place = "m%03d" % (self.COUNT * 2 // 3)
        shutil.copy(self.fs.path("browse", label[0], "tree", place), self.out("copied"))
        self.assertEqual(read_file(self.out("copied")), content(MIB, self.COUNT * 2 // 3))
        fetched = self.down() - before
        self.assertGreaterEqual(fetched, MIB)
        self.assertLessEqual(fetched, 2 * MIB, "copied")


class Browse(Job):
    PROVIDERS = ("a",)

    def open_it(self):
        self.fs.start()
        self.run_ = self.sync()
        self.folder = self.fs.path("browse", self.run_["package"][-19:-4])

    def assert_errno(self, number, call, *args):
        with self.assertRaises(OSError) as caught:
            call(*args)
        # Who is not root may not even ask for a change: the kernel looks at the permissions first.
        others = (errno.EACCES,) if number == errno.EROFS and os.getuid() != 0 else ()
        self.assertIn(caught.exception.errno, (number, *others), caught.exception)

    def test_a_package_is_a_folder(self):
        text = b"".join(b"line %d\n" % i for i in range(600_000))  # deflated; more than what is kept behind the reader
        self.plant({"deep/er/f.txt": text, "empty": b"", "g": content(3000)})
        os.makedirs(os.path.join(self.tree, "nothing"))
        os.utime(os.path.join(self.tree, "g"), (1_600_000_000, 1_600_000_000))
        self.open_it()
        shutil.copytree(os.path.join(self.folder, "tree"), self.out())
        for name in ("deep/er/f.txt", "empty", "g"):
            self.assertEqual(read_file(self.out("out/" + name)), read_file(os.path.join(self.tree, name)), name)
        self.assertTrue(os.path.isdir(self.out("out/nothing")))
        self.assertEqual(os.stat(os.path.join(self.folder, "tree/g")).st_mtime, 1_600_000_000)
        # From anywhere, also backwards.
        with open(os.path.join(self.folder, "tree/deep/er/f.txt"), "rb", buffering=0) as file:
            for offset in (len(text) - 1000, 0, 5_000_000, 3, len(text) - 5):
                self.assertEqual(os.pread(file.fileno(), 4096, offset), text[offset:offset + 4096], offset)
        self.assertIn("browse", os.listdir(self.fs.mount))

    def test_links_are_followed_inside_the_package_only(self):
        self.plant({"a/b/f": b"inside", "g": b"above"})
        for name, target in {"a/b/near": "f", "a/up": "../g", "a/b/top": "../../g", "a/b/folder": "../b",
                             "absolute": "/etc/passwd", "out": "../../..", "a/b/far": "../../../../../etc/passwd",
                             "a/b/roundabout": "folder/../../../../etc", "dangling": "nothing"}.items():
            os.symlink(target, os.path.join(self.tree, name))
        self.open_it()
        inside = os.path.join(self.folder, "tree")
        self.assertEqual(os.readlink(os.path.join(inside, "a/b/near")), "f")
        self.assertEqual(read_file(os.path.join(inside, "a/b/near")), b"inside")
        self.assertEqual(read_file(os.path.join(inside, "a/up")), b"above")
        self.assertEqual(read_file(os.path.join(inside, "a/b/top")), b"above")
        self.assertEqual(read_file(os.path.join(inside, "a/b/folder/folder/f")), b"inside")
        self.assertTrue(stat.S_ISLNK(os.lstat(os.path.join(inside, "dangling")).st_mode))
        self.assert_errno(errno.ENOENT, os.stat, os.path.join(inside, "dangling"))
        for name in ("absolute", "out", "a/b/far", "a/b/roundabout"):
            self.assertTrue(os.path.lexists(os.path.join(inside, name)), name)
            self.assert_errno(errno.EACCES, os.readlink, os.path.join(inside, name))
            self.assert_errno(errno.EACCES, os.stat, os.path.join(inside, name))
        self.assert_errno(errno.EINVAL, os.readlink, os.path.join(inside, "g"))

    def test_it_is_read_only_and_its_name_is_taken(self):
        self.plant({"f": b"x"})
        self.open_it()
        inside = os.path.join(self.folder, "tree")
        self.assert_errno(errno.EROFS, lambda: open(os.path.join(inside, "f"), "r+b"))
        self.assert_errno(errno.EROFS, lambda: open(os.path.join(inside, "new"), "wb"))
        self.assert_errno(errno.EROFS, os.unlink, os.path.join(inside, "f"))
        self.assert_errno(errno.EROFS, os.mkdir, os.path.join(inside, "d"))
        self.assert_errno(errno.EROFS, os.rmdir, inside)
        self.assert_errno(errno.EROFS, os.truncate, os.path.join(inside, "f"), 0)
        self.assert_errno(errno.EROFS, os.rename, os.path.join(inside, "f"), self.fs.path("f"))
        self.assert_errno(errno.EEXIST, os.mkdir, self.fs.path("browse"))
        self.assert_errno(errno.EPERM, os.rmdir, self.fs.path("browse"))
        self.assert_errno(errno.ENOENT, os.stat, self.fs.path("browse", "20990101_000000"))
        self.assert_errno(errno.ENOENT, os.stat, self.fs.path("browse", "nonsense"))

    def test_a_folder_of_the_users_wins_and_it_can_be_switched_off(self):
        self.fs.set("mount.browse", "false")
        self.fs.start()
        os.mkdir(self.fs.path("browse"))
        write_file(self.fs.path("browse", "mine"), b"mine")
        self.fs.set("mount.browse", "true")
        self.fs.restart()
        self.assertEqual(os.listdir(self.fs.path("browse")), ["mine"])
        self.assertEqual(os.listdir(self.fs.mount).count("browse"), 1)
        write_file(self.fs.path("browse", "more"), b"more")
        self.assertEqual(read_file(self.fs.at("a", "browse", "more")), b"more")


class Damage(Job):
    PROVIDERS = ("a", "b")

    def spoil(self, provider, package):
        path = self.fs.at(provider, package)
        with open(path, "r+b") as file:
            file.seek(100)
            file.write(b"\xff" * 50)

    def test_verify_repair_and_scrub(self):
        self.plant({"f": content(300 * KIB)})
        self.fs.start()
        package = self.sync()["package"]
        good = sha256(self.fs.at("a", package))
        self.assertEqual(self.fs.ask("backups", "verify", "latest")["exit_code"], 0)
        self.assertEqual(self.fs.ask("scrub")["exit_code"], 0)
        self.spoil("b", package)
        report = self.fs.ask("backups", "verify", "latest")
        self.assertEqual(report["exit_code"], 6, report)
        self.assertEqual({c["provider"]: c["outcome"] for c in report["data"]["copies"]}, {"a": "good", "b": "damaged"})
        report = self.fs.ask("backups", "repair", "latest")
        self.assertEqual(report["exit_code"], 0, report)
        self.assertEqual(sha256(self.fs.at("b", package)), good)
        # The same found by the scrub, which looks at everything.
        self.spoil("a", package)
        report = self.fs.ask("scrub", "--download", "--repair")
        self.assertEqual(report["exit_code"], 0, report)
        self.assertEqual(report["data"]["providers"]["a"]["damaged"], 1)
        self.assertEqual((report["data"]["repaired"], report["data"]["state"]), (1, "succeeded"))
        self.assertEqual(sha256(self.fs.at("a", package)), good)
        os.unlink(self.fs.at("b", package))
        report = self.fs.ask("backups", "verify", "latest", "--download", "--provider", "b")
        self.assertEqual(report["exit_code"], 6, report)
        self.assertEqual(self.fs.ask("backups", "repair", "latest")["exit_code"], 0)
        self.assertEqual(sha256(self.fs.at("b", package)), good)
        kinds = {run["kind"] for run in self.fs.ask("runs")["data"]["runs"]}
        self.assertEqual(kinds, {"backup", "scrub"})


class Scrubbing(Job):
    PROVIDERS = ("a", "b")

    def test_it_stands_still_when_told_and_goes_on_where_it_was(self):
        self.plant({"f%d" % i: content(MIB, i) for i in range(6)})
        self.fs.set("backup.compression", "store")
        self.fs.start()
        for i in range(12):
            write_file(self.fs.path("m%02d" % i), content(MIB, 100 + i))
        self.sync()
        # Slow, so that there is a middle: 18 MiB at each of two providers, 4 MiB/s together.
        running = subprocess.Popen([harness.binary(), "scrub", "--download", "--bwlimit", "4MiB/s", "--json"], env=self.fs.environment, stdout=subprocess.PIPE)
        self.addCleanup(running.stdout.close)

        def report():
            return self.fs.ask("scrub", "status")["data"]

        def checked():
            return (report()["progress"] or {}).get("members", 0)
        eventually(lambda: checked() >= 2, "some copies are checked", 60, 0.05)
        self.assertEqual(self.fs.ask("scrub")["exit_code"], 9)  # one at a time
        paused = self.fs.ask("scrub", "pause")["data"]
        self.assertTrue(paused["paused"] and paused["running"])
        last = [-1]

        def stands_still():
            before, last[0] = last[0], checked()
            return before == last[0]
        eventually(stands_still, "what was begun has ended", 60, 2)
        self.assertLess(last[0], report()["progress"]["members_total"])
        self.assertIsNone(running.poll())
        self.assertIn("standing still", self.fs.cli("scrub", "status").stdout.decode())
        began = time.monotonic()
        self.fs.ask("scrub", "resume")
        done = json.loads(running.communicate(timeout=harness.HANGS)[0])
        self.assertEqual(done["exit_code"], 0, done)
        for provider in self.PROVIDERS:
            counters = done["data"]["providers"][provider]
            self.assertEqual((counters["good"], counters["downloads"]), (13, 13))
        left = sum(c["downloaded_bytes"] for c in done["data"]["providers"].values()) * (1 - last[0] / 26)
        self.assertGreater(time.monotonic() - began, left / (4 * MIB) / 2, "the limit was not kept")
        # A pause outlives the program, and holds new ones back.
        self.fs.ask("scrub", "pause")
        self.fs.restart()
        self.assertTrue(report()["paused"])
        self.assertEqual(self.fs.ask("scrub")["exit_code"], 9)
        self.fs.ask("scrub", "resume")
        self.assertEqual(self.fs.ask("scrub")["exit_code"], 0)

    def test_a_planned_one_runs_by_itself_and_an_interrupted_one_goes_on(self):
        self.fs.set("scrub.download", "all")
        self.fs.set("scrub.sample_percent", "100")
        self.fs.set("scrub.download_limit", "4MiB/s")
        self.plant({"f": content(KIB)})
        # There is something before the daemon begins, so that its first scrub finds it.
        self.sync()
        for i in range(12):
            self.plant({"m%02d" % i: content(MIB, 100 + i)})
            if i % 3 == 2:
                self.sync()
        self.fs.start()

        def scrubs():
            return self.fs.ask("runs", "--kind", "scrub")["data"]["runs"]
        eventually(lambda: ((self.fs.ask("scrub", "status")["data"]["progress"] or {}).get("members", 0)) >= 2, "it runs by itself", 60, 0.05)
        self.fs.stop()
        first = scrubs()
        self.assertEqual([run["state"] for run in first], ["cancelled"])
        self.fs.start()
        eventually(lambda: len(scrubs()) == 2 and scrubs()[0]["state"] == "succeeded", lambda: "the rest is done: %r" % scrubs(), 120, 0.2)
        second = scrubs()[0]
        for provider in self.PROVIDERS:
            together = first[0]["providers"][provider]["good"] + second["providers"][provider]["good"]
            self.assertEqual(together, 5)
            self.assertLess(second["providers"][provider]["good"], 5, "it began anew")


class WithoutADaemon(Job):
    PROVIDERS = ("a", "b")

    def test_a_backup_by_hand_counts_for_the_schedule(self):
        self.fs.set("auto_sync.enabled", "true")
        self.fs.set("auto_sync.every", "6h")
        self.fs.set("auto_sync.jitter", "0s")
        self.plant({"f": content(KIB)})
        run = self.sync()
        self.fs.start()
        status = self.fs.ask("auto-sync", "status")["data"]
        hours = (calendar.timegm(time.strptime(status["next"][0], "%Y-%m-%dT%H:%M:%SZ")) - calendar.timegm(time.strptime(run["started"], "%Y-%m-%dT%H:%M:%SZ"))) / 3600
        self.assertAlmostEqual(hours, 6, delta=0.01)
        runs = self.fs.ask("runs", "--kind", "backup")["data"]["runs"]
        self.assertEqual([r["run"] for r in runs], [run["run"]])

    def test_too_little_room_for_copies_is_said_before_anything_is_sent(self):
        database = os.path.join(self.source, "shop.db")
        with sqlite3.connect(database) as db:
            db.execute("CREATE TABLE a (id INTEGER PRIMARY KEY, text TEXT)")
        self.sources([{"path": database, "kind": "sqlite"}])
        self.fs.set("backup.staging_min_free", "500TiB")
        failed = self.fs.ask("sync")
        self.assertEqual(failed["exit_code"], 7, failed)
        self.assertIn("free", failed["error"]["why"])
        self.assertEqual(self.packages_at("a"), [])
        self.assertEqual(self.packing_leftovers(), [])
        self.fs.set("backup.staging_min_free", "1MiB")
        self.assertEqual(self.sync()["state"], "succeeded")

    def test_a_provider_cannot_take_the_passphrase_with_it(self):
        passphrase = self.out("passphrase")
        write_file(passphrase, b"correct horse\n")
        self.fs.cli("secrets", "set", "backup/passphrase", "--from-file", passphrase)
        folder = self.out("p-backup")
        self.assertEqual(self.fs.ask("local", "--name", "backup", "--path", folder)["exit_code"], 2)
        self.assertEqual(self.fs.ask("providers", "rename", "a", "backup")["exit_code"], 2)
        # One of an earlier version may be called so; it goes on working, and can be renamed and removed.
        file = os.path.join(self.fs.home, "cloud_config.json")
        with open(file, encoding="utf-8") as stream:
            config = json.load(stream)
        config["providers"]["backup"] = {"type": "local", "path": folder}
        write_file(file, json.dumps(config).encode())
        self.fs.cli("providers", "test", "backup")
        self.fs.cli("providers", "rename", "backup", "third")
        self.assertEqual(self.fs.ask("secrets", "list")["data"]["names"], ["backup/passphrase"])
        with open(file, encoding="utf-8") as stream:
            config = json.load(stream)
        config["providers"]["backup"] = {"type": "local", "path": folder + "2"}
        write_file(file, json.dumps(config).encode())
        self.fs.cli("providers", "remove", "backup", "--yes")
        self.assertEqual(self.fs.ask("secrets", "list")["data"]["names"], ["backup/passphrase"])

    def test_a_prefix_that_no_provider_takes_is_refused_at_once(self):
        self.fs.set("backup.name_prefix", "a/b")
        self.assertEqual(self.fs.ask("config", "check")["exit_code"], 10)
        self.assertEqual(self.fs.ask("sync")["exit_code"], 10)


class Failing(Job):
    """Providers that come and go."""

    PROVIDERS = ()
    SFTP = ("s", "t", "u")
    SETTINGS = {"replication.upload_limit": "8MiB/s"}  # so that there is a "during"

    def back(self, *providers):
        """They are there again, and have got what they missed: by themselves, but looked at now."""
        for provider in providers:
            self.fs.servers[provider].start()
        for provider in providers:
            self.fs.cli("providers", "test", provider)
        self.fs.wait()

    def test_before_during_and_after(self):
        self.plant({"f": content(2 * MIB)})
        self.fs.start()
        # Before.
        self.fs.servers["t"].stop()
        first = self.sync(expect=3)
        self.assertEqual((first["state"], first["verified"]), ("partial", 2))
        self.back("t")
        self.assertEqual(self.packages_at("t"), [first["package"]])
        # During: one that takes bytes and then stands still until it is cut off.
        self.plant({"g": content(24 * MIB)})
        running = subprocess.Popen([harness.binary(), "sync", "--json"], env=self.fs.environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        eventually(lambda: harness.leftovers(self.fs.folders["u"]), "the upload begins while the package is made", 60, 0.01)
        self.fs.servers["u"].stop()
        output = running.communicate(timeout=harness.HANGS)[0]
        second = json.loads(output.splitlines()[-1])
        self.assertIn(second["exit_code"], (0, 3), second)  # 0: all was there before the plug was pulled
        self.back("u")
        package = second["data"]["package"]
        self.assertEqual({sha256(self.fs.at(p, package)) for p in self.SFTP}, {second["data"]["sha256"]})
        # After: what is at one provider is enough.
        self.fs.servers["s"].stop()
        self.fs.servers["t"].stop()
        self.restore("latest", "--from", "u", "--to", self.out())
        self.assertEqual(read_file(self.out("out/tree/g")), content(24 * MIB))
        self.assertEqual(self.packing_leftovers(), [])
        for provider in self.SFTP:
            self.assertEqual(harness.leftovers(self.fs.folders[provider]), [])

    def test_all_of_them(self):
        self.plant({"f": content(MIB)})
        self.fs.start()
        for server in self.fs.servers.values():
            server.stop()
        run = self.fs.ask("sync", timeout=300)
        self.assertNotEqual(run["exit_code"], 0)
        self.assertEqual(run["data"]["state"], "failed")
        self.assertEqual(self.packing_leftovers(), [])
        # It is not lost: it is here, can be restored, and goes out when they are back.
        self.restore("latest", "--to", self.out())
        self.assertEqual(read_file(self.out("out/tree/f")), content(MIB))
        self.back(*self.SFTP)
        for provider in self.SFTP:
            self.assertEqual(self.packages_at(provider), [run["data"]["package"]])
        self.assertEqual(self.sync()["state"], "succeeded")
        self.assertEqual(len(self.backups()), 2)


class Killed(Job):
    SETTINGS = {"replication.upload_limit": "16MiB/s"}

    def test_in_the_middle_of_a_run(self):
        self.plant({"f%d" % i: content(4 * MIB, i) for i in range(24)})
        self.fs.start()
        running = subprocess.Popen([harness.binary(), "sync", "--json"], env=self.fs.environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        eventually(lambda: any(t["bytes"] > 8 * MIB for t in self.fs.status()["transfers"]), "the upload is under way", 60, 0.01)
        self.fs.kill()
        output = running.communicate(timeout=harness.HANGS)[0]
        self.assertNotEqual(running.returncode, 0, output)
        self.fs.start()
        for provider in self.PROVIDERS:
            self.assertEqual(self.packages_at(provider), [], "half a package under its name")
        states = [run["state"] for run in self.fs.ask("runs", "--kind", "backup")["data"]["runs"]]
        self.assertEqual(states, ["interrupted"])
        run = self.sync()
        self.assertEqual((run["state"], run["verified"]), ("succeeded", 3))
        self.restore("latest", "--to", self.out())
        self.assert_is_manifest(self.out(), self.fs.at("c", run["package"]))
        for provider in self.PROVIDERS:
            eventually(lambda: not harness.leftovers(self.fs.folders[provider]), "what the dead run sent is gone", 60)
        self.assertEqual(self.packing_leftovers(), [])


if __name__ == "__main__":
    harness.main(limit=880)
