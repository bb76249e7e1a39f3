"""What users and their programs do with a folder, done with the mount: same results, and a copy at every provider."""

import concurrent.futures
import contextlib
import errno
import json
import mmap
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import unicodedata
import unittest

import harness
from harness import GIB, KIB, MIB, MountTest, content, eventually, read_file, run, sha256, tree, write_file


class Copying(MountTest):
    def sample(self, base):
        """A folder with files of all sizes, outside the mount."""
        folder = os.path.join(self.fs.base, base)
        os.makedirs(os.path.join(folder, "deep/er/still"))
        os.mkdir(os.path.join(folder, "void"))
        for i, size in enumerate([1, 100, 4095, 4096, 4097, 65536, 131073, MIB + 1, 5 * MIB]):
            write_file(os.path.join(folder, ["", "deep", "deep/er", "deep/er/still"][i % 4], "f%d" % size), content(size))
        write_file(os.path.join(folder, "empty"), b"")
        os.utime(os.path.join(folder, "f1"), ns=(10**18, 10**18 + 123456789))
        os.chmod(os.path.join(folder, "f1"), 0o640)
        return folder

    def test_cp_leaves_the_file_at_every_provider(self):
        source = os.path.join(self.fs.base, "one")
        write_file(source, content(3 * MIB + 7))
        run("cp", source, self.inside("one"))
        self.assert_everywhere("one", read_file(source))
        self.assertEqual(read_file(self.inside("one")), read_file(source))

    def test_cp_a_keeps_the_tree_with_its_times_and_modes(self):
        source = self.sample("cp-a")
        run("cp", "-a", source, self.inside("copy"))
        self.assertEqual(tree(self.inside("copy")), tree(source))
        info = os.stat(self.inside("copy/f1"))
        self.assertEqual(info.st_mtime_ns, 10**18 + 123456789)
        self.assertEqual(stat.S_IMODE(info.st_mode), 0o640)
        self.fs.wait()
        self.assert_same_trees(source, self.at("a", "copy"), self.at("b", "copy"))

    def test_mv_into_the_mount_removes_the_source_only_after_the_copy_is_safe(self):
        source = os.path.join(self.fs.base, "moved-in")
        data = content(2 * MIB)
        write_file(source, data)
        run("mv", source, self.inside("moved"))
        self.assertFalse(os.path.exists(source))
        self.assert_everywhere("moved", data)

    def test_mv_inside_moves_at_the_providers(self):
        data = content(700 * KIB)
        write_file(self.inside("old"), data)
        run("mv", self.inside("old"), self.inside("new"))
        self.assertFalse(os.path.exists(self.inside("old")))
        self.assertEqual(read_file(self.inside("new")), data)
        self.fs.wait()
        self.assert_everywhere("new", data)
        for provider in "ab":
            self.assertFalse(os.path.exists(self.at(provider, "old")))

    def test_cp_inside_copies(self):
        data = content(2 * MIB + 5)
        write_file(self.inside("old"), data)
        run("cp", self.inside("old"), self.inside("new"))
        self.assert_everywhere("new", data)
        self.assert_everywhere("old", data)

    def test_mv_of_a_directory_takes_its_files_along_at_the_providers(self):
        source = self.sample("mv-dir")
        run("cp", "-r", source, self.inside("before"))
        os.mkdir(self.inside("elsewhere"))
        run("mv", self.inside("before"), self.inside("elsewhere/after"))
        self.assertEqual(tree(self.inside("elsewhere/after")), tree(source))
        self.fs.wait()
        for provider in "ab":
            self.assertEqual(tree(self.at(provider, "elsewhere/after")), tree(source))
            eventually(lambda p=provider: not os.path.exists(self.at(p, "before")), "the empty folder is removed")

    def test_second_rsync_transfers_nothing(self):
        source = self.sample("rsync")
        run("rsync", "-a", source + "/", self.inside("copy/"))
        self.assertEqual(tree(self.inside("copy")), tree(source))
        again = run("rsync", "-a", "--stats", "--itemize-changes", source + "/", self.inside("copy/")).stdout.decode()
        self.assertRegex(again, r"Number of regular files transferred: 0\n")
        self.assertNotRegex(again, r"(?m)^[<>c.][fd]", "not even attributes were set again")
        self.fs.wait()
        self.assert_same_trees(source, self.at("a", "copy"), self.at("b", "copy"))

    def test_tar_out_and_in(self):
        source = self.sample("tar")
        run("sh", "-c", 'tar -C "$1" -cf - . | tar -C "$2" -xf -', "sh", source, self.dir)
        self.assertEqual(tree(self.dir), tree(source))
        run("tar", "-C", self.dir, "-cf", os.path.join(self.fs.base, "out.tar"), ".")
        back = os.path.join(self.fs.base, "tar-back")
        os.mkdir(back)
        run("tar", "-C", back, "-xf", os.path.join(self.fs.base, "out.tar"))
        self.assertEqual(tree(back), tree(source))
        self.fs.wait()
        self.assert_same_trees(source, self.at("a"), self.at("b"))

    def test_dd_writes_in_the_middle_and_appends(self):
        data = bytearray(content(2 * MIB))
        write_file(self.inside("disk"), data)
        patch = os.path.join(self.fs.base, "patch")
        write_file(patch, content(64 * KIB, "patch"))
        run("dd", "if=" + patch, "of=" + self.inside("disk"), "bs=64K", "seek=5", "conv=notrunc")
        data[5 * 64 * KIB:6 * 64 * KIB] = read_file(patch)
        self.assertEqual(read_file(self.inside("disk")), bytes(data))
        run("dd", "if=" + patch, "of=" + self.inside("disk"), "bs=64K", "oflag=append", "conv=notrunc,fsync")
        data += read_file(patch)
        self.assertEqual(read_file(self.inside("disk")), bytes(data))
        run("dd", "if=" + patch, "of=" + self.inside("disk"), "bs=64K", "seek=1")  # cuts off behind
        del data[64 * KIB:]
        data += read_file(patch)
        self.assertEqual(read_file(self.inside("disk")), bytes(data))
        self.fs.wait()
        self.assert_everywhere("disk", bytes(data))


