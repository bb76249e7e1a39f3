"""What close() promises, and what happens when a promise cannot be kept: never a success that is not true, nothing lost,
nothing half-done at a provider."""

import errno
import hashlib
import os
import signal
import subprocess
import sys
import time

import harness
from harness import KIB, MIB, MountTest, content, eventually, leftovers, read_file, run, sha256, trash_entries, write_file

# Errnos that docs/ERRORS.md allows when too few providers took a file.
BROKEN_PROMISE = (errno.EIO, errno.ETIMEDOUT, errno.EDQUOT, errno.EACCES)


def kernel_stacks(pid):
    """Where each thread of a process is in the kernel."""
    return [harness.read_proc(pid, "task/%s/stack" % task) for task in os.listdir("/proc/%d/task" % pid)]


class ProviderTest(MountTest):
    def setUp(self):
        super().setUp()
        self.addCleanup(self.everything_back)

    def everything_back(self):
        """Each test begins with all providers up."""
        for server in self.fs.servers.values():
            server.thaw()
            if not server.process:
                server.start()
        for name in self.fs.folders:
            self.wait_for_state(name, "active")

    def wait_for_state(self, provider, *states):
        eventually(lambda: self.fs.provider(provider)["state"] in states,
                   lambda: "%s is %s: %r" % (provider, "/".join(states), self.fs.provider(provider)))

    def wait_for_verdict(self, state):
        eventually(lambda: self.fs.status()["state"] == state, lambda: "the verdict is %s: %r" % (state, self.fs.status()))

    def verified_everywhere(self, name, seconds=30):
        """Without any command that could help."""
        def check():
            rows = self.fs.replicas()
            return all(rows.get((self.name + "/" + name, p), {}).get("state") == "verified" and os.path.exists(self.at(p, name))
                       for p in self.fs.folders)
        eventually(check, lambda: "%s is verified everywhere: %r" % (name, self.fs.replicas()), seconds, 0.2)
        self.assert_everywhere(name)


class AllProvidersUp(ProviderTest):
    PROVIDERS = ("a", "b")
    SFTP = ("s",)

    def test_when_cp_returns_every_provider_holds_the_file(self):
        for i, size in enumerate((1, 100 * KIB, 9 * MIB, 30 * MIB)):
            source = os.path.join(self.fs.base, "source%d" % i)
            write_file(source, content(size))
            run("cp", source, self.inside("f%d" % i))
            self.assert_everywhere("f%d" % i, content(size))
            for provider in self.fs.folders:
                self.assertEqual(self.fs.replicas()[("%s/f%d" % (self.name, i), provider)]["state"], "verified")

    def test_many_small_files_are_there_when_cp_r_returns(self):
        source = os.path.join(self.fs.base, "many")
        os.mkdir(source)
        for i in range(60):
            write_file(os.path.join(source, "f%d" % i), content(2000, i))
        run("cp", "-r", source, self.inside("many"))
        for i in range(60):
            self.assert_everywhere("many/f%d" % i, content(2000, i))

    def test_fsync_promises_the_same_as_close(self):
        fd = os.open(self.inside("f"), os.O_WRONLY | os.O_CREAT)
        os.write(fd, b"part one")
        os.fsync(fd)
        self.assert_everywhere("f", b"part one")
        os.write(fd, b", part two")
        os.close(fd)
        self.assert_everywhere("f", b"part one, part two")

    def uploads(self, work, provider="a"):
        """How often the file `f` appeared at the provider while `work` ran."""
        write_file(self.inside("first"), b"so that the folder is there")
        watch = harness.Watch(self.at(provider))
        self.addCleanup(watch.close)
        work()
        self.fs.wait()
        self.assert_everywhere("f")
        return watch.appearances("f")

    def test_shell_redirection_uploads_once(self):
        self.assertEqual(self.uploads(lambda: run("sh", "-c", 'echo hello > "$0"', self.inside("f"))), 1)
        self.assertEqual(read_file(self.inside("f")), b"hello\n")

    def test_group_redirection_uploads_once(self):
        self.assertEqual(self.uploads(lambda: run("sh", "-c", '{ echo one; echo two; echo three; } > "$0"', self.inside("f"))), 1)
        self.assertEqual(read_file(self.inside("f")), b"one\ntwo\nthree\n")

    def test_program_with_redirected_output_uploads_once(self):
        self.assertEqual(self.uploads(lambda: run("sh", "-c", 'seq 1 50000 > "$0"', self.inside("f"))), 1)

    def test_duplicated_descriptors_upload_once(self):
        def work():
            fd = os.open(self.inside("f"), os.O_WRONLY | os.O_CREAT, 0o644)
            copies = [os.dup(fd) for _ in range(3)]
            child = subprocess.Popen([sys.executable, "-c", "pass"], pass_fds=[fd] + copies)  # closes them at its end
            child.wait()
            os.write(fd, b"all of it")
            for copy in copies + [fd]:
                os.close(copy)
        self.assertEqual(self.uploads(work), 1)

    def test_opening_without_writing_uploads_nothing(self):
        write_file(self.inside("f"), content(1000))
        def work():
            os.close(os.open(self.inside("f"), os.O_RDWR))
            with open(self.inside("f"), "ab"):
                pass
            run("touch", self.inside("f"))
            os.chmod(self.inside("f"), 0o600)
        self.assertEqual(self.uploads(work), 0)


