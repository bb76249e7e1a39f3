"""Copies that are damaged, deleted, missing or put there by others: the reader never notices, and the copies are put right."""

import hashlib
import os
import shutil
import time

import harness
from harness import KIB, MIB, MountTest, content, eventually, leftovers, read_file, sha256, trash_entries, write_file


def flip(path, at, keep_time):
    """Changes one byte behind everybody's back."""
    info = os.stat(path)
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 0x55]))
    if keep_time:
        os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))


class HealingTest(MountTest):
    def healthy(self, name):
        def check():
            rows = self.fs.replicas()
            return all(rows.get((self.name + "/" + name, p), {}).get("state") == "verified" for p in self.fs.folders)
        return check

    def healed(self, name, data, seconds=30):
        wanted = hashlib.sha256(data).hexdigest()

        def check():
            try:
                return all(sha256(self.at(p, name)) == wanted for p in self.fs.folders)
            except FileNotFoundError:
                return False
        eventually(check, name + " is good at every provider again", seconds, 0.2)
        eventually(self.healthy(name), lambda: name + " is verified: %r" % self.fs.replicas(), 10, 0.2)

    def forget_local_copies(self):
        """Content has to come from the providers: neither staging, nor the block cache, nor the kernel has it."""
        self.fs.wait()
        eventually(lambda: not self.fs.staged(), lambda: "staging is empty: %r" % self.fs.staged(), 30)
        self.fs.stop()
        cache = os.path.join(self.fs.home, "cache")
        if os.path.isdir(cache):
            shutil.rmtree(cache)
        self.fs.start(*self.OPTIONS)

    def events_of(self, name, kind):
        return [event for event in self.fs.events() if event.get("kind") == kind and event.get("path") == self.name + "/" + name]


class Damage(HealingTest):
    """cache_size 0: what is replicated is read from the providers."""

    PROVIDERS = ("a", "b")
    SETTINGS = {"mount.cache_size": "0"}

    def damaged(self, keep_time):
        data = content(6 * MIB)
        write_file(self.inside("f"), data)
        self.forget_local_copies()
        before = self.fs.provider("a")["checksum_errors"]
        flip(self.at("a", "f"), 5 * MIB + 11, keep_time)
        self.assertEqual(hashlib.sha256(read_file(self.inside("f"))).hexdigest(), hashlib.sha256(data).hexdigest())
        try:  # certainly from the bad one: either an error or the right bytes
            self.assertEqual(read_file(self.fs.path("a", self.name, "f")), data)
        except OSError:
            pass
        self.healed("f", data)
        self.assertEqual(read_file(self.inside("f")), data)
        self.assertGreater(self.fs.provider("a")["checksum_errors"], before)
        self.assertTrue(self.events_of("f", "damaged"), self.fs.events())
        self.assertTrue(self.events_of("f", "healed"), self.fs.events())
        self.assertEqual(len(trash_entries(self.fs.folders["a"], self.name + "/f")), 1, "the bad copy is kept aside")

    def test_damage_with_the_old_time_is_read_around_and_repaired(self):
        self.damaged(True)

    def test_damage_with_a_new_time_is_read_around_and_repaired(self):
        self.damaged(False)

    def test_both_copies_damaged_in_different_places_still_give_the_right_bytes(self):
        data = content(9 * MIB)
        write_file(self.inside("f"), data)
        self.forget_local_copies()
        flip(self.at("a", "f"), 1 * MIB, True)
        flip(self.at("b", "f"), 8 * MIB, True)
        with open(self.inside("f"), "rb", buffering=0) as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
            for at in (0, 8 * MIB + 5, 1 * MIB - 3, 4 * MIB):
                self.assertEqual(os.pread(file.fileno(), 10, at), data[at:at + 10])
        # Which copy is read is the one that has been faster: the reads above may have met good ones only. These do not.
        for provider, at in (("a", 1 * MIB), ("b", 8 * MIB)):
            try:  # it is not shown there once the damage is known
                with open(self.fs.path(provider, self.name, "f"), "rb", buffering=0) as file:
                    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
                    self.assertEqual(os.pread(file.fileno(), 10, at), data[at:at + 10])
            except OSError:
                pass
        self.healed("f", data)

    def test_file_that_is_damaged_everywhere_is_an_error_and_not_wrong_bytes(self):
        data = content(MIB)
        write_file(self.inside("f"), data)
        self.forget_local_copies()
        for provider in "ab":
            flip(self.at(provider, "f"), 500000, True)
        with self.assertRaises(OSError):
            read_file(self.inside("f"))
        self.assertNotEqual(self.fs.status()["state"], "protected")
        os.unlink(self.inside("f"))

    def test_truncated_copy_is_read_around_and_repaired(self):
        data = content(3 * MIB)
        write_file(self.inside("f"), data)
        self.forget_local_copies()
        os.truncate(self.at("a", "f"), MIB)
        os.truncate(self.at("b", "f"), 3 * MIB)  # unchanged
        self.assertEqual(read_file(self.inside("f")), data)
        try:
            read_file(self.fs.path("a", self.name, "f"))
        except OSError:
            pass
        self.healed("f", data, 60)

    def test_deleted_copy_is_read_around_and_put_back(self):
        data = content(3 * MIB)
        write_file(self.inside("f"), data)
        self.forget_local_copies()
        os.unlink(self.at("a", "f"))
        self.assertEqual(read_file(self.inside("f")), data)
        try:
            read_file(self.fs.path("a", self.name, "f"))
        except OSError:
            pass
        self.healed("f", data)
        self.assertTrue(self.events_of("f", "missing"), self.fs.events())
        self.assertTrue(os.path.exists(self.at("b", "f")), "a deletion at one provider never spreads")

    def test_small_change_of_a_file_that_is_not_here_keeps_the_rest(self):
        data = bytearray(content(5 * MIB))
        write_file(self.inside("f"), data)
        self.forget_local_copies()
        with open(self.inside("f"), "r+b") as file:
            file.seek(2 * MIB)
            file.write(b"changed")
        data[2 * MIB:2 * MIB + 7] = b"changed"
        self.fs.wait()
        self.assert_everywhere("f", bytes(data))