class Programs(MountTest):
    def test_sqlite_with_a_rollback_journal(self):
        self.sqlite("delete")

    def test_sqlite_with_a_write_ahead_log(self):
        self.sqlite("wal")

    def sqlite(self, journal):
        file = self.inside("data.db")
        with sqlite3.connect(file) as db:
            self.assertEqual(db.execute("pragma journal_mode = " + journal).fetchone()[0], journal)
            db.execute("create table t(n integer primary key, v text)")
            for start in range(0, 500, 100):
                with db:
                    db.executemany("insert into t values(?, ?)", [(n, "v%d" % n * 20) for n in range(start, start + 100)])
            with db:
                db.execute("update t set v = 'changed' where n % 7 = 0")
        db.close()
        with sqlite3.connect(file) as db:
            self.assertEqual(db.execute("pragma integrity_check").fetchone()[0], "ok")
            self.assertEqual(db.execute("select count(*), sum(v = 'changed') from t").fetchone(), (500, 72))
        db.close()
        self.fs.wait()
        for provider in "ab":  # a whole database at the provider, without a stray journal
            copy = os.path.join(self.fs.base, "copy-%s-%s.db" % (journal, provider))
            shutil.copy(self.at(provider, "data.db"), copy)
            with sqlite3.connect(copy) as db:
                self.assertEqual(db.execute("select count(*), sum(v = 'changed') from t").fetchone(), (500, 72))
            db.close()
            self.assertEqual(os.listdir(self.at(provider)), ["data.db"])

    def test_git_commits_and_checks_itself(self):
        repository = self.inside("repo")
        environment = dict(self.fs.environment, GIT_AUTHOR_NAME="t", GIT_AUTHOR_EMAIL="t@localhost", GIT_COMMITTER_NAME="t",
                           GIT_COMMITTER_EMAIL="t@localhost", GIT_CONFIG_NOSYSTEM="1")

        def git(*words):
            return run("git", "-C", repository, *words, env=environment).stdout.decode()
        run("git", "init", "-q", "-b", "main", repository, env=environment)
        for n in range(3):
            for i in range(5):
                write_file(os.path.join(repository, "file%d" % i), content(2000 + 100 * n, i))
            git("add", "-A")
            git("commit", "-q", "-m", "commit %d" % n)
        git("gc", "-q")
        git("fsck", "--strict", "--no-dangling")
        self.assertEqual(git("status", "--porcelain"), "")
        self.assertEqual(len(git("log", "--format=%H").split()), 3)
        self.fs.wait()
        clone = os.path.join(self.fs.base, "clone")
        run("git", "-c", "safe.directory=*", "clone", "-q", self.at("a", "repo"), clone, env=environment)
        self.assertEqual(read_file(os.path.join(clone, "file4")), content(2200, 4))