class ProviderDown(ProviderTest):
    PROVIDERS = ("a", "b")
    SFTP = ("s",)

    def test_copy_succeeds_while_a_server_is_down_and_is_completed_by_itself(self):
        write_file(self.inside("before"), b"x")
        self.fs.servers["s"].stop()
        data = content(6 * MIB)
        write_file(os.path.join(self.fs.base, "source"), data)
        run("cp", os.path.join(self.fs.base, "source"), self.inside("f"))
        self.assert_everywhere("f", data, ("a", "b"))
        status = self.fs.status()
        self.assertEqual(status["state"], "degraded")
        row = next(row for row in status["providers"] if row["name"] == "s")
        self.assertEqual(row["state"], "offline")
        self.assertTrue(row["reason"].startswith("E-"), row)
        self.assertEqual(os.getxattr(self.inside("f"), "user.oracxfs.copies"), b"2/3")
        self.assertEqual(os.getxattr(self.inside("f"), "user.oracxfs.state"), b"degraded")
        self.fs.wait(30, expect=3)  # settled: what is missing is known
        self.fs.servers["s"].start()
        self.verified_everywhere("f", 30)
        self.wait_for_verdict("protected")  # what is left of the outage, its own row included

    def test_copies_go_on_quickly_once_a_provider_is_known_down(self):
        self.fs.servers["s"].stop()
        write_file(self.inside("first"), b"x")
        begun = time.monotonic()
        for i in range(20):
            write_file(self.inside("f%d" % i), content(1000, i))
        self.assertLess(time.monotonic() - begun, 30 * harness.patience())
        self.fs.servers["s"].start()
        for i in range(20):
            self.verified_everywhere("f%d" % i)

    def test_local_folder_that_is_gone_degrades_and_comes_back(self):
        write_file(self.inside("before"), b"x")
        os.rename(self.fs.folders["b"], self.fs.folders["b"] + ".away")
        try:
            write_file(self.inside("f"), content(100 * KIB))
            self.assert_everywhere("f", content(100 * KIB), ("a", "s"))
            self.wait_for_state("b", "offline", "degraded")
            self.assertEqual(self.fs.status()["state"], "degraded")
            self.assertTrue(self.fs.provider("b")["reason"])
            self.assertFalse(os.path.exists(self.at("b")), "nothing is written where the folder was")
        finally:
            if os.path.exists(self.fs.folders["b"]):
                os.rename(self.fs.folders["b"], self.fs.folders["b"] + ".made")
            os.rename(self.fs.folders["b"] + ".away", self.fs.folders["b"])
        self.verified_everywhere("f")

    def test_local_folder_that_refuses_writes_degrades_and_comes_back(self):
        if os.getuid() == 0:
            if run("chattr", "+i", self.fs.base, check=False).returncode != 0:
                self.skipTest("chattr +i does not work on this file system")
            run("chattr", "-i", self.fs.base)
        write_file(self.inside("before"), b"x")
        folder = self.at("b")
        if os.getuid() == 0:
            run("chattr", "+i", folder)
        else:
            os.chmod(folder, 0o555)
        try:
            write_file(self.inside("f"), b"some bytes")
            self.assert_everywhere("f", b"some bytes", ("a", "s"))
            self.assertEqual(self.fs.status()["state"], "degraded")
            row = self.fs.replicas()[(self.name + "/f", "b")]
            self.assertIn(row["state"], ("failed", "queued", "uploading"))
            self.assertTrue(row["error"], row)
        finally:
            if os.getuid() == 0:
                run("chattr", "-i", folder)
            else:
                os.chmod(folder, 0o755)
        self.verified_everywhere("f", 60)

    def test_server_lost_in_the_middle_of_a_write(self):
        data = content(24 * MIB)
        with open(self.inside("f"), "wb", buffering=0) as file:
            for at in range(0, len(data), MIB):
                file.write(data[at:at + MIB])
                if at == 12 * MIB:
                    self.fs.servers["s"].stop()
        self.assert_everywhere("f", data, ("a", "b"))
        self.assertFalse(os.path.exists(self.at("s", "f")), "nothing partial under the final name")
        self.fs.servers["s"].start()
        self.verified_everywhere("f")
        eventually(lambda: not leftovers(self.fs.folders["s"]), "no unfinished upload is left", 30)

    def test_changes_while_a_server_is_down_arrive_later(self):
        os.mkdir(self.inside("d"))
        write_file(self.inside("d/f"), b"old")
        write_file(self.inside("g"), b"to be moved")
        self.fs.servers["s"].stop()
        write_file(self.inside("d/f"), b"new content")
        os.rename(self.inside("g"), self.inside("d/moved"))
        os.rename(self.inside("d"), self.inside("e"))
        os.mkdir(self.inside("later"))
        self.fs.servers["s"].start()
        self.verified_everywhere("e/f")
        self.verified_everywhere("e/moved")
        eventually(lambda: sorted(os.listdir(self.at("s"))) == ["e", "later"],
                   lambda: "the same tree at s: %r" % os.listdir(self.at("s")), 30)
        self.assertEqual(read_file(self.at("s", "e/f")), b"new content")


