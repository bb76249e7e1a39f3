"""The backup job from end to end: packages are made, sent, looked into and brought back."""

import errno
import os
import shutil
import sqlite3
import stat
import threading

import harness
from backup_job import Job
from harness import KIB, MIB, content, eventually, read_file, sha256, write_file


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


if __name__ == "__main__":
    harness.main(limit=580)
