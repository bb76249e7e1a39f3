"""Coming back: a machine that is gone is replaced by one that knows a single provider; drills; the sheet for the drawer."""

import json
import os
import sqlite3
import stat
import threading
import unittest

import harness
from clouds import KINDS, Clouds
from harness import KIB, Oracxfs, content, eventually, read_file, write_file
from backup_job import Job, hashes_below, manifest_of


class OnANewMachine(unittest.TestCase):
    """All five kinds get the same; any one of them brings everything back."""

    FILES = 200 if harness.QUICK else 2000

    def setUp(self):
        reason = Clouds.reason_to_skip()
        if reason:
            self.skipTest(reason)
        self.fs = Clouds(settings={"backup.compression": "balanced"})
        self.addCleanup(self.fs.close)

    def write_on(self, database):
        """A program that goes on writing, two rows or none."""
        with sqlite3.connect(database) as first:
            first.execute("PRAGMA journal_mode=WAL")
            first.execute("CREATE TABLE a (id INTEGER PRIMARY KEY, text TEXT)")
            first.execute("CREATE TABLE b (id INTEGER PRIMARY KEY, text TEXT)")
        stop, written = threading.Event(), []

        def work():
            with sqlite3.connect(database, timeout=30) as db:
                while not stop.is_set():
                    with db:
                        db.execute("INSERT INTO a (text) VALUES (?)", ("x" * 500,))
                        db.execute("INSERT INTO b (text) VALUES (?)", ("y" * 500,))
                    written.append(1)

        writer = threading.Thread(target=work)
        writer.start()
        self.addCleanup(writer.join)
        self.addCleanup(stop.set)
        eventually(lambda: len(written) > 10, "the writer writes")
        return stop, writer, written

    def test_each_provider_alone_is_enough(self):
        source = os.path.join(self.fs.base, "source")
        tree = os.path.join(source, "tree")
        os.makedirs(tree)
        for i in range(self.FILES):
            folder = os.path.join(tree, "d%02d" % (i % 40))
            os.makedirs(folder, exist_ok=True)
            write_file(os.path.join(folder, "f%04d" % i), content(i % 3000, i))
        database = os.path.join(source, "shop.db")
        stop, writer, written = self.write_on(database)
        self.fs.set("backup.sources", json.dumps([{"path": tree}, {"path": database, "kind": "sqlite"}]))
        self.fs.start()
        os.makedirs(self.fs.path("papers", "empty"))
        write_file(self.fs.path("papers", "letter"), content(100 * KIB))
        before = len(written)
        envelope = self.fs.ask("sync", timeout=400)
        self.assertEqual(envelope["exit_code"], 0, envelope)
        run = envelope["data"]
        self.assertGreater(len(written), before, "nothing was written during the run, so nothing was tried")
        stop.set()
        writer.join()
        self.assertEqual((run["state"], run["verified"]), ("succeeded", len(KINDS)))
        self.fs.wait()
        self.fs.stop()
        wanted = manifest_of(os.path.join(self.fs.places["local"].folder, run["package"]))
        self.assertGreaterEqual(len(wanted), self.FILES + 1)
        for kind in KINDS:
            with self.subTest(kind), Oracxfs(()) as machine:
                self.come_back(machine, kind, run["package"], wanted, before)

    def come_back(self, machine, kind, package, wanted, rows):
        self.fs.places[kind].add(machine)
        found = machine.ask("recovery", "from", kind, timeout=300)
        self.assertEqual(found["exit_code"], 0, found)
        report = found["data"]
        self.assertEqual((report["newest"], report["packages"], report["problem_count"]), (package, 1, 0), report)
        self.assertEqual((report["files"], report["verified"]), (2, 2), report)
        backup = machine.ask("backups", "list")["data"]["backups"][0]
        # manifest.json and RESTORE.txt are members, too, but are not listed in it.
        self.assertEqual((backup["name"], backup["copies"]["verified"]), (package, 1))
        self.assertGreaterEqual(backup["members"], len(wanted))
        out = os.path.join(machine.base, "out")
        restored = machine.ask("backups", "restore", "latest", "--to", out, timeout=300)
        self.assertEqual(restored["exit_code"], 0, restored)
        self.assertEqual((restored["data"]["verified"], restored["data"]["problem_count"]), (len(wanted), 0))
        self.assertEqual(hashes_below(out), wanted)
        with sqlite3.connect(os.path.join(out, "shop.db")) as db:
            self.assertEqual(db.execute("PRAGMA integrity_check").fetchall(), [("ok",)])
            counts = [db.execute("SELECT count(*) FROM " + table).fetchone()[0] for table in "ab"]
        self.assertEqual(counts[0], counts[1], "half a transaction")
        self.assertGreaterEqual(counts[0], rows)
        # The rest of the mount is there as well, and once more changes nothing.
        again = machine.ask("recovery", "from", kind, timeout=300)["data"]
        self.assertEqual((again["files"], again["known"], again["state"]), (0, 2, "succeeded"))
        machine.start()
        self.assertEqual(read_file(machine.path("papers", "letter")), content(100 * KIB))
        self.assertTrue(os.path.isdir(machine.path("papers", "empty")))
        self.assertEqual(machine.status()["state"], "protected")
        machine.stop()


