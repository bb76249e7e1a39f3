"""How file managers, rsync and editors save a file, call by call. Each user action is one upload: no temporary name is ever
seen at a provider, the file appears there once, what it replaced is in the trash once, and its time is kept."""

import os
import re
import time

import harness
from harness import KIB, MIB, MountTest, content, read_file, run, trash_entries, write_file

OLD, NEW = content(700 * KIB, "old"), content(900 * KIB, "new")
WHEN = 1_600_000_000_123_456_789


class Save(MountTest):
    PROVIDERS = ("a", "b")

    def setUp(self):
        super().setUp()
        write_file(self.inside("other"), b"so that the folder is there")
        self.fs.wait()

    def watched(self):
        watches = {provider: harness.Watch(self.at(provider)) for provider in self.fs.folders}
        for watch in watches.values():
            self.addCleanup(watch.close)
        return watches

    def existing(self):
        write_file(self.inside("f"), OLD)
        self.fs.wait()
        return self.watched()

    def check(self, watches, replaced, data=NEW, mtime=WHEN):
        self.assertEqual(read_file(self.inside("f")), data)
        if mtime is not None:
            self.assertEqual(os.stat(self.inside("f")).st_mtime_ns, mtime)
        self.fs.wait()
        time.sleep(0.3)  # a second upload, if somebody started one
        self.fs.wait()
        self.assert_everywhere("f", data)
        for provider, watch in watches.items():
            self.assertEqual(watch.names(), {"f"}, "nothing but the file itself was ever seen at " + provider)
            self.assertEqual(watch.appearances("f"), 1, "one upload to " + provider)
            self.assertEqual(len(trash_entries(self.fs.folders[provider], self.name + "/f")), 1 if replaced else 0)
            self.assertEqual(len(trash_entries(self.fs.folders[provider])) -
                             len(trash_entries(self.fs.folders[provider], self.name + "/f")), self.other_trash(provider))
        self.assertEqual(sorted(os.listdir(self.dir)), ["f", "other"])

    def other_trash(self, provider):
        """Entries of other tests."""
        return sum(1 for entry in trash_entries(self.fs.folders[provider]) if not entry.startswith(self.name + "/"))

    def write(self, fd, data=NEW, block=MIB):
        for at in range(0, len(data), block):
            os.write(fd, data[at:at + block])

    # --- coreutils ---

    def test_cp_of_a_new_file(self):
        watches = self.watched()
        fd = os.open(self.inside("f"), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        self.write(fd, block=128 * KIB)
        os.close(fd)
        os.utime(self.inside("f"), ns=(WHEN, WHEN))
        self.check(watches, False)

    def test_cp_a_of_a_new_file(self):
        watches = self.watched()
        fd = os.open(self.inside("f"), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self.write(fd, block=128 * KIB)
        os.utime(fd, ns=(WHEN, WHEN))
        try:
            os.setxattr(fd, "system.posix_acl_access", b"\x02\0\0\0\x01\0\x06\0\xff\xff\xff\xff\x04\0\x04\0\xff\xff\xff\xff "
                        b"\0\x04\0\xff\xff\xff\xff")
        except OSError:
            os.fchmod(fd, 0o644)
        os.close(fd)
        self.check(watches, False)

    def test_cp_over_a_file(self):
        watches = self.existing()
        fd = os.open(self.inside("f"), os.O_WRONLY | os.O_TRUNC)
        self.write(fd, block=128 * KIB)
        os.close(fd)
        self.check(watches, True, mtime=None)

    # --- GIO: Nautilus, Nemo, Thunar, gio ---

    def test_gio_new_file(self):
        watches = self.watched()
        fd = os.open(self.inside("f"), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        self.write(fd)
        os.close(fd)
        os.chmod(self.inside("f"), 0o640)
        os.utime(self.inside("f"), ns=(WHEN, WHEN))
        self.check(watches, False)

    def test_gio_overwrite(self):
        watches = self.existing()
        old = os.open(self.inside("f"), os.O_WRONLY)
        os.fstat(old)
        temporary = self.inside(".goutputstream-7Q2MX1")
        fd = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        os.fchmod(fd, 0o644)
        self.write(fd)
        os.fsync(fd)
        os.rename(temporary, self.inside("f"))
        os.close(fd)
        os.close(old)
        os.chmod(self.inside("f"), 0o644)
        os.utime(self.inside("f"), ns=(WHEN, WHEN))
        self.check(watches, True)

    # --- KIO: Dolphin ---

    def test_kio_new_file(self):
        watches = self.watched()
        fd = os.open(self.inside("f"), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        os.fchmod(fd, 0o644)
        self.write(fd, block=256 * KIB)
        os.utime(fd, ns=(WHEN, WHEN))
        os.close(fd)
        os.chown(self.inside("f"), -1, os.getgid())
        os.chown(self.inside("f"), -1, os.getgid())
        self.check(watches, False)

    def test_kio_overwrite(self):
        watches = self.existing()
        fd = os.open(self.inside("f.part"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        self.write(fd, block=256 * KIB)
        os.utime(fd, ns=(WHEN, WHEN))
        os.close(fd)
        os.unlink(self.inside("f"))
        os.rename(self.inside("f.part"), self.inside("f"))
        self.check(watches, True)

    def test_kio_overwrite_that_resumes_a_part(self):
        watches = self.existing()
        fd = os.open(self.inside("f.part"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        self.write(fd, NEW[:300 * KIB])
        os.close(fd)
        fd = os.open(self.inside("f.part"), os.O_RDWR)
        os.lseek(fd, 300 * KIB, os.SEEK_SET)
        self.write(fd, NEW[300 * KIB:])
        os.utime(fd, ns=(WHEN, WHEN))
        os.close(fd)
        os.unlink(self.inside("f"))
        os.rename(self.inside("f.part"), self.inside("f"))
        self.check(watches, True)

    # --- rsync ---

    def rsync(self, watches, replaced):
        temporary = self.inside(".f.kX81zQ")
        fd = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        self.write(fd, block=256 * KIB)
        os.close(fd)
        os.utime(temporary, ns=(WHEN, WHEN))
        os.close(os.open(temporary, os.O_RDONLY))
        os.chmod(temporary, 0o644)
        os.rename(temporary, self.inside("f"))
        self.check(watches, replaced)

    def test_rsync_new_file(self):
        self.rsync(self.watched(), False)

    def test_rsync_over_a_file(self):
        self.rsync(self.existing(), True)

    def test_rsync_itself(self):
        source = os.path.join(self.fs.base, "f")
        write_file(source, NEW)
        os.utime(source, ns=(WHEN, WHEN))
        watches = self.existing()
        run("rsync", "-a", source, self.dir + "/")
        # One tag in two hundred is all lower case, as a word would be, or all digits; that one is no temporary name to us.
        if any(re.fullmatch(r"\.f\.([a-z]{6}|[0-9]{6})", name) for watch in watches.values() for name in watch.names()):
            self.fs.wait()
            self.assert_everywhere("f", NEW)
            return
        self.check(watches, True)

    # --- editors ---

    def test_vim_that_writes_in_place(self):
        """backupcopy=yes: the backup is a copy, the file is written anew."""
        watches = self.existing()
        for name in (".f.swp", ".f.swx"):
            os.close(os.open(self.inside(name), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        os.unlink(self.inside(".f.swx"))
        swap = os.open(self.inside(".f.swp"), os.O_RDWR)
        os.pwrite(swap, bytes(4096), 0)
        os.fsync(swap)
        write_file(self.inside("f~"), OLD)
        fd = os.open(self.inside("f"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        self.write(fd, block=8 * KIB)
        os.fsync(fd)
        os.close(fd)
        os.chmod(self.inside("f"), 0o644)
        os.unlink(self.inside("f~"))
        os.close(swap)
        os.unlink(self.inside(".f.swp"))
        self.check(watches, True, mtime=None)

    def test_vim_that_renames_the_old_file_to_its_backup(self):
        """backupcopy=no, what vim chooses by itself where it can."""
        watches = self.existing()
        os.close(os.open(self.inside("4913"), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644))
        os.chmod(self.inside("4913"), 0o644)
        os.unlink(self.inside("4913"))
        os.rename(self.inside("f"), self.inside("f~"))
        fd = os.open(self.inside("f"), os.O_WRONLY | os.O_CREAT, 0o644)
        self.write(fd, block=8 * KIB)
        os.fsync(fd)
        os.close(fd)
        os.chmod(self.inside("f"), 0o644)
        os.unlink(self.inside("f~"))
        # A replicated file stays replicated under any name: the backup is seen for a moment, and goes to the trash.
        self.assertEqual(read_file(self.inside("f")), NEW)
        self.fs.wait()
        self.assert_everywhere("f", NEW)
        for provider, watch in watches.items():
            self.assertLessEqual(watch.names(), {"f", "f~"}, "no other name was ever seen at " + provider)

    def test_libreoffice_saves_through_a_lock_file_and_a_temporary(self):
        watches = self.existing()
        write_file(self.inside(".~lock.f#"), b",user,host,;")
        write_file(self.inside("lu1234.tmp"), NEW)
        fd = os.open(self.inside("lu1234.tmp"), os.O_RDWR)
        os.fsync(fd)
        os.close(fd)
        os.rename(self.inside("lu1234.tmp"), self.inside("f"))
        os.unlink(self.inside(".~lock.f#"))
        self.check(watches, True, mtime=None)

    def test_browser_downloads_to_a_temporary_name(self):
        watches = self.watched()
        fd = os.open(self.inside("f.crdownload"), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        for at in range(0, len(NEW), 100 * KIB):
            os.write(fd, NEW[at:at + 100 * KIB])
        os.close(fd)
        os.rename(self.inside("f.crdownload"), self.inside("f"))
        self.check(watches, False, mtime=None)

    def test_times_are_kept_over_a_remount(self):
        write_file(self.inside("f"), NEW)
        os.utime(self.inside("f"), ns=(WHEN, WHEN))
        self.fs.restart()
        self.assertEqual(os.stat(self.inside("f")).st_mtime_ns, WHEN)


if __name__ == "__main__":
    harness.main(150)
