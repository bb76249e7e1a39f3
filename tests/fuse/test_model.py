"""Random operations on the mount and on a plain folder: the same answers, the same errors, the same tree, before and after a
remount, and at the end the same at every provider.

    ORACXFS_SEED=N   replays a run
    ORACXFS_STEPS=N  how many operations
"""

import errno
import os
import random
import stat
import time
import unittest

import harness
from harness import Oracxfs, eventually, tree

NAMES = ["a", "b", "c", "d", "e", "ünï", "with space", "x.part", "y~", "l" * 200]
MODES_FILE = (0o600, 0o644, 0o640, 0o664, 0o755, 0o700)
MODES_FOLDER = (0o700, 0o755, 0o750, 0o775)


class Pair:
    """One operation, carried out at both places."""

    def __init__(self, real, model, dice):
        self.roots = (real, model)
        self.dice = dice
        self.open = []      # pairs of descriptors
        self.history = []

    def both(self, what, call):
        """call(index of the place) -> comparable result."""
        results = []
        for place in (0, 1):
            try:
                results.append(call(place))
            except OSError as error:
                results.append("errno " + errno.errorcode[error.errno])
        self.history.append("%s -> %s" % (what, str(results[1])[:80]))
        if results[0] != results[1]:
            raise AssertionError("%s\nmount: %.300r\nplain: %.300r\nthe last operations:\n  %s" % (
                what, results[0], results[1], "\n  ".join(self.history[-40:])))
        return results[1]

    def name(self):
        return self.dice.choice(NAMES)

    def path(self, *kinds):
        """Relative. Mostly something that exists ("file", "folder"), or a new name in a folder that exists ("new")."""
        kind = self.dice.choice(kinds) if self.dice.random() < 0.85 else "new"
        folders, files = ["."], []
        for where, below, here in os.walk(self.roots[1]):
            below.sort()
            folders += [os.path.relpath(os.path.join(where, name), self.roots[1]) for name in below]
            files += [os.path.relpath(os.path.join(where, name), self.roots[1]) for name in sorted(here)]
        if kind == "file" and files:
            return self.dice.choice(files)
        if kind == "folder" and len(folders) > 1:
            return self.dice.choice(folders[1:])
        if kind == "new" and self.dice.random() < 0.1 and files:
            return os.path.join(self.dice.choice(files), self.name())  # below a file: ENOTDIR
        shallow = [folder for folder in folders if folder.count("/") < 3]
        return os.path.normpath(os.path.join(self.dice.choice(shallow), self.name()))

    def at(self, place, path):
        return os.path.join(self.roots[place], path)

    def data(self):
        size = self.dice.choice([0, 1, 10, 1000, 4096, 5000, 70000])
        return self.dice.randbytes(size)

    # --- operations ---

    def write_file(self):
        path, data, mode = self.path("file", "new", "new", "folder"), self.data(), self.dice.choice(MODES_FILE)
        flags = self.dice.choice([os.O_TRUNC, os.O_EXCL, os.O_TRUNC | os.O_EXCL, 0])

        def call(place):
            fd = os.open(self.at(place, path), os.O_WRONLY | os.O_CREAT | flags, mode)
            try:
                return os.write(fd, data) if data else 0
            finally:
                os.close(fd)
        self.both("write_file %s %d bytes, flags %o, mode %o" % (path, len(data), flags, mode), call)

    def open_file(self):
        if len(self.open) >= 6:
            return self.close_file()
        path = self.path("file", "file", "file", "new", "folder")
        flags = self.dice.choice([os.O_RDWR, os.O_RDWR | os.O_CREAT, os.O_RDWR | os.O_APPEND, os.O_RDWR | os.O_CREAT | os.O_TRUNC])
        descriptors = [None, None]

        def call(place):
            descriptors[place] = os.open(self.at(place, path), flags, 0o644)
        self.both("open %s %o" % (path, flags), call)
        if None not in descriptors:
            self.open.append(tuple(descriptors))

    def pick(self):
        return self.dice.randrange(len(self.open)) if self.open else None

    def close_file(self):
        if (i := self.pick()) is None:
            return
        pair = self.open.pop(i)
        self.both("close #%d" % i, lambda place: os.close(pair[place]))

    def write_at(self):
        if (i := self.pick()) is None:
            return self.open_file()
        offset, data = self.dice.choice([0, 1, 4095, 4096, 10000, 100000, 300000]), self.data()
        self.both("pwrite #%d %d bytes at %d" % (i, len(data), offset), lambda place: os.pwrite(self.open[i][place], data, offset))

    def append(self):
        path, data = self.path("file", "file", "folder"), self.data()

        def call(place):
            fd = os.open(self.at(place, path), os.O_WRONLY | os.O_APPEND)
            try:
                return os.write(fd, data)
            finally:
                os.close(fd)
        self.both("append %s %d bytes" % (path, len(data)), call)

    def read_at(self):
        if (i := self.pick()) is None:
            return self.open_file()
        offset, size = self.dice.randrange(0, 400000), self.dice.choice([1, 4096, 100000])
        self.both("pread #%d %d at %d" % (i, size, offset), lambda place: os.pread(self.open[i][place], size, offset))

    def read_file(self):
        path = self.path("file")
        self.both("read %s" % path, lambda place: harness.read_file(self.at(place, path)))

    def truncate(self):
        path, size = self.path("file"), self.dice.choice([0, 1, 5000, 4096, 200000])
        self.both("truncate %s %d" % (path, size), lambda place: os.truncate(self.at(place, path), size))

    def ftruncate(self):
        if (i := self.pick()) is None:
            return self.open_file()
        size = self.dice.choice([0, 1, 5000, 4096, 200000])
        self.both("ftruncate #%d %d" % (i, size), lambda place: os.ftruncate(self.open[i][place], size))

    def fsync(self):
        if (i := self.pick()) is None:
            return
        self.both("fsync #%d" % i, lambda place: os.fsync(self.open[i][place]))

    def fstat(self):
        if (i := self.pick()) is None:
            return
        self.both("fstat #%d" % i, lambda place: (lambda s: (s.st_size, s.st_mode, s.st_nlink))(os.fstat(self.open[i][place])))

    def rename(self):
        old, new = self.path("file", "file", "folder"), self.path("new", "new", "file", "folder")
        self.both("rename %s %s" % (old, new), lambda place: os.rename(self.at(place, old), self.at(place, new)))

    def unlink(self):
        path = self.path("file", "file", "file", "folder")
        self.both("unlink %s" % path, lambda place: os.unlink(self.at(place, path)))

    def mkdir(self):
        path, mode = self.path("new", "new", "file"), self.dice.choice(MODES_FOLDER)
        self.both("mkdir %s %o" % (path, mode), lambda place: os.mkdir(self.at(place, path), mode))

    def rmdir(self):
        path = self.path("folder", "folder", "file")
        self.both("rmdir %s" % path, lambda place: os.rmdir(self.at(place, path)))

    def readdir(self):
        path = self.dice.choice([self.path("folder"), "."])
        self.both("readdir %s" % path, lambda place: sorted((e.name, e.is_dir()) for e in os.scandir(self.at(place, path))))

    def stat(self):
        path = self.path("file", "folder")

        def call(place):
            info = os.lstat(self.at(place, path))
            if stat.S_ISDIR(info.st_mode):
                return info.st_mode
            return info.st_mode, info.st_size, info.st_nlink, info.st_uid, info.st_gid
        self.both("stat %s" % path, call)

    def chmod(self):
        path = self.path("file", "folder")
        folder = os.path.isdir(self.at(1, path))
        mode = self.dice.choice(MODES_FOLDER if folder else MODES_FILE)
        self.both("chmod %s %o" % (path, mode), lambda place: os.chmod(self.at(place, path), mode))

    def utimens(self):
        path, when = self.path("file", "folder"), self.dice.randrange(0, 2 * 10**18)

        def call(place):
            os.utime(self.at(place, path), ns=(when, when))
            return os.stat(self.at(place, path)).st_mtime_ns
        self.both("utimens %s %d" % (path, when), call)

    def step(self):
        weights = {"write_file": 12, "open_file": 8, "close_file": 6, "write_at": 10, "append": 5, "read_at": 6, "read_file": 8,
                   "truncate": 4, "ftruncate": 3, "fsync": 1, "fstat": 3, "rename": 9, "unlink": 5, "mkdir": 6, "rmdir": 3,
                   "readdir": 6, "stat": 8, "chmod": 3, "utimens": 3}
        (kind,) = self.dice.choices(list(weights), list(weights.values()))
        getattr(self, kind)()

    def close_all(self):
        while self.open:
            self.close_file()

    def compare(self, when):
        mount, plain = ({path: value for path, value in tree(root).items()} for root in self.roots)
        if mount != plain:
            differing = sorted(path for path in set(mount) | set(plain) if mount.get(path, 0) != plain.get(path, 0))
            raise AssertionError("%s: the trees differ at %r\nthe last operations:\n  %s" % (
                when, [(path, mount.get(path, "absent"), plain.get(path, "absent")) for path in differing[:10]],
                "\n  ".join(line for line in self.history if any(path in line for path in differing[:3]))))
        for path in plain:
            modes = [stat.S_IMODE(os.stat(os.path.join(root, path)).st_mode) for root in self.roots]
            if modes[0] != modes[1]:
                raise AssertionError("%s: mode of %s: %o instead of %o" % (when, path, *modes))