class RunningOrNot(Job):
    PROVIDERS = ("a",)

    def machine(self):
        machine = Oracxfs(())
        self.addCleanup(machine.close)
        machine.cli("local", "--name", "a", "--path", self.fs.folders["a"])
        return machine

    def test_through_a_daemon_and_with_what_was_there_before(self):
        self.plant({"f": content(50 * KIB)})
        self.fs.start()
        package = self.sync()["package"]
        self.fs.stop()
        machine = self.machine()
        machine.start()
        report = machine.ask("recovery", "from", "a")
        self.assertEqual(report["exit_code"], 0, report)
        self.assertEqual(report["data"]["newest"], package)
        self.assertEqual(read_file(machine.path("browse", package[-19:-4], "tree", "f")), content(50 * KIB))
        runs = machine.ask("runs", "--kind", "recovery")["data"]["runs"]
        self.assertEqual([(r["state"], r["members"]) for r in runs], [("succeeded", 1)])
        self.assertEqual(machine.ask("recovery", "from", "nowhere")["exit_code"], 8)
        # The other machine's backups are not ours to prune, unless we take its place.
        kept = machine.ask("backups", "list")["data"]["backups"][0]
        self.assertIn("not made here", kept["kept_because"])
        self.assertEqual(machine.ask("recovery", "from", "a", "--continue-retention")["exit_code"], 0)
        self.assertNotIn("not made here", machine.ask("backups", "list")["data"]["backups"][0]["kept_because"])

    def test_only_the_backups_of_an_encrypted_series(self):
        self.fs.set("backup.zip_encryption", "aes256")
        passphrase = self.out("passphrase")
        write_file(passphrase, b"correct horse\n")
        self.fs.cli("secrets", "set", "backup/passphrase", "--from-file", passphrase)
        self.plant({"f": content(50 * KIB)})
        self.fs.start()
        write_file(self.fs.path("other"), b"x" * 1000)
        package = self.sync()["package"]
        self.fs.stop()
        machine = self.machine()
        report = machine.ask("recovery", "from", "a", "--backups-only")
        self.assertEqual(report["exit_code"], 0, report)
        self.assertEqual((report["data"]["files"], report["data"]["newest"]), (1, package))
        self.assertTrue(machine.ask("backups", "list")["data"]["backups"][0]["encrypted"])
        out = os.path.join(machine.base, "out")
        self.assertEqual(machine.ask("backups", "restore", "latest", "--to", out)["exit_code"], 12)
        restored = machine.ask("backups", "restore", "latest", "--to", out, "--passphrase-file", passphrase)
        self.assertEqual(restored["exit_code"], 0, restored)
        self.assertEqual(read_file(os.path.join(out, "tree", "f")), content(50 * KIB))

    def test_what_cannot_be_listed_is_said_and_nothing_is_lost(self):
        self.plant({"f": content(KIB)})
        self.fs.start()
        self.sync()
        self.fs.stop()
        machine = self.machine()
        os.rename(self.fs.folders["a"], self.fs.folders["a"] + ".away")
        failed = machine.ask("recovery", "from", "a")
        self.assertNotIn(failed["exit_code"], (0, 3), failed)
        os.rename(self.fs.folders["a"] + ".away", self.fs.folders["a"])
        self.assertEqual(machine.ask("recovery", "from", "a")["data"]["files"], 1)


