"""The backup job with all five kinds of provider at once, while each of them in turn fails before, during and after its
upload, and all together. A run that lacks one ends with 3 and says which; the rest comes without anybody's doing."""

import json
import os
import subprocess
import unittest

import harness
from clouds import CLOUDS, KINDS, NETWORK, Clouds
from harness import KIB, MIB, MountTest, content, eventually, read_file, sha256, write_file


class Backups(MountTest):
    """One mount; each run makes a package of its own from a tree that was changed."""

    LARGE = 8 * MIB
    SETTINGS = {"replication.sign_in_pause": "1s", "replication.full_pause": "1s", "replication.backoff": "200ms..2s",
                "backup.compression": "store", "mount.cache_size": "0"}

    @classmethod
    def make(cls):
        reason = Clouds.reason_to_skip()
        if reason:
            raise unittest.SkipTest(reason)
        # As root the folder is a file system of its own, which can become full in the middle.
        options = {"local": {"room": 512 * MIB}} if os.getuid() == 0 else {}
        fs = Clouds(settings=cls.SETTINGS, options=options)
        cls.source = os.path.join(fs.base, "source")
        os.mkdir(cls.source)
        fs.set("backup.sources", json.dumps([{"path": cls.source}]))
        return fs

    def setUp(self):
        super().setUp()
        self.places = self.fs.places
        for kind in KINDS:
            self.fs.await_state(kind, "active")

    # --- steps ---

    def change(self, size, tag):
        write_file(os.path.join(self.source, "f"), content(size, tag))

    def sync(self):
        """(exit code, the run's record): what the command says is what is recorded."""
        return self.ended(self.begin())

    def begin(self):
        running = subprocess.Popen([harness.binary(), "sync", "--json"], env=self.fs.environment, stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL)
        self.addCleanup(running.stdout.close)
        return running

    def ended(self, running):
        output = running.communicate(timeout=harness.HANGS)[0]
        said = json.loads(output.splitlines()[-1])
        record = self.fs.ask("runs", "--kind", "backup")["data"]["runs"][0]
        self.assertEqual({key: record[key] for key in ("run", "state", "package", "providers", "verified", "wanted")},
                         {key: said["data"][key] for key in ("run", "state", "package", "providers", "verified", "wanted")})
        self.assertEqual(said["exit_code"], running.returncode)
        return running.returncode, record

    def expect_without(self, kind, done):
        """All but one have it, and the record says so of each. Returns the package's name."""
        code, record = done
        self.assertEqual((code, record["state"], record["verified"], record["wanted"], record["code"]), (3, "partial", 4, 5, "E-PARTIAL"), record)
        outcomes = {outcome["provider"]: outcome for outcome in record["providers"]}
        self.assertEqual(set(outcomes), set(KINDS))
        for other in KINDS:
            outcome = outcomes[other]
            if other != kind:
                self.assertEqual((outcome["state"], outcome["error"]), ("verified", None), record)
                self.assertEqual(self.places[other].objects().get(record["package"]), record["sha256"], other)
        self.assertNotEqual(outcomes[kind]["state"], "verified")
        self.assertTrue(outcomes[kind]["error"], record)
        self.assertIn(kind + ": ", record["error"])
        return record["package"]

    def expect_healed(self, *packages):
        """By itself: nothing is asked for here but how things are."""
        for package in packages:
            self.fs.await_verified(package)
        self.assert_clean(*packages)

    def assert_clean(self, *packages):
        """The same bytes at each place, once; nothing half done anywhere."""
        for package in packages:
            digest = self.fs.ask("backups", "show", package)["data"]["sha256"]
            for kind in KINDS:
                self.assertEqual(self.places[kind].objects().get(package), digest, kind)
                self.assertEqual(self.count(kind, package), 1, kind)
        for kind in KINDS:
            eventually(lambda: not self.places[kind].unfinished(), lambda: "nothing unfinished at %s: %r" % (kind, self.places[kind].unfinished()))
        eventually(lambda: not self.fs.staged(), lambda: "staging is empty: %r" % self.fs.staged())
        packing = os.path.join(self.fs.home, "cache", "packing")
        self.assertEqual(os.listdir(packing) if os.path.isdir(packing) else [], [])
        eventually(lambda: self.fs.status()["state"] == "protected", lambda: self.fs.status(), 20, 0.1)

    def count(self, kind, package):
        """How many objects of that name: Google Drive takes any number."""
        if kind not in CLOUDS:
            return os.listdir(self.places[kind].folder).count(package)
        path = self.places[kind].inside(package)
        return sum(1 for entry in self.places[kind].ask("tree")["tree"] if entry["path"].lstrip("/") == path and not entry.get("trashed"))

    def packages_at(self, kind):
        place = self.places[kind]
        return {name for name in (place.paths() if kind in CLOUDS else os.listdir(place.folder)) if name.endswith(".zip")}

    # --- one of them ---

    def test_one_is_down_before_the_run(self):
        for kind in KINDS:
            with self.subTest(kind):
                self.change(100 * KIB, "before " + kind)
                self.places[kind].down()
                try:
                    package = self.expect_without(kind, self.sync())
                finally:
                    self.places[kind].up()
                self.expect_healed(package)

    def test_one_breaks_down_in_the_middle_of_its_upload(self):
        for kind in KINDS:
            with self.subTest(kind):
                self.change(self.LARGE, "during " + kind)
                self.breaks_down(kind)

    def breaks_down(self, kind):
        place = self.places[kind]
        if kind == "local":
            if not place.mounted:
                self.skipTest("only root may make a small file system")
            place.fill_up(leave=2 * MIB)
        else:
            place.gate.hold_at(place.gate.up + 2 * MIB)
        try:
            running = self.begin()
            if kind != "local":
                eventually(place.gate.is_held, kind + " has got a part", harness.HANGS)
                place.down()
                place.gate.release()  # nobody is there any more to get the rest
            package = self.expect_without(kind, self.ended(running))
            self.assertNotIn(package, self.packages_at(kind), "nothing partial under the final name")
        finally:
            if kind == "local":
                place.empty()
            else:
                place.gate.release()
                place.up()
        self.expect_healed(package)

    def test_one_breaks_down_when_it_has_everything_but_before_it_says_so(self):
        for kind in NETWORK:
            with self.subTest(kind):
                self.change(100 * KIB, "after " + kind)
                place = self.places[kind]
                known = self.packages_at(kind)
                place.gate.before_answer = lambda: self.packages_at(kind) == known
                try:
                    package = self.expect_without(kind, self.sync())
                    self.assertIn(package, place.objects(), "it was there already")
                finally:
                    place.gate.before_answer = None
                    place.up()
                self.expect_healed(package)

    def test_one_loses_bytes_after_the_run(self):
        self.change(100 * KIB, "rot")
        code, record = self.sync()
        self.assertEqual((code, record["state"], record["verified"]), (0, "succeeded", 5), record)
        package = record["package"]
        self.assert_clean(package)
        for kind in KINDS:
            with self.subTest(kind):
                self.spoil(kind, package)
                self.assertNotEqual(self.places[kind].objects()[package], record["sha256"])
                report = self.fs.ask("backups", "verify", package, "--download")
                self.assertEqual(report["exit_code"], 6, report)
                self.assertEqual({copy["provider"]: copy["outcome"] for copy in report["data"]["copies"]},
                                 {other: "damaged" if other == kind else "good" for other in KINDS})
                self.expect_healed(package)

    def spoil(self, kind, package):
        place = self.places[kind]
        if kind in CLOUDS:
            place.ask("damage", offset=1000, **place.which(package, place.paths()[package]))
            return
        path = os.path.join(place.folder, package)
        info = os.stat(path)
        with open(path, "r+b") as file:
            file.seek(1000)
            byte = file.read(1)
            file.seek(1000)
            file.write(bytes([byte[0] ^ 0xff]))
        # As a disk does it: else it is noticed, and put right, when the folder happens to be listed.
        os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))

    # --- all of them ---

    def test_all_are_down_and_nothing_is_lost(self):
        self.change(MIB, "all")
        for place in self.places.values():
            place.down()
        try:
            code, record = self.sync()
            self.assertNotIn(code, (0, 3), record)
            self.assertEqual((record["state"], record["verified"], record["wanted"]), ("failed", 0, 5))
            for outcome in record["providers"]:
                self.assertTrue(outcome["error"], record)
            # It is here, and can be used.
            package, out = record["package"], os.path.join(self.fs.base, "out")
            restored = self.fs.ask("backups", "restore", package, "--to", out)
            self.assertEqual(restored["exit_code"], 0, restored)
            self.assertEqual(read_file(os.path.join(out, "source", "f")), content(MIB, "all"))
            self.assertEqual(sha256(self.fs.path(package)), record["sha256"])
        finally:
            for place in self.places.values():
                place.up()
        self.expect_healed(package)
        self.change(MIB, "the next")
        code, record = self.sync()
        self.assertEqual((code, record["state"], record["verified"]), (0, "succeeded", 5), record)
        self.assert_clean(package, record["package"])


if __name__ == "__main__":
    harness.main(limit=280)