class NobodyThere(ProviderTest):
    PROVIDERS = ()
    SFTP = ("s",)

    def test_copy_fails_when_no_provider_can_be_reached_but_nothing_is_lost(self):
        self.fs.servers["s"].stop()
        data = content(2 * MIB)
        write_file(os.path.join(self.fs.base, "source"), data)
        done = run("cp", os.path.join(self.fs.base, "source"), self.inside("f"), check=False)
        self.assertEqual(done.returncode, 1)
        fd = os.open(self.inside("g"), os.O_WRONLY | os.O_CREAT)
        os.write(fd, b"second")
        self.assert_errno(BROKEN_PROMISE, os.close, fd)
        self.assertEqual(read_file(self.inside("f")), data)
        self.assertIn(self.fs.status()["state"], ("at_risk", "unprotected"))
        self.fs.kill()  # not even by a crash
        self.fs.start()
        self.assertEqual(read_file(self.inside("f")), data)
        self.fs.servers["s"].start()
        self.verified_everywhere("f")
        self.verified_everywhere("g")

    def test_mv_keeps_its_source_when_the_copy_is_not_safe(self):
        self.fs.servers["s"].stop()
        source = os.path.join(self.fs.base, "to-move")
        write_file(source, content(10000))
        self.assertEqual(run("mv", source, self.inside("f"), check=False).returncode, 1)
        self.assertEqual(read_file(source), content(10000))

    def test_killed_cp_ends_at_once_and_its_upload_is_completed(self):
        data = content(3 * MIB)
        source = os.path.join(self.fs.base, "source")
        write_file(source, data)
        write_file(self.inside("before"), b"x")
        self.fs.servers["s"].freeze()
        copying = subprocess.Popen(["cp", source, self.inside("f")])
        # All bytes were taken, and it waits in close().
        eventually(lambda: os.path.exists(self.inside("f")) and os.path.getsize(self.inside("f")) == len(data), "cp has written")
        time.sleep(0.5)
        self.assertIsNone(copying.poll(), "cp waits for the provider")
        begun = time.monotonic()
        copying.kill()
        copying.wait(harness.HANGS)
        self.assertLess(time.monotonic() - begun, 5 * harness.patience())
        self.assertEqual(read_file(self.inside("f")), data)
        self.fs.servers["s"].thaw()
        self.verified_everywhere("f")

    def test_interrupted_wait_for_a_folder_ends_at_once(self):
        self.fs.servers["s"].freeze()
        fd = os.open(self.inside("f"), os.O_WRONLY | os.O_CREAT)
        os.write(fd, b"x")
        waiting = subprocess.Popen([sys.executable, "-c", "import os, sys; os.fsync(int(sys.argv[1]))", str(fd)], pass_fds=[fd])
        time.sleep(1)
        self.assertIsNone(waiting.poll())
        begun = time.monotonic()
        waiting.kill()
        waiting.wait(harness.HANGS)
        self.assertLess(time.monotonic() - begun, 5 * harness.patience())
        self.fs.servers["s"].thaw()
        os.close(fd)


    def test_daemon_that_is_ended_while_programs_wait_for_it(self):
        """They hear that nothing was promised; it ends in order, and nothing is lost."""
        data = content(3 * MIB)
        source = os.path.join(self.fs.base, "source")
        write_file(source, data)
        write_file(self.inside("before"), b"x")
        self.fs.servers["s"].freeze()
        copying = [subprocess.Popen(["cp", source, self.inside("f%d" % i)], stderr=subprocess.DEVNULL) for i in range(8)]
        eventually(lambda: all(os.path.exists(self.inside("f%d" % i)) and os.path.getsize(self.inside("f%d" % i)) == len(data)
                               for i in range(8)), "cp has written")
        pid = self.fs.pid()
        os.kill(pid, signal.SIGTERM)
        for one in copying:
            self.assertNotEqual(one.wait(harness.HANGS), 0)
        self.assertTrue(harness.wait_gone(pid, 60), "the daemon ends")
        self.assertIn("[daemon] ended", self.fs.log_tail().splitlines()[-1])
        self.fs.start(*self.OPTIONS)
        for i in range(8):
            self.assertEqual(read_file(self.inside("f%d" % i)), data)
        self.fs.servers["s"].thaw()
        for i in range(8):
            self.verified_everywhere("f%d" % i)

    def lock_up_a_folder(self):
        """A rename that waits for its provider holds the folder in the kernel, and who tells the kernel of that folder waits,
        too: a thread of the daemon that no signal ends. Returns the daemon's number and the program that waits."""
        os.mkdir(self.inside("folder"))
        write_file(self.inside("folder/before"), b"x")
        write_file(self.inside("folder/f.part"), b"x" * 1000)
        self.fs.servers["s"].freeze()
        renaming = subprocess.Popen(["mv", self.inside("folder/f.part"), self.inside("folder/f")], stderr=subprocess.DEVNULL)
        eventually(lambda: any(b"fuse_rename" in stack for stack in kernel_stacks(renaming.pid)), "mv waits")
        os.close(os.open(self.fs.path("s", self.name, "folder/made.part"), os.O_WRONLY | os.O_CREAT))
        pid = self.fs.pid()
        eventually(lambda: any(b"fuse_reverse_inval_entry" in stack for stack in kernel_stacks(pid)), "the kernel is told, and waits")
        self.assertIsNone(renaming.poll())
        return pid, renaming

    def everything_goes_on(self, renaming):
        self.assertNotEqual(renaming.wait(harness.HANGS), 0)
        self.assertEqual(read_file(self.inside("folder/f")), b"x" * 1000)
        self.fs.servers["s"].thaw()
        self.verified_everywhere("folder/f")

    def test_daemon_that_is_ended_while_it_waits_in_the_kernel(self):
        pid, renaming = self.lock_up_a_folder()
        os.kill(pid, signal.SIGTERM)
        self.assertTrue(harness.wait_gone(pid, 60), "the daemon ends")
        self.assertIn("[daemon] ended", self.fs.log_tail().splitlines()[-1])
        self.fs.start(*self.OPTIONS)
        self.everything_goes_on(renaming)

    def test_daemon_that_is_killed_while_it_waits_in_the_kernel(self):
        pid, renaming = self.lock_up_a_folder()
        os.kill(pid, signal.SIGKILL)
        self.fs.start(*self.OPTIONS)
        self.assertTrue(harness.wait_gone(pid, 1), "the next one has ended it")
        self.everything_goes_on(renaming)