class Model(unittest.TestCase):
    def work(self, mode, steps, rounds, seed):
        os.umask(0o022)
        with Oracxfs(("a", "b")) as fs:
            fs.start("--close-waits-for", mode)
            os.mkdir(fs.path("model"))
            plain = os.path.join(fs.base, "plain")
            os.mkdir(plain)
            try:
                begun = time.monotonic()
                for number in range(rounds):
                    pair = Pair(fs.path("model"), plain, random.Random("%d/%s/%d" % (seed, mode, number)))
                    for _ in range(steps // rounds):
                        if time.monotonic() - begun > (harness.LIMIT or 200) / 3 * (number + 1) / rounds:
                            break  # a slow disk: fewer steps of the same history
                        pair.step()
                    pair.compare("round %d, files open" % number)
                    pair.close_all()
                    pair.compare("round %d" % number)
                    fs.wait()
                    fs.restart("--close-waits-for", mode)
                    pair.compare("round %d, after a remount" % number)
                self.at_providers(fs, plain, pair)
            except AssertionError:
                print(fs.log_tail(), flush=True)
                raise

    def at_providers(self, fs, plain, pair):
        """Everything with a final name is there under it. Names that look temporary may be, if they were replicated before."""
        for path, value in tree(plain).items():
            if value is None or path.endswith((".part", "~")):
                continue
            for provider in fs.folders:
                there = fs.at(provider, "model", path)
                eventually(lambda t=there: os.path.isfile(t), lambda t=there: t + " is missing:\n" +
                           "\n".join(line for line in pair.history if path in line), 30)
                self.assertEqual((os.path.getsize(there), harness.sha256(there)), value, "%s at %s" % (path, provider))
        for provider, folder in fs.folders.items():
            eventually(lambda f=folder: not harness.leftovers(f), "no unfinished upload is left at " + provider, 30)

    def test_answers_are_those_of_a_plain_folder(self):
        self.work("journal", int(os.environ.get("ORACXFS_STEPS", "1500" if harness.QUICK else "6000")), 4, harness.seed())

    def test_answers_are_those_of_a_plain_folder_when_close_waits_for_all(self):
        self.work("all", int(os.environ.get("ORACXFS_STEPS", "400" if harness.QUICK else "1500")), 2, harness.seed())


if __name__ == "__main__":
    harness.main(200)