class Drill(Job):
    PROVIDERS = ("a", "b", "c")

    def drill(self, *words, expect=0):
        envelope = self.fs.ask("recovery", "drill", *words, timeout=200)
        self.assertEqual(envelope["exit_code"], expect, envelope)
        return envelope["data"]

    def scratch(self):
        folder = os.path.join(self.fs.home, "cache", "packing")
        return os.listdir(folder) if os.path.isdir(folder) else []

    def test_a_real_restore_that_is_thrown_away(self):
        self.plant({"d%d/f%d" % (i % 5, i): content(i * 100, i) for i in range(60)})
        self.fs.start()
        self.assertEqual(self.fs.ask("recovery", "drill")["exit_code"], 8)  # nothing to try it with
        run = self.sync()
        self.assertFalse(self.fs.status()["recovery"]["tried"])
        report = self.drill()
        self.assertEqual((report["state"], report["package"], report["problem_count"]), ("succeeded", run["package"], 0))
        self.assertEqual(report["files"], report["verified"])
        self.assertGreaterEqual(report["files"], 60)
        # It came from the provider, though a copy lies here as well.
        self.assertGreaterEqual(report["downloaded_bytes"], os.path.getsize(self.fs.at("a", run["package"])) // 2)
        self.assertEqual(self.scratch(), [])
        # Each provider in its turn.
        asked = {report["from"], self.drill()["from"], self.drill()["from"]}
        self.assertEqual(asked, {"a", "b", "c"})
        told = self.fs.status()["recovery"]
        self.assertTrue(told["tried"])
        self.assertEqual((told["drill"]["state"], told["drill"]["package"], told["drill"]["files"]), ("succeeded", run["package"], report["files"]))
        self.assertGreaterEqual(told["drill"]["took_ms"], 0)
        self.assertIn("Recovery drill: succeeded", self.fs.cli("status", check=False).stdout.decode())
        self.assertEqual(self.drill("--from", "b", "tree/d1")["files"], 12)

    def test_a_bad_copy_fails_it(self):
        self.plant({"f": content(300 * KIB)})
        self.fs.start()
        package = self.sync()["package"]
        with open(self.fs.at("b", package), "r+b") as file:
            file.seek(20 * KIB)
            file.write(b"\xff" * 50)
        report = self.drill("--from", "b", expect=6)
        self.assertEqual((report["state"], report["problem_count"]), ("failed", 1))
        self.assertEqual(self.scratch(), [])
        told = self.fs.status()["recovery"]
        self.assertEqual((told["drill"]["state"], told["tried"]), ("failed", False))
        self.assertEqual(self.drill("--from", "a")["state"], "succeeded")
        self.assertEqual(self.fs.ask("recovery", "drill", "--from", "nowhere")["exit_code"], 8)
        # Without a daemon it works, too.
        self.fs.stop()
        self.assertEqual(self.drill("--from", "c")["state"], "succeeded")


class Kit(unittest.TestCase):
    def setUp(self):
        reason = Clouds.reason_to_skip()
        if reason:
            self.skipTest(reason)
        self.fs = Clouds()
        self.addCleanup(self.fs.close)

    def test_the_sheet_says_where_everything_is_and_no_secret(self):
        tree = os.path.join(self.fs.base, "tree")
        os.makedirs(tree)
        write_file(os.path.join(tree, "f"), content(KIB))
        self.fs.set("backup.sources", json.dumps([{"path": tree}]))
        run = self.fs.ask("sync", timeout=200)
        self.assertEqual(run["exit_code"], 0, run)
        self.assertIsNone(self.fs.status()["recovery"]["kit_at"])
        text = self.fs.cli("recovery", "kit").stdout.decode()
        for kind in KINDS:
            self.assertIn("oracxfs %s --name %s" % (kind, kind), text)
        for words in (run["data"]["package"], run["data"]["sha256"], self.fs.places["local"].folder, "127.0.0.1", "unzip", "oracxfs recovery from", "sha256sum"):
            self.assertIn(words, text)
        page = os.path.join(self.fs.base, "kit.html")
        self.fs.cli("recovery", "kit", "--output", page)
        html = read_file(page).decode()
        self.assertTrue(html.startswith("<!DOCTYPE html>"))
        self.assertEqual(stat.S_IMODE(os.stat(page).st_mode), 0o600)
        facts = self.fs.cli("recovery", "kit", "--json").stdout.decode()
        about = self.fs.places["dropbox"].about
        secrets = [self.fs.places["ftp"].server.password, read_file(about["refresh_token_file"]).decode().strip()]
        secrets += [value for value in json.loads(read_file(self.fs.places["google-drive"].about["token_file"])).values()
                    if isinstance(value, str) and len(value) > 20 and "://" not in value]
        self.assertGreaterEqual(len(secrets), 3)
        for secret in secrets:
            for sheet in (text, html, facts):
                self.assertNotIn(secret, sheet)
        self.assertIsNotNone(self.fs.status()["recovery"]["kit_at"])


if __name__ == "__main__":
    harness.main(limit=600)
