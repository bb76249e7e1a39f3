"""Much of it: ten thousand files in a folder, and a file of a GiB."""

import concurrent.futures
import os

import harness
from harness import GIB, MIB, MountTest, read_file, run


class Thousands(MountTest):
    OPTIONS = ("--close-waits-for", "journal")
    COUNT = 1000 if harness.QUICK else 10000

    def test_ten_thousand_files_in_a_folder(self):
        def make(i):
            fd = os.open(self.inside("f%05d" % i), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
            os.write(fd, b"%d" % i)
            os.close(fd)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(make, range(self.COUNT)))
        self.assertEqual(sorted(os.listdir(self.dir)), ["f%05d" % i for i in range(self.COUNT)])
        self.assertEqual(sum(entry.stat().st_size for entry in os.scandir(self.dir)),
                         sum(len(str(i)) for i in range(self.COUNT)))
        listing = run("ls", "-l", self.dir).stdout.splitlines()
        self.assertEqual(len(listing), self.COUNT + 1)
        self.fs.wait()
        for provider in "ab":
            self.assertEqual(len(os.listdir(self.at(provider))), self.COUNT)
            self.assertEqual(read_file(self.at(provider, "f%05d" % (self.COUNT - 1))), b"%d" % (self.COUNT - 1))
        self.fs.restart(*self.OPTIONS)
        self.assertEqual(len(os.listdir(self.dir)), self.COUNT)
        run("rm", "-r", self.dir)
        self.assertFalse(os.path.exists(self.dir))


class OneGibibyte(MountTest):
    PROVIDERS = ("a", "b")
    SFTP = ("s",)
    SIZE = 128 * MIB if harness.QUICK else GIB

    def test_large_copy_is_verified_everywhere_with_little_memory(self):
        source = os.path.join(self.fs.base, "large")
        with open(source, "wb") as file:
            for i in range(self.SIZE // (16 * MIB)):
                file.write(os.urandom(16 * MIB))
        wanted = run("sha256sum", source).stdout.split()[0]
        run("cp", source, self.inside("large"))
        for provider in self.fs.folders:
            self.assertEqual(run("sha256sum", self.at(provider, "large")).stdout.split()[0], wanted, provider)
            self.assertEqual(self.fs.replicas()[(self.name + "/large", provider)]["state"], "verified")
        self.assertEqual(os.getxattr(self.inside("large"), "user.oracxfs.sha256"), wanted)
        if not harness.sanitized():
            self.assertLess(self.fs.memory_peak(), 100 * MIB)


if __name__ == "__main__":
    harness.main(560)
