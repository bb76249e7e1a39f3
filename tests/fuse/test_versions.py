"""Contents that providers keep although the file was changed or removed: listed, fetched, put back."""

import os
import time
import unittest

import harness
from clouds import KINDS, Clouds
from harness import MountTest, content, eventually, read_file, write_file


class Versions(MountTest):
    SETTINGS = {"replication.delete_grace": "1s"}

    @classmethod
    def make(cls):
        reason = Clouds.reason_to_skip()
        if reason:
            raise unittest.SkipTest(reason)
        return Clouds(settings=cls.SETTINGS)

    def setUp(self):
        super().setUp()
        self.one, self.two = content(300000, "one"), content(200000, "two")
        self.file = self.inside("f.bin")
        self.out = os.path.join(self.fs.base, self.name + ".out")

    def written_twice(self):
        for data in (self.one, self.two):
            write_file(self.file, data)
            self.fs.wait()
            time.sleep(1.1)  # services keep whole seconds

    def versions(self, *options, path=None):
        return self.fs.ask("versions", path or self.file, *options)["data"]["versions"]

    def version_of(self, kind, data, **options):
        found = [row for row in self.versions("--provider", kind, **options) if row["size"] == len(data)]
        self.assertTrue(found, "%s keeps the content of %d bytes" % (kind, len(data)))
        return found[0]["version"]

    def restore(self, kind, version, *options, check=True):
        return self.fs.cli("restore-version", self.file, "--provider", kind, "--version", version, *options, check=check)

    def test_replaced_content_is_kept_by_every_kind_and_can_be_fetched(self):
        self.written_twice()
        listed = self.versions()
        self.assertEqual({row["provider"] for row in listed}, set(KINDS))
        self.assertEqual([row["time"] for row in listed], sorted((row["time"] for row in listed), reverse=True), "newest first")
        for kind in KINDS:
            out = self.out + "." + kind
            self.restore(kind, self.version_of(kind, self.one), "--to", out)
            self.assertEqual(read_file(out), self.one, kind)
        self.assertEqual(read_file(self.file), self.two, "nothing changed in the mount")
        self.assertFalse([name for name in os.listdir(self.fs.base) if ".oracxfs-" in name], "leftovers")
        table = self.fs.cli("versions", self.file).stdout.decode()
        self.assertIn("PROVIDER", table)
        self.assertIn(listed[0]["version"], table)

    def test_existing_file_is_replaced_only_on_request(self):
        self.written_twice()
        version = self.version_of("local", self.one)
        write_file(self.out, b"mine")
        done = self.restore("local", version, "--to", self.out, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(b"--overwrite", done.stderr)
        self.assertEqual(read_file(self.out), b"mine")
        self.restore("local", version, "--to", self.out, "--overwrite")
        self.assertEqual(read_file(self.out), self.one)

    def test_version_becomes_the_current_content_everywhere(self):
        for kind in ("local", "dropbox"):
            self.written_twice()
            self.restore(kind, self.version_of(kind, self.one))
            self.assertEqual(read_file(self.file), self.one)
            for other in KINDS:
                self.assertIn(self.fs.states(os.path.relpath(self.file, self.fs.mount))[other], ("verified",), other)

    def test_removed_file_comes_back(self):
        self.written_twice()
        os.unlink(self.file)
        path = os.path.relpath(self.file, self.fs.mount)
        eventually(lambda: not any(path in place.objects() for place in self.fs.places.values()), "it is gone at all providers", 60)
        for kind in KINDS:
            out = self.out + "." + kind
            self.restore(kind, self.version_of(kind, self.two), "--to", out)
            self.assertEqual(read_file(out), self.two, kind)
        self.restore("google-drive", self.version_of("google-drive", self.two))
        self.assertEqual(read_file(self.file), self.two)

    def test_what_cannot_be_is_explained(self):
        self.written_twice()
        done = self.restore("local", "nonsense", "--to", self.out, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(self.version_of("local", self.one).encode(), done.stderr, "the known ones are named")
        done = self.restore("local", self.version_of("local", self.one), "--to", self.inside("x"), check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"inside the mount", done.stderr)
        self.assertEqual(self.fs.cli("versions", self.file, "--provider", "nobody", check=False).returncode, 8)
        self.assertFalse(os.path.exists(self.out))
        self.assertEqual(self.versions(path=self.inside("never was")), [])

    def test_provider_that_is_down_does_not_hide_the_others(self):
        self.written_twice()
        self.fs.places["sftp"].down()
        try:
            envelope = self.fs.ask("versions", self.file)
            self.assertTrue(envelope["ok"])
            self.assertEqual(envelope["data"]["not_asked"], ["sftp"])
            self.assertEqual({row["provider"] for row in envelope["data"]["versions"]}, set(KINDS) - {"sftp"})
            self.assertTrue(envelope["warnings"])
            self.assertNotEqual(self.fs.cli("versions", self.file, "--provider", "sftp", check=False).returncode, 0)
        finally:
            self.fs.places["sftp"].up()
            self.fs.await_state("sftp", "active", seconds=60)


if __name__ == "__main__":
    harness.main(280)