class Failover(HealingTest):
    """Two servers; content only there."""

    PROVIDERS = ()
    SFTP = ("s", "t")
    SETTINGS = {"mount.cache_size": "0"}

    def setUp(self):
        super().setUp()
        self.addCleanup(self.all_up)

    def all_up(self):
        for name, server in self.fs.servers.items():
            server.thaw()
            if not server.process:
                server.start()
            self.up(name)

    def up(self, name):
        eventually(lambda: self.fs.provider(name)["state"] == "active", name + " is active", 30, 0.2)

    def test_read_goes_on_when_its_server_dies(self):
        data = content(48 * MIB)
        write_file(self.inside("f"), data)
        self.forget_local_copies()
        read = bytearray()
        with open(self.inside("f"), "rb", buffering=0) as file:
            while part := file.read(256 * KIB):
                read += part
                if len(read) == 8 * MIB:
                    self.fs.servers["s"].stop()
                if len(read) == 24 * MIB:
                    self.fs.servers["s"].start()
                    self.up("s")
                    self.fs.servers["t"].stop()
        self.assertEqual(len(read), len(data))
        self.assertEqual(hashlib.sha256(read).hexdigest(), hashlib.sha256(data).hexdigest())

    def test_frozen_server_delays_a_read_but_does_not_end_it(self):
        data = content(8 * MIB)
        write_file(self.inside("f"), data)
        self.forget_local_copies()
        self.fs.servers["s"].freeze()
        begun = time.monotonic()
        self.assertEqual(hashlib.sha256(read_file(self.inside("f"))).hexdigest(), hashlib.sha256(data).hexdigest())
        self.assertLess(time.monotonic() - begun, 45 * harness.patience())

    def test_mounting_works_while_a_server_is_down(self):
        data = content(2 * MIB)
        write_file(self.inside("f"), data)
        self.forget_local_copies()
        self.fs.stop()
        self.fs.servers["t"].stop()
        begun = time.monotonic()
        self.fs.start(*self.OPTIONS)
        self.assertLess(time.monotonic() - begun, 10 * harness.patience())
        self.assertEqual(os.listdir(self.dir), ["f"])
        self.assertEqual(os.path.getsize(self.inside("f")), len(data))
        self.assertEqual(read_file(self.inside("f")), data)
        write_file(self.inside("g"), b"written meanwhile")
        self.fs.servers["t"].start()
        eventually(self.healthy("g"), "g is verified at both", 30, 0.2)
        self.assert_everywhere("g", b"written meanwhile")

    def test_listing_needs_no_server(self):
        for i in range(20):
            write_file(self.inside("f%d" % i), content(100, i))
        self.forget_local_copies()
        for server in self.fs.servers.values():
            server.freeze()
        begun = time.monotonic()
        self.assertEqual(len(os.listdir(self.dir)), 20)
        harness.run("ls", "-lR", self.dir, timeout=20)
        os.statvfs(self.dir)
        self.assertEqual(os.getxattr(self.inside("f3"), "user.oracxfs.copies"), b"2/2")
        self.assertLess(time.monotonic() - begun, 10 * harness.patience())


