"""An oracxfs with something to back up, for the tests of the backup job."""

import json
import os
import unittest
import zipfile

from harness import Oracxfs, Sshd, sha256, write_file


def manifest_of(package):
    """{member: sha256} of the files that were packed; RESTORE.txt is about the package itself."""
    with zipfile.ZipFile(package) as archive:
        members = json.loads(archive.read("manifest.json"))["members"]
    return {member["name"]: member["sha256"] for member in members if not member["name"].endswith("/") and member["name"] != "RESTORE.txt"}


def hashes_below(folder):
    return {os.path.relpath(os.path.join(where, name), folder): sha256(os.path.join(where, name))
            for where, _, files in os.walk(folder) for name in files}


class Job(unittest.TestCase):
    """A mount of its own for each test. Sources are in `source`, below it `tree` and, if a test makes it, `shop.db`. Nothing is
    scrubbed that is not asked for: the daemon would begin with it at any moment after its start."""

    PROVIDERS = ("a", "b", "c")
    SFTP = ()
    SETTINGS = {}
    COMPRESSION = "balanced"

    def setUp(self):
        if self.SFTP and not Sshd.available():
            self.skipTest("sshd and ssh-keygen are needed (Debian: openssh-server)")
        self.fs = Oracxfs(self.PROVIDERS, self.SFTP, {"backup.compression": self.COMPRESSION, "scrub.enabled": "false", **self.SETTINGS})
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
        envelope = self.fs.ask("sync", *words)
        self.assertEqual(envelope["exit_code"], expect, envelope)
        return envelope["data"]

    def restore(self, *words, expect=0):
        envelope = self.fs.ask("backups", "restore", *words)
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