class Files(MountTest):
    def test_memory_mapped_writes_arrive(self):
        data = bytearray(content(MIB))
        write_file(self.inside("map"), data)
        fd = os.open(self.inside("map"), os.O_RDWR)
        with mmap.mmap(fd, 0) as view:
            view[100000:100005] = b"hello"
            view[MIB - 3:MIB] = b"end"
            view.flush()
        os.close(fd)
        data[100000:100005] = b"hello"
        data[MIB - 3:MIB] = b"end"
        self.assertEqual(read_file(self.inside("map")), bytes(data))
        self.fs.wait()
        self.assert_everywhere("map", bytes(data))

    def test_truncate_down_and_up(self):
        data = content(300 * KIB)
        write_file(self.inside("f"), data)
        os.truncate(self.inside("f"), 1000)
        self.assertEqual(read_file(self.inside("f")), data[:1000])
        os.truncate(self.inside("f"), 5000)
        self.assertEqual(read_file(self.inside("f")), data[:1000] + bytes(4000))
        self.assert_everywhere("f", data[:1000] + bytes(4000))
        with open(self.inside("f"), "r+b") as file:
            file.truncate(10)
            file.seek(20)
            file.write(b"x")
        self.assertEqual(read_file(self.inside("f")), data[:10] + bytes(10) + b"x")
        self.assert_everywhere("f", data[:10] + bytes(10) + b"x")
        os.truncate(self.inside("f"), 0)
        self.assertEqual(os.path.getsize(self.inside("f")), 0)
        self.fs.wait()
        self.assert_everywhere("f", b"")

    def test_rename_over_an_open_file_keeps_the_old_content_for_its_reader(self):
        write_file(self.inside("new"), b"new content")
        write_file(self.inside("f"), content(400 * KIB))
        with open(self.inside("f"), "rb") as reader:
            os.rename(self.inside("new"), self.inside("f"))
            self.assertEqual(reader.read(), content(400 * KIB))
        self.assertEqual(read_file(self.inside("f")), b"new content")
        self.fs.wait()
        self.assert_everywhere("f", b"new content")
        self.assertEqual(os.listdir(self.inside()), ["f"])

    def test_unlinked_file_lives_on_while_it_is_open(self):
        write_file(self.inside("f"), b"before")
        fd = os.open(self.inside("f"), os.O_RDWR)
        os.unlink(self.inside("f"))
        self.assertFalse(os.path.exists(self.inside("f")))
        self.assertEqual(os.pread(fd, 100, 0), b"before")
        os.pwrite(fd, b"after", 6)
        self.assertEqual(os.pread(fd, 100, 0), b"beforeafter")
        self.assertEqual(os.fstat(fd).st_nlink, 0)
        os.close(fd)
        self.assertEqual(os.listdir(self.inside()), [])

    def test_file_that_was_never_closed_can_be_unlinked_without_a_trace(self):
        fd = os.open(self.inside("f"), os.O_RDWR | os.O_CREAT | os.O_EXCL)
        os.write(fd, b"secret")
        os.unlink(self.inside("f"))
        os.close(fd)
        self.fs.wait()
        for provider in "ab":
            self.assertFalse(os.path.exists(self.at(provider, "f")))

    def test_two_processes_append_without_overwriting_each_other(self):
        write_file(self.inside("log"), b"")
        program = ("import os, sys\nfd = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND)\n"
                   "for i in range(200): os.write(fd, ('%s %03d\\n' % (sys.argv[2], i)).encode())\nos.close(fd)\n")
        writers = [subprocess.Popen([sys.executable, "-c", program, self.inside("log"), who]) for who in ("one", "two")]
        for writer in writers:
            self.assertEqual(writer.wait(harness.HANGS), 0)
        lines = read_file(self.inside("log")).decode().splitlines()
        for who in ("one", "two"):
            self.assertEqual([line for line in lines if line.startswith(who)], ["%s %03d" % (who, i) for i in range(200)])
        self.assertEqual(len(lines), 400)
        self.fs.wait()
        self.assert_everywhere("log", read_file(self.inside("log")))

    def test_many_writers_at_once(self):
        def work(n):
            for i in range(6):
                write_file(self.inside("w%d-%d" % (n, i)), content(150 * KIB, (n, i)))
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(8)))
        for n in range(8):
            for i in range(6):
                self.assert_everywhere("w%d-%d" % (n, i), content(150 * KIB, (n, i)))

    def test_readers_of_a_file_being_written_see_what_is_there(self):
        with open(self.inside("f"), "wb", buffering=0) as writer:
            writer.write(b"first")
            self.assertEqual(read_file(self.inside("f")), b"first")
            writer.write(b" second")
            self.assertEqual(os.path.getsize(self.inside("f")), 12)
            self.assertEqual(read_file(self.inside("f")), b"first second")

    def test_empty_files_are_everywhere_when_close_returns(self):
        source = os.path.join(self.fs.base, "nothing")
        write_file(source, b"")
        write_file(self.inside("full"), b"something")
        for command, name in (("touch %s", "touched"), (": > %s", "made"), ("cp " + source + " %s", "nothing"), (": > %s", "full"),
                              ("true | tee %s", "tee"), ("python3 -c 'open(\"%s\", \"w\")'", "python")):
            run("sh", "-c", command % self.inside(name))
            self.assertEqual(os.path.getsize(self.inside(name)), 0)
            self.assert_everywhere(name, b"")

    def test_a_file_made_to_be_read_only_is_a_file_like_others(self):
        os.close(os.open(self.inside("made"), os.O_RDONLY | os.O_CREAT, 0o644))
        self.assert_everywhere("made", b"")
        run("flock", self.inside("lock"), "true")
        self.assert_everywhere("lock", b"")
        self.fs.restart()
        self.assertEqual(sorted(os.listdir(self.dir)), ["lock", "made"])

    def test_what_a_shell_hands_down_is_sent_once_and_whole(self):
        self.fs.wait()  # for the folder
        with contextlib.closing(harness.Watch(self.at("a"))) as watch:
            run("sh", "-c", "{ true; sleep 0.05; printf some; /bin/true; printf thing; } > " + self.inside("f"))
            self.assert_everywhere("f", b"something")
            # First with "some", which the shell's own child had written when it ended; never with nothing.
            self.assertLessEqual(watch.appearances("f"), 2)

    def test_ten_shells_touch_many_files_and_all_of_them_are_waited_for(self):
        program = "import os, sys\nfor i in range(100): os.close(os.open('%s/%s-%d' % (sys.argv[1], sys.argv[2], i), os.O_CREAT | os.O_WRONLY))"
        writers = [subprocess.Popen([sys.executable, "-c", program, self.dir, str(n)]) for n in range(10)]
        for writer in writers:
            self.assertEqual(writer.wait(harness.HANGS), 0)
        self.fs.wait()
        self.assertEqual(len(os.listdir(self.at("a"))), 1000)

    def test_sparse_file_reads_zeros_in_its_hole(self):
        run("truncate", "-s", "20M", self.inside("sparse"))
        with open(self.inside("sparse"), "r+b") as file:
            file.seek(10 * MIB)
            file.write(b"island")
        wanted = bytes(10 * MIB) + b"island" + bytes(10 * MIB - 6)
        self.assertEqual(read_file(self.inside("sparse")), wanted)
        self.fs.wait()
        self.assert_everywhere("sparse", wanted)

    def test_locks_work(self):
        import fcntl
        write_file(self.inside("f"), b"x")
        with open(self.inside("f"), "r+b") as one:
            fcntl.flock(one, fcntl.LOCK_EX)
            other = subprocess.run([sys.executable, "-c", "import fcntl, sys\nwith open(sys.argv[1], 'r+b') as f:\n"
                                    "  fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)", self.inside("f")],
                                   stderr=subprocess.PIPE, timeout=harness.HANGS)
            self.assertIn(b"BlockingIOError", other.stderr)


