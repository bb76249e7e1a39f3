"""What a French user reads while things go well and while they don't: no English word is left in it."""

import json
import os
import re

import harness
from harness import KIB, MountTest, Oracxfs, content, eventually, read_file, write_file

# Words that no French text and none of our commands has. Names of settings, codes and paths don't count.
ENGLISH = re.compile(r"\b(the|is|are|was|were|not|waiting|good|kept|verified|queued|uploading|stored|missing|damaged|started|stopped|reloaded|bytes|"
                     r"could|succeeded|failed|while|standing|running|lists|has|with|from|of|and|folder|reason|pending)\b")


class French(MountTest):
    SETTINGS = {"replication.min_replicas": "1"}
    # The log names what happened by words for programs, and explain shows such lines.
    KINDS = re.compile(r"^(\s*\S+Z \w+\s+)\w+", re.M)

    @classmethod
    def make(cls):
        fs = Oracxfs(("a", "b"), (), cls.SETTINGS)
        fs.environment["LC_ALL"] = "fr_FR.UTF-8"
        source = os.path.join(fs.base, "src")
        os.mkdir(source)
        write_file(os.path.join(source, "f"), content(200 * KIB))
        fs.set("backup.sources", json.dumps([{"path": source}]))
        return fs

    def read(self, *words, code=0):
        done = self.fs.cli(*words, check=False)
        shown = (done.stdout + done.stderr).decode()
        self.assertIn(done.returncode, code if isinstance(code, tuple) else (code,), "%s\n%s" % (" ".join(words), shown))
        text = self.KINDS.sub(r"\1", shown).replace(self.fs.base, "")
        text = re.sub(r"`[^`]*`|\S*/\S*|oracxfs [a-z -]+", "", text)  # commands and paths
        self.assertEqual(ENGLISH.findall(text), [], "%s\n%s" % (" ".join(words), shown))
        return shown

    def test_as_long_as_all_is_well_and_when_it_is_not(self):
        write_file(self.fs.path("fichier"), content(300 * KIB))
        for words in (("sync",), ("sync", "--label", "essai"), ("status",), ("status", "fichier"), ("backups", "list"), ("backups", "show", "latest"),
                      ("backups", "files", "latest"), ("backups", "verify", "latest"), ("backups", "repair", "latest"), ("backups", "prune", "--dry-run"),
                      ("backups", "restore", "latest", "--to", self.fs.base + "/out"), ("backups", "restore", "latest", "--to", self.fs.base + "/out", "--dry-run"),
                      ("runs",), ("runs", "r-1"), ("scrub",), ("scrub", "status"), ("scrub", "pause"), ("scrub", "resume"), ("providers", "list"),
                      ("providers", "show", "a"), ("providers", "test", "a"), ("auto-sync", "on", "--every", "6h"), ("auto-sync", "status"), ("auto-sync", "off"),
                      ("replicas",), ("recovery", "drill"), ("recovery", "kit"), ("notifications", "list"), ("secrets", "list"), ("config", "check"),
                      ("admin", "status"), ("explain", "fichier"), ("wait",), ("doctor",), ("log",)):
            with self.subTest(words):
                self.read(*words)
        # Damage, and a provider that is gone.
        with open(self.fs.at("a", "fichier"), "r+b") as file:
            file.write(b"\xff" * 100)
        self.read("scrub", "--download", code=(6, 0))  # 0: a listing was quicker, and all is well again
        self.fs.wait()
        eventually(lambda: read_file(self.fs.at("a", "fichier")) == content(300 * KIB), "it is healed")
        os.rename(self.fs.folders["b"], self.fs.folders["b"] + ".away")
        try:
            self.read("sync", code=3)
            eventually(lambda: self.fs.provider("b")["state"] == "offline", "b is offline")
            for words, code in ((("status",), 0), (("backups", "list"), 0), (("backups", "show", "latest"), 0), (("backups", "verify", "latest"), 3), (("runs",), 0),
                                (("providers", "list"), 0), (("providers", "show", "b"), 0), (("providers", "test", "b"), 5), (("replicas",), 0), (("log",), 0),
                                (("wait", "--timeout", "60s"), 3), (("doctor",), 0), (("scrub",), 3), (("runs",), 0)):
                with self.subTest(words):
                    self.read(*words, code=code)
        finally:
            os.rename(self.fs.folders["b"] + ".away", self.fs.folders["b"])
        eventually(lambda: self.fs.provider("b")["state"] == "active", "b is back")
        for words, code in ((("backups", "show", "rien"), 8), (("backups", "delete", "latest"), 14), (("providers", "show", "rien"), 8),
                            (("config", "set", "foo.bar", "1"), 10), (("config", "set", "replication.min_replicas", "99"), 10), (("status", "--nulle"), 2),
                            (("sftp", "--name", "x", "--host", "127.0.0.1", "--port", "1", "--user", "u", "--folder", "f", "--agent"), 5)):
            with self.subTest(words):
                self.read(*words, code=code)
        self.fs.wait()


if __name__ == "__main__":
    harness.main(limit=100)