class JournalMode(ProviderTest):
    PROVIDERS = ("a",)
    SFTP = ("s",)
    OPTIONS = ("--close-waits-for", "journal")

    def test_close_does_not_wait_for_providers(self):
        self.fs.servers["s"].freeze()
        begun = time.monotonic()
        for i in range(10):
            write_file(self.inside("f%d" % i), content(300 * KIB, i))
        self.assertLess(time.monotonic() - begun, 15 * harness.patience())
        self.fs.servers["s"].thaw()
        for i in range(10):
            self.verified_everywhere("f%d" % i)

    def test_acknowledged_files_survive_a_crash_with_all_servers_away(self):
        self.fs.servers["s"].stop()
        for i in range(10):
            write_file(self.inside("f%d" % i), content(200 * KIB, i))
        self.fs.kill()
        self.fs.start(*self.OPTIONS)
        for i in range(10):
            self.assertEqual(read_file(self.inside("f%d" % i)), content(200 * KIB, i))
        self.fs.servers["s"].start()
        for i in range(10):
            self.verified_everywhere("f%d" % i)


class QuorumMode(ProviderTest):
    PROVIDERS = ("a", "b")
    SFTP = ("s",)
    OPTIONS = ("--close-waits-for", "quorum=2")

    def test_close_waits_for_as_many_as_asked(self):
        self.fs.servers["s"].freeze()
        begun = time.monotonic()
        write_file(self.inside("f"), content(2 * MIB))
        self.assertLess(time.monotonic() - begun, 15 * harness.patience())
        self.assert_everywhere("f", content(2 * MIB), ("a", "b"))
        self.fs.servers["s"].thaw()
        self.verified_everywhere("f")

    def test_close_fails_when_there_are_not_enough(self):
        self.fs.servers["s"].stop()
        os.rename(self.fs.folders["b"], self.fs.folders["b"] + ".away")
        try:
            self.assert_errno(BROKEN_PROMISE, write_file, self.inside("f"), b"some bytes")
            # close() fails as soon as it is clear that there can't be enough.
            eventually(lambda: os.path.exists(self.at("a", "f")), "it arrives where it can")
            self.assertEqual(read_file(self.at("a", "f")), b"some bytes")
        finally:
            os.rename(self.fs.folders["b"] + ".away", self.fs.folders["b"])
        self.fs.servers["s"].start()
        self.verified_everywhere("f")