class Names(MountTest):
    def test_mkdir_reaches_the_providers(self):
        os.makedirs(self.inside("x/y/z"))
        self.assert_errno(errno.EEXIST, os.mkdir, self.inside("x"))
        self.assert_errno(errno.ENOTEMPTY, os.rmdir, self.inside("x"))
        self.assert_errno(errno.ENOENT, os.rmdir, self.inside("nothing"))
        self.fs.wait()
        for provider in "ab":
            eventually(lambda p=provider: os.path.isdir(self.at(p, "x/y/z")), "the folder is at " + provider)
        os.rmdir(self.inside("x/y/z"))
        os.rmdir(self.inside("x/y"))
        self.assertEqual(os.listdir(self.inside("x")), [])

    def test_deep_tree(self):
        deep = self.inside(*["d%d" % i for i in range(40)])
        os.makedirs(deep)
        write_file(os.path.join(deep, "f"), b"deep down")
        self.assertEqual(read_file(os.path.join(deep, "f")), b"deep down")
        self.assert_everywhere(os.path.relpath(os.path.join(deep, "f"), self.dir), b"deep down")
        shutil.rmtree(self.inside("d0"))
        self.assertEqual(os.listdir(self.dir), [])

    def test_rename_rules(self):
        os.mkdir(self.inside("d"))
        os.mkdir(self.inside("full"))
        write_file(self.inside("full/f"), b"1")
        write_file(self.inside("f"), b"2")
        self.assert_errno(errno.ENOTEMPTY, os.rename, self.inside("d"), self.inside("full"))
        self.assert_errno(errno.ENOTDIR, os.rename, self.inside("d"), self.inside("f"))
        self.assert_errno(errno.EISDIR, os.rename, self.inside("f"), self.inside("d"))
        self.assert_errno(errno.EINVAL, os.rename, self.inside("full"), self.inside("full/below"))
        self.assert_errno(errno.ENOENT, os.rename, self.inside("nothing"), self.inside("x"))
        os.rename(self.inside("full"), self.inside("d"))
        self.assertEqual(read_file(self.inside("d/f")), b"1")

    def test_names_from_hell(self):
        names = [b"plain", "caf\u00e9".encode(), unicodedata.normalize("NFD", "caf\u00e9").encode(), "日本語 ファイル".encode(),
                 "🙂".encode(), b"new\nline", b"tab\tand\x01control\x7f", b'quote"s and \'more\'', b"back\\slash", b"-dash",
                 b"--help", b"dot.", b"dots..", b"space ", b" lead", b"*?[x]<>|:", b"%2F%00", b"$HOME`id`;#", b"CON", b"a" * 255,
                 "é".encode() * 127, b"..data", b"...", b".hidden-one", b"Case", b"cASE"]
        base = os.fsencode(self.dir)
        for i, name in enumerate(names):
            write_file(os.path.join(base, name), b"%d" % i)
        self.assertEqual(sorted(os.listdir(base)), sorted(names))
        for i, name in enumerate(names):
            self.assertEqual(read_file(os.path.join(base, name)), b"%d" % i, name)
        self.fs.wait()
        for provider in "ab":
            there = os.fsencode(self.at(provider))
            self.assertEqual(sorted(os.listdir(there)), sorted(names), "under the same names at " + provider)
            for i, name in enumerate(names):
                self.assertEqual(read_file(os.path.join(there, name)), b"%d" % i, name)
        known = {path for path, _ in self.fs.replicas()}
        self.assertIn(self.name + "/new\nline", known)
        self.assert_errno(errno.ENAMETOOLONG, write_file, os.path.join(base, b"a" * 256), b"")
        for name in names:
            os.unlink(os.path.join(base, name))
        self.assertEqual(os.listdir(base), [])

    def test_name_that_is_not_utf8_is_kept_or_refused_but_not_changed(self):
        name = os.path.join(os.fsencode(self.dir), b"latin\xe9")
        try:
            write_file(name, b"x")
        except OSError as error:
            self.assertIn(error.errno, (errno.EILSEQ, errno.EINVAL))
            self.assertEqual(os.listdir(os.fsencode(self.dir)), [])
            return
        self.fs.wait()
        for provider in "ab":
            self.assertEqual(os.listdir(os.fsencode(self.at(provider))), [b"latin\xe9"])

    def test_links_and_devices_are_refused(self):
        write_file(self.inside("f"), b"x")
        self.assert_errno(errno.EPERM, os.symlink, "f", self.inside("soft"))
        self.assert_errno(errno.EPERM, os.link, self.inside("f"), self.inside("hard"))
        self.assert_errno(errno.EPERM, os.mkfifo, self.inside("pipe"))
        if os.getuid() == 0:
            self.assert_errno(errno.EPERM, os.mknod, self.inside("device"), stat.S_IFCHR | 0o600, os.makedev(1, 3))
        self.assertEqual(os.listdir(self.dir), ["f"])

    def test_names_of_oracxfs_itself_are_refused(self):
        for name in (harness.TRASH, ".oracxfs-1.part", ".oracxfs-probe-1"):
            self.assert_errno(errno.EPERM, write_file, self.inside(name), b"x")