class Strangers(HealingTest):
    """Everything that takes its time: it is all set going at once."""

    PROVIDERS = ("a", "b")
    SFTP = ("s",)
    SETTINGS = {"replication.heal_after": "1s"}
    WITHIN = 75  # a listing every 30 s, a grace period of 60 s

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        fs = cls.fs
        fs.root = fs.path("slow")
        os.makedirs(os.path.join(fs.root, "folder"))
        for name in ("deleted", "replaced", "removed-outside", "changed-outside", "folder/f"):
            write_file(os.path.join(fs.root, name), content(20000, name))
        fs.wait()
        fs.servers["s"].stop()
        write_file(os.path.join(fs.root, "conflict"), b"ours")
        write_file(fs.at("s", "slow/conflict"), b"theirs, put there while the server was away")
        fs.servers["s"].start()
        cls.deleting = time.monotonic()
        os.unlink(os.path.join(fs.root, "deleted"))
        os.unlink(os.path.join(fs.root, "replaced"))
        write_file(os.path.join(fs.root, "replaced"), b"the new one")
        os.unlink(os.path.join(fs.root, "folder/f"))
        os.rmdir(os.path.join(fs.root, "folder"))
        os.unlink(fs.at("b", "slow/removed-outside"))
        write_file(fs.at("b", "slow/changed-outside"), b"changed by somebody else")
        write_file(fs.at("a", "slow/foreign"), content(300000, "foreign"))
        os.utime(fs.at("a", "slow/foreign"), (1.6e9, 1.6e9))
        os.makedirs(fs.at("s", "slow/foreign-folder/deep"))
        write_file(fs.at("s", "slow/foreign-folder/deep/f"), b"deep and foreign")
        cls.begun = time.monotonic()

    def within(self, check, what):
        eventually(check, what, max(5.0, self.begun + self.WITHIN - time.monotonic()), 0.3)

    def slow(self, *parts):
        return os.path.join(self.fs.root, *parts)

    def everywhere(self, name, data):
        def check():
            try:
                return all(read_file(self.fs.at(p, "slow", name)) == data for p in self.fs.folders)
            except FileNotFoundError:
                return False
        return check

    def test_foreign_file_appears_in_the_root_and_is_replicated(self):
        self.within(lambda: os.path.exists(self.slow("foreign")), "the foreign file is shown")
        self.assertEqual(read_file(self.slow("foreign")), content(300000, "foreign"))
        self.assertEqual(int(os.path.getmtime(self.slow("foreign"))), 1600000000)
        self.within(self.everywhere("foreign", content(300000, "foreign")), "the foreign file is at every provider")

    def test_foreign_folder_is_taken_over(self):
        self.within(lambda: os.path.exists(self.slow("foreign-folder/deep/f")), "the foreign folder is shown")
        self.within(self.everywhere("foreign-folder/deep/f", b"deep and foreign"), "its file is at every provider")

    def test_foreign_file_in_the_way_is_kept_under_another_name(self):
        self.within(self.everywhere("conflict", b"ours"), "our file is at every provider")
        self.assertEqual(read_file(self.slow("conflict")), b"ours")

        def kept():
            return [name for name in os.listdir(self.fs.root) if name.startswith("conflict (s's conflicted copy ")]
        self.within(kept, lambda: "the other file is shown: %r" % os.listdir(self.fs.root))
        self.assertEqual(read_file(self.slow(kept()[0])), b"theirs, put there while the server was away")
        self.within(self.everywhere(kept()[0], b"theirs, put there while the server was away"), "it is at every provider")

    def test_deleted_file_goes_to_the_trash_of_each_provider_after_the_grace_period(self):
        self.assertFalse(os.path.exists(self.slow("deleted")))
        for provider in self.fs.folders:
            self.within(lambda p=provider: not os.path.exists(self.fs.at(p, "slow/deleted")), "it is gone at " + provider)
            self.assertEqual(trash_entries(self.fs.folders[provider], "slow/deleted"), ["slow/deleted"])
        self.assertGreater(time.monotonic() - self.deleting, 55, "not before the grace period is over")

    def test_new_file_of_a_deleted_name_replaces_it(self):
        for provider in self.fs.folders:
            self.assertEqual(read_file(self.fs.at(provider, "slow/replaced")), b"the new one")
        time.sleep(max(0.0, self.begun + 66 - time.monotonic()))  # beyond the grace period of the old one
        for provider in self.fs.folders:
            self.assertEqual(read_file(self.fs.at(provider, "slow/replaced")), b"the new one")
            self.assertLessEqual(len(trash_entries(self.fs.folders[provider], "slow/replaced")), 1)

    def test_removed_folder_goes_from_the_providers(self):
        for provider in self.fs.folders:
            self.within(lambda p=provider: not os.path.exists(self.fs.at(p, "slow/folder")), "it is gone at " + provider)

    def test_copy_deleted_outside_is_put_back(self):
        self.within(self.everywhere("removed-outside", content(20000, "removed-outside")), "it is back")
        self.assertEqual(read_file(self.slow("removed-outside")), content(20000, "removed-outside"))

    def test_copy_changed_outside_is_put_right(self):
        self.within(self.everywhere("changed-outside", content(20000, "changed-outside")), "it is right again")
        self.assertEqual(read_file(self.slow("changed-outside")), content(20000, "changed-outside"))
        self.assertEqual(len(trash_entries(self.fs.folders["b"], "slow/changed-outside")), 1, "their change is kept aside")

    def test_zz_nothing_is_left_half_done(self):
        for provider in self.fs.folders:
            self.within(lambda p=provider: not leftovers(self.fs.folders[p]), "no unfinished upload at " + provider)
        self.fs.wait()
        self.assertEqual(self.fs.status()["state"], "protected")


if __name__ == "__main__":
    harness.main(300)