class TornFiles(ProviderTest):
    WRITER = ("import os, sys, time\nfd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)\n"
              "for _ in range(int(sys.argv[2])): os.write(fd, bytes(1 << 20))\nprint('ready', flush=True)\n")

    def killed_writer(self, megabytes, number):
        writer = subprocess.Popen([sys.executable, "-c", self.WRITER + "time.sleep(60)", self.inside("torn.zip"), str(megabytes)],
                                  stdout=subprocess.PIPE)
        self.assertEqual(writer.stdout.readline(), b"ready\n")
        writer.stdout.close()
        writer.send_signal(number)
        writer.wait(harness.HANGS)
        eventually(lambda: os.getxattr(self.inside("torn.zip"), "user.oracxfs.state") == b"torn",
                   lambda: "state torn, not %r" % os.getxattr(self.inside("torn.zip"), "user.oracxfs.state"), 10)
        self.fs.wait()
        for provider in self.fs.folders:
            self.assertFalse(os.path.exists(self.at(provider, "torn.zip")))
            self.assertEqual(trash_entries(self.fs.folders[provider], self.name + "/torn.zip"), [])
            eventually(lambda p=provider: not leftovers(self.fs.folders[p]), "no unfinished upload is left", 20)
        self.assertEqual(os.path.getsize(self.inside("torn.zip")), megabytes << 20, "what there is stays visible here")
        eventually(lambda: any(event.get("kind") == "torn" and event.get("path") == self.name + "/torn.zip" for event in self.fs.events()),
                   lambda: "it is told: %r" % self.fs.events())

    def test_file_of_a_writer_killed_with_kill_9_is_not_replicated(self):
        self.killed_writer(1, signal.SIGKILL)

    def test_half_streamed_file_of_a_killed_writer_is_not_replicated(self):
        self.killed_writer(12, signal.SIGTERM)

    def test_overwriting_by_a_killed_writer_keeps_the_good_copies(self):
        data = content(2 * MIB)
        write_file(self.inside("torn.zip"), data)
        writer = subprocess.Popen([sys.executable, "-c", self.WRITER.replace("O_CREAT", "O_TRUNC") + "time.sleep(60)",
                                   self.inside("torn.zip"), "1"], stdout=subprocess.PIPE)
        self.assertEqual(writer.stdout.readline(), b"ready\n")
        writer.stdout.close()
        writer.kill()
        writer.wait(harness.HANGS)
        self.fs.wait()
        for provider in self.fs.folders:
            self.assertEqual(sha256(self.at(provider, "torn.zip")), hashlib.sha256(data).hexdigest(), provider)

    def test_emptying_by_a_killed_writer_keeps_the_good_copies(self):
        write_file(self.inside("emptied"), b"good")
        program = "import os, sys, time\nos.open(sys.argv[1], os.O_WRONLY | os.O_TRUNC)\nprint('ready', flush=True)\ntime.sleep(600)"
        writer = subprocess.Popen([sys.executable, "-c", program, self.inside("emptied")], stdout=subprocess.PIPE)
        self.assertEqual(writer.stdout.readline(), b"ready\n")
        writer.stdout.close()
        writer.kill()
        writer.wait(harness.HANGS)
        self.fs.wait()
        self.assertEqual(os.getxattr(self.inside("emptied"), "user.oracxfs.state"), b"torn")
        for provider in self.fs.folders:
            self.assertEqual(read_file(self.at(provider, "emptied")), b"good", provider)

    def test_torn_file_is_replicated_once_it_is_written_anew(self):
        self.killed_writer(1, signal.SIGKILL)
        write_file(self.inside("torn.zip"), b"complete now")
        self.assert_everywhere("torn.zip", b"complete now")
        self.assertEqual(os.getxattr(self.inside("torn.zip"), "user.oracxfs.state"), b"verified")

    def test_writer_that_ends_without_close_is_no_killed_writer(self):
        run(sys.executable, "-c", self.WRITER + "os._exit(0)", self.inside("f"), "2")
        self.fs.wait()
        self.assert_everywhere("f", bytes(2 * MIB))