class Faces(MountTest):
    def test_df_shows_the_tightest_provider(self):
        def is_one_providers_room():  # not the sum of both; what other programs write meanwhile is seen later
            space, disk = os.statvfs(self.fs.mount), os.statvfs(self.fs.folders["a"])
            free, wanted = space.f_bavail * space.f_frsize, disk.f_bavail * disk.f_frsize
            return space.f_blocks > 0 and abs(free - wanted) < max(wanted // 5, 2 * GIB)
        eventually(is_one_providers_room, lambda: "df: %r, provider: %r" % (os.statvfs(self.fs.mount), os.statvfs(self.fs.folders["a"])), 120, 0.5)
        run("df", self.fs.mount, self.fs.path("a"))

    def test_xattrs_tell_about_replicas(self):
        write_file(self.inside("f"), b"some bytes")

        def attribute(name):
            return os.getxattr(self.inside("f"), "user.oracxfs." + name).decode()
        self.assertEqual(attribute("state"), "verified")
        self.assertEqual(attribute("copies"), "2/2")
        self.assertEqual(attribute("sha256"), sha256(self.inside("f")))
        self.assertTrue(attribute("replica.a").startswith("verified;20"), attribute("replica.a"))
        self.assertRegex(attribute("verified_at"), r"^20\d\d-\d\d-\d\dT")
        self.assertIn("user.oracxfs.state", os.listxattr(self.inside("f")))
        self.assert_errno(errno.ENODATA, attribute, "nonsense")

    def test_own_xattrs_are_kept(self):
        write_file(self.inside("f"), b"x")
        os.setxattr(self.inside("f"), "user.colour", b"blue\0and green")
        self.assertEqual(os.getxattr(self.inside("f"), "user.colour"), b"blue\0and green")
        self.assert_errno(errno.EEXIST, os.setxattr, self.inside("f"), "user.colour", b"red", os.XATTR_CREATE)
        self.assert_errno(errno.ENODATA, os.setxattr, self.inside("f"), "user.other", b"red", os.XATTR_REPLACE)
        os.rename(self.inside("f"), self.inside("g"))
        self.assertIn("user.colour", os.listxattr(self.inside("g")))
        os.removexattr(self.inside("g"), "user.colour")
        self.assert_errno(errno.ENODATA, os.getxattr, self.inside("g"), "user.colour")

    def test_readme_explains_and_cannot_be_changed(self):
        text = read_file(self.fs.path("README.txt")).decode()
        self.assertGreater(len(text), 200)
        self.assertIn("README.txt", os.listdir(self.fs.mount))
        self.assert_errno((errno.EROFS, errno.EACCES, errno.EPERM), write_file, self.fs.path("README.txt"), b"x")
        self.assert_errno(errno.EPERM, os.unlink, self.fs.path("README.txt"))
        for provider in "ab":
            self.assertFalse(os.path.exists(self.fs.at(provider, "README.txt")), "it is not uploaded")

    def test_sync_of_a_folder_waits_for_its_files(self):
        data = content(3 * MIB)
        fd = os.open(self.inside("f"), os.O_WRONLY | os.O_CREAT)
        os.write(fd, data)
        os.close(fd)
        run("sync", self.dir)
        self.assert_everywhere("f", data)

    def test_status_and_replicas_speak_json(self):
        write_file(self.inside("f"), b"x")
        status = self.fs.ask("status")
        self.assertEqual(status["schema"], "oracxfs/1")
        self.assertEqual(status["command"], "status")
        self.assertTrue(status["ok"])
        self.assertEqual(status["data"]["state"], "protected")
        self.assertEqual({row["name"]: row["state"] for row in status["data"]["providers"]}, {"a": "active", "b": "active"})
        rows = self.fs.replicas()
        for provider in "ab":
            row = rows[(self.name + "/f", provider)]
            self.assertEqual((row["size"], row["sha256"], row["state"]), (1, sha256(self.inside("f")), "verified"))
        json.dumps(status)


class ProviderFolders(MountTest):
    def test_a_provider_folder_shows_what_the_provider_holds(self):
        data = content(100 * KIB)
        os.mkdir(self.inside("sub"))
        write_file(self.inside("sub/f"), data)
        for provider in "ab":
            self.assertIn(provider, os.listdir(self.fs.mount))
            self.assertEqual(read_file(self.fs.path(provider, self.name, "sub/f")), data)
            self.assertEqual(os.listdir(self.fs.path(provider, self.name)), ["sub"])

    def test_writing_into_a_provider_folder_replicates(self):
        data = content(50 * KIB)
        write_file(self.fs.path("a", self.name, "f"), data)
        self.assertEqual(read_file(self.inside("f")), data)
        self.assert_everywhere("f", data)

    def test_what_is_replaced_by_a_rename_there_is_replaced_in_the_root(self):
        write_file(self.inside("f"), b"old")
        self.assertEqual(read_file(self.inside("f")), b"old")
        write_file(self.fs.path("a", self.name, "f.new"), b"new content")
        os.rename(self.fs.path("a", self.name, "f.new"), self.fs.path("a", self.name, "f"))
        self.assertEqual(read_file(self.inside("f")), b"new content", "not what the kernel remembers of the name")
        write_file(self.inside("f"), b"newest")
        self.fs.wait()
        self.assert_everywhere("f", b"newest")
        self.assertEqual(os.listdir(self.dir), ["f"])

    def test_a_name_that_is_moved_there_is_moved_in_the_root(self):
        write_file(self.inside("f"), b"x")
        os.stat(self.inside("f"))
        self.assert_errno(errno.ENOENT, os.stat, self.inside("g"))
        self.fs.wait()
        os.rename(self.fs.path("a", self.name, "f"), self.fs.path("a", self.name, "g"))
        eventually(lambda: os.path.exists(self.inside("g")) and not os.path.exists(self.inside("f")), "the kernel has been told", 30)
        self.assertEqual(read_file(self.inside("g")), b"x")

    def test_what_is_changed_there_is_changed_in_the_root(self):
        data = content(300 * KIB)
        write_file(self.inside("f"), data)
        self.assertEqual(read_file(self.inside("f")), data)
        there = self.fs.path("a", self.name, "f")
        self.assertEqual(os.stat(self.inside("f")).st_size, len(data))
        os.truncate(there, 1000)
        eventually(lambda: os.stat(self.inside("f")).st_size == 1000, "its size is told", 30)
        self.assertEqual(read_file(self.inside("f")), data[:1000])
        self.assertEqual(os.stat(self.inside("f")).st_mode & 0o777, 0o644)
        os.chmod(there, 0o640)
        eventually(lambda: os.stat(self.inside("f")).st_mode & 0o777 == 0o640, "its mode is told", 30)
        with open(there, "r+b") as file:
            file.write(b"changed")
        eventually(lambda: read_file(self.inside("f")) == b"changed" + data[7:1000], "its bytes are told", 30)
        self.fs.wait()
        self.assert_everywhere("f", b"changed" + data[7:1000])

    def test_a_replicated_file_is_not_removed_there(self):
        write_file(self.inside("f"), b"x")
        self.assert_errno(errno.EPERM, os.unlink, self.fs.path("a", self.name, "f"))
        self.assert_errno(errno.EPERM, os.rmdir, self.fs.path("a"))
        self.assertEqual(read_file(self.inside("f")), b"x")
        self.assert_everywhere("f", b"x")

    def test_nothing_is_moved_between_provider_folders(self):
        write_file(self.inside("f"), b"x")
        self.assert_errno(errno.EXDEV, os.rename, self.fs.path("a", self.name, "f"), self.fs.path("b", self.name, "g"))
        self.assert_errno(errno.EXDEV, os.rename, self.inside("f"), self.fs.path("b", self.name, "g"))

    def test_copying_a_file_onto_itself_in_a_provider_folder_does_not_destroy_it(self):
        data = content(300 * KIB)
        write_file(self.inside("f"), data)
        for source, target in ((self.inside("f"), self.fs.path("a", self.name, "f")),
                               (self.fs.path("a", self.name, "f"), self.inside("f")),
                               (self.fs.path("b", self.name, "f"), self.fs.path("a", self.name, "f"))):
            run("cp", source, target, check=False)  # may refuse: it is the same file
            run("cp", "-a", source, target, check=False)
            run("rsync", "-a", "--ignore-times", source, target, check=False)
            self.assertEqual(read_file(self.inside("f")), data, "%s -> %s" % (source, target))
        self.fs.wait()
        self.assert_everywhere("f", data)
        self.assertEqual(os.listdir(self.dir), ["f"])

    def test_mv_onto_itself_in_a_provider_folder_does_not_lose_the_file(self):
        data = content(30 * KIB)
        write_file(self.inside("f"), data)
        run("mv", self.inside("f"), self.fs.path("a", self.name, "f"), check=False)
        self.fs.wait()
        self.assertEqual(read_file(self.inside("f")), data)
        self.assert_everywhere("f", data)

    def test_a_provider_folder_cannot_be_made_or_replaced(self):
        self.assert_errno(errno.EEXIST, os.mkdir, self.fs.path("a"))
        self.assert_errno((errno.EPERM, errno.EBUSY, errno.EXDEV), os.rename, self.fs.path("a"), self.fs.path("c"))


class Mounting(unittest.TestCase):
    def test_read_only_mount_reads_and_refuses_to_write(self):
        with harness.Oracxfs() as fs:
            fs.start()
            os.mkdir(fs.path("d"))
            write_file(fs.path("d/f"), b"kept")
            fs.restart("--read-only")
            self.assertEqual(read_file(fs.path("d/f")), b"kept")
            for call in (lambda: write_file(fs.path("d/g"), b"x"), lambda: write_file(fs.path("d/f"), b"x"),
                         lambda: os.mkdir(fs.path("e")), lambda: os.unlink(fs.path("d/f")),
                         lambda: os.rename(fs.path("d/f"), fs.path("d/g")), lambda: os.truncate(fs.path("d/f"), 0),
                         lambda: os.chmod(fs.path("d/f"), 0o600), lambda: os.utime(fs.path("d/f")),
                         lambda: os.rmdir(fs.path("d"))):
                with self.assertRaises(OSError) as caught:
                    call()
                self.assertEqual(caught.exception.errno, errno.EROFS)
            self.assertEqual(read_file(fs.path("d/f")), b"kept")

    def test_everything_is_there_again_after_a_remount(self):
        with harness.Oracxfs() as fs:
            fs.start()
            os.mkdir(fs.path("d"))
            for i in range(30):
                write_file(fs.path("d", "f%d" % i), content(1000 * i + 1))
            os.utime(fs.path("d/f3"), ns=(1, 1234567890123456789))
            os.chmod(fs.path("d/f4"), 0o600)
            os.setxattr(fs.path("d/f5"), "user.note", b"kept")
            before = tree(fs.path("d"))
            fs.restart()
            self.assertEqual(tree(fs.path("d")), before)
            self.assertEqual(os.stat(fs.path("d/f3")).st_mtime_ns, 1234567890123456789)
            self.assertEqual(stat.S_IMODE(os.stat(fs.path("d/f4")).st_mode), 0o600)
            self.assertEqual(os.getxattr(fs.path("d/f5"), "user.note"), b"kept")

    def test_second_daemon_on_the_same_state_is_refused(self):
        with harness.Oracxfs() as fs:
            fs.start()
            other = os.path.join(fs.base, "other")
            os.mkdir(other)
            refused = fs.cli("mount", other, check=False)
            self.assertNotEqual(refused.returncode, 0)
            self.assertFalse(os.path.ismount(other))
            write_file(fs.path("f"), b"the first one goes on")

    def test_dead_mount_is_replaced(self):
        with harness.Oracxfs() as fs:
            fs.start()
            write_file(fs.path("f"), b"x")
            for pid in fs.pids():
                os.kill(pid, 9)
                harness.wait_gone(pid, 10)
            with self.assertRaises(OSError):
                os.listdir(fs.mount)
            fs.start()
            self.assertEqual(read_file(fs.path("f")), b"x")

    def test_mount_without_providers_is_not_writable(self):
        with harness.Oracxfs(providers=()) as fs:
            done = fs.cli("mount", fs.mount, check=False)
            if done.returncode == 0:
                fs.mounted = True
                with self.assertRaises(OSError):
                    write_file(fs.path("f"), b"x")
            else:
                self.assertEqual(done.returncode, 10)


if __name__ == "__main__":
    harness.main(280)
