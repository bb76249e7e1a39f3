"""The backup job when something fails: damaged copies, checking and repairing them, no daemon, places that go away, kill -9."""

import calendar
import json
import os
import sqlite3
import subprocess
import time

import harness
from backup_job import Job
from harness import KIB, MIB, content, eventually, read_file, sha256, write_file


class Damage(Job):
    PROVIDERS = ("a", "b")

    def spoil(self, provider, package):
        path = self.fs.at(provider, package)
        info = os.stat(path)
        with open(path, "r+b") as file:
            file.seek(100)
            file.write(b"\xff" * 50)
        # As a disk does it: else it is noticed, and put right, when the folder happens to be listed.
        os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))

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
        self.plant({"f": content(MIB)})
        self.fs.set("backup.compression", "store")
        self.fs.start()
        for i in range(12):
            write_file(self.fs.path("m%02d" % i), content(MIB, 100 + i))
        self.sync()
        # Slow, so that there is a middle: 13 copies of 1 MiB at each of two providers, 2 MiB/s together.
        running = subprocess.Popen([harness.binary(), "scrub", "--download", "--bwlimit", "2MiB/s", "--json"], env=self.fs.environment, stdout=subprocess.PIPE)
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
        eventually(stands_still, "what was begun has ended", 60, 3 * harness.patience())  # a copy takes a second
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
        # What was saved up meanwhile goes out at once: a second's worth.
        self.assertGreater(time.monotonic() - began, left / (2 * MIB) / 2 - 1, "the limit was not kept")
        # A pause outlives the program, and holds new ones back.
        self.fs.ask("scrub", "pause")
        self.fs.restart()
        self.assertTrue(report()["paused"])
        self.assertEqual(self.fs.ask("scrub")["exit_code"], 9)
        self.fs.ask("scrub", "resume")
        self.assertEqual(self.fs.ask("scrub")["exit_code"], 0)

    def test_a_planned_one_runs_by_itself_and_an_interrupted_one_goes_on(self):
        self.fs.set("scrub.enabled", "true")
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

        def good_by_provider():
            progress = self.fs.ask("scrub", "status")["data"]["progress"] or {}
            return [counters["good"] for counters in progress.get("providers", {}).values()]
        eventually(lambda: len(good_by_provider()) == 2 and min(good_by_provider()) >= 1, "it runs by itself, at each of them", 60, 0.05)
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
        eventually(lambda: harness.leftovers(self.fs.folders["u"]) or len(self.packages_at("u")) > 1, "the upload begins while the package is made", 60, 0.01)
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
            eventually(lambda: not harness.leftovers(self.fs.folders[provider]), "nothing is left over at " + provider, 60)

    def test_all_of_them(self):
        self.plant({"f": content(MIB)})
        self.fs.start()
        for server in self.fs.servers.values():
            server.stop()
        run = self.fs.ask("sync")
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
    SETTINGS = {"replication.upload_limit": "8MiB/s"}

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
    harness.main(limit=580)