class LittleRoom(ProviderTest):
    SETTINGS = {"staging.max_size": "32MiB"}

    def test_full_disk_is_told_while_writing_and_leaves_no_stump_at_the_providers(self):
        fd = os.open(self.inside("big"), os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        block, written = content(MIB), 0
        with self.assertRaises(OSError) as caught:
            while written < 80 * MIB:
                written += os.write(fd, block)
        self.assertEqual(caught.exception.errno, errno.ENOSPC)
        self.assertLessEqual(written, 33 * MIB)
        try:
            os.close(fd)
        except OSError:
            pass
        self.fs.wait()
        for provider in self.fs.folders:
            self.assertFalse(os.path.exists(self.at(provider, "big")))
            eventually(lambda p=provider: not leftovers(self.fs.folders[p]), "no unfinished upload is left", 20)
        os.unlink(self.inside("big"))
        write_file(self.inside("small"), b"goes on")
        self.assert_everywhere("small", b"goes on")

    def test_cp_of_a_file_that_does_not_fit_fails(self):
        source = os.path.join(self.fs.base, "source")
        write_file(source, content(48 * MIB))
        done = run("cp", source, self.inside("big"), check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"No space left", done.stderr)
        self.fs.wait()
        for provider in self.fs.folders:
            self.assertFalse(os.path.exists(self.at(provider, "big")))
        os.unlink(self.inside("big"))

    def test_replicated_content_makes_room_for_new_files_and_is_read_from_the_providers(self):
        for i in range(8):
            write_file(self.inside("f%d" % i), content(8 * MIB, i))
        for i in range(8):
            self.assert_everywhere("f%d" % i, content(8 * MIB, i))
        self.fs.restart()  # the kernel's own copies are gone as well
        for i in range(8):
            self.assertEqual(read_file(self.inside("f%d" % i)), content(8 * MIB, i))


if __name__ == "__main__":
    harness.main(270)
