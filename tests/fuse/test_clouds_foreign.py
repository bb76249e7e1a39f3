"""What others do in a cloud, and how few requests we make there ourselves. Clouds tell of changes by their feeds; what takes
its time is set going at once."""

import datetime
import hashlib
import os
import threading
import time
import unittest

import harness
from clouds import CLOUDS, KINDS, Clouds
from harness import MountTest, content, eventually, read_file, run, write_file

FEEDS = {"files/list_folder/continue", "files/list_folder/longpoll", "changes.list"}


class Foreign(MountTest):
    """Google Drive with the scope `drive`: what somebody else made is visible."""

    SETTINGS = {"replication.heal_after": "1s"}
    WITHIN = 200  # Drive is asked every 20 s, folders and servers are listed every 30 s; a busy machine takes longer

    @classmethod
    def make(cls):
        reason = Clouds.reason_to_skip()
        if reason:
            raise unittest.SkipTest(reason)
        return Clouds(settings=cls.SETTINGS, options={"google-drive": {"scope": "drive"}})

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        fs = cls.fs
        for kind in KINDS:
            fs.await_state(kind, "active")
        os.mkdir(fs.path("d"))
        for kind in CLOUDS:
            for name in ("changed", "removed"):
                write_file(fs.path("d", "%s-%s.txt" % (name, kind)), cls.data(name, kind))
        fs.wait()
        for kind in CLOUDS:
            fs.places[kind].down()
            write_file(fs.path("d", "conflict-%s.txt" % kind), cls.data("conflict", kind))
            fs.await_state(kind, "offline")
            fs.places[kind].put("d/conflict-%s.txt" % kind, b"theirs", **cls.owner(kind))
            fs.places[kind].up()
            fs.await_state(kind, "active")
        for kind in CLOUDS:
            place = fs.places[kind]
            place.put("d/new-%s.txt" % kind, cls.data("new", kind), **cls.owner(kind))
            place.put("their folder/deep/new-%s.txt" % kind, cls.data("deep", kind), **cls.owner(kind))
            place.put("d/changed-%s.txt" % kind, b"changed by somebody else")
            place.remove("d/removed-%s.txt" % kind)
        cls.begun = time.monotonic()
        cls.end = cls.begun + cls.WITHIN

    @staticmethod
    def data(name, kind):
        return content(3000, name + kind)

    @staticmethod
    def owner(kind):
        return {"owner": "somebody"} if kind == "google-drive" else {}

    def setUp(self):
        self.places = self.fs.places

    def within(self, check, what):
        eventually(check, what, max(5.0, self.end - time.monotonic()), 0.3)

    def everywhere(self, path, data):
        digest = hashlib.sha256(data).hexdigest()
        return lambda: all(place.objects().get(path) == digest for place in self.places.values())

    def test_new_file_appears_in_the_root_in_the_folder_of_its_provider_and_at_all_others(self):
        for kind in CLOUDS:
            for path, data in (("d/new-%s.txt" % kind, self.data("new", kind)),
                               ("their folder/deep/new-%s.txt" % kind, self.data("deep", kind))):
                self.within(lambda: os.path.exists(self.fs.path(path)), path + " is in the root")
                self.assertEqual(read_file(self.fs.path(path)), data)
                self.within(lambda: os.path.exists(self.fs.path(kind, path)), "%s is in the folder of %s" % (path, kind))
                self.assertEqual(read_file(self.fs.path(kind, path)), data)
                self.within(self.everywhere(path, data), path + " is at all providers")
                self.fs.await_verified(path)

    def test_changed_replica_is_put_right_and_their_content_stays_in_the_history(self):
        for kind in CLOUDS:
            path = "d/changed-%s.txt" % kind
            self.within(lambda: any(event["kind"] == "changed" and event["path"] == path for event in self.fs.events()),
                        "an event tells of the change of " + path)
            self.within(self.everywhere(path, self.data("changed", kind)), path + " is good everywhere")
            self.assertEqual(read_file(self.fs.path(path)), self.data("changed", kind))
            self.fs.await_verified(path)

    def test_removed_replica_is_put_back_and_the_removal_does_not_spread(self):
        for kind in CLOUDS:
            path = "d/removed-%s.txt" % kind
            self.within(lambda: any(event["kind"] == "missing" and event["path"] == path for event in self.fs.events()),
                        "an event tells of the removal of " + path)
            self.within(self.everywhere(path, self.data("removed", kind)), path + " is back")
            self.assertFalse([event for event in self.fs.events() if event["kind"] == "missing" and event["provider"] != kind
                              and event["path"] == path], "nobody else lost it")

    def test_file_in_the_way_is_kept_as_a_conflicted_copy(self):
        for kind in CLOUDS:
            path = "d/conflict-%s.txt" % kind
            self.within(self.everywhere(path, self.data("conflict", kind)), "our file is everywhere: " + path)
            today = datetime.datetime.now(datetime.timezone.utc)
            names = ["d/conflict-%s (%s's conflicted copy %s).txt" % (kind, kind, (today - datetime.timedelta(days=days)).strftime("%Y-%m-%d"))
                     for days in (0, 1)]  # it may have been made before midnight
            self.within(lambda: any(os.path.exists(self.fs.path(name)) for name in names), "the other one is in the root")
            name = next(name for name in names if os.path.exists(self.fs.path(name)))
            self.assertEqual(read_file(self.fs.path(name)), b"theirs")
            self.within(self.everywhere(name, b"theirs"), name + " is everywhere")

    def test_zz_all_is_well_in_the_end(self):
        self.fs.wait()
        self.assertEqual(self.fs.status()["state"], "protected")

        def differ():
            trees = {kind: place.objects() for kind, place in self.places.items()}
            return {kind: sorted(tree.items() ^ trees["local"].items()) for kind, tree in trees.items() if tree != trees["local"]}
        eventually(lambda: not differ(), lambda: "all hold the same: %r" % differ())


class Budget(unittest.TestCase):
    """Requests, counted by the services themselves."""

    def requests(self, place, but=()):
        return {endpoint: count for endpoint, count in place.calls().items() if endpoint not in but}

    def empty_mount(self):
        reason = Clouds.reason_to_skip(CLOUDS)
        if reason:
            self.skipTest(reason)
        fs = Clouds(CLOUDS)
        self.addCleanup(fs.close)
        fs.start("--close-waits-for", "journal")
        for kind in CLOUDS:
            fs.await_state(kind, "active")
        os.mkdir(fs.path("d"))
        fs.wait()
        for place in fs.places.values():
            place.forget_calls()
        return fs

    @staticmethod
    def write(fs, files):
        for i in range(files):
            write_file(fs.path("d", "f%d" % i), content(2000, i))

    def mount(self, files):
        fs = self.empty_mount()
        self.write(fs, files)
        fs.wait()
        return fs

    def within_budget(self, fs, files, beside):
        """One request for the bytes of a file. At Dropbox, where commits queue up, three files and more share one."""
        for kind, place in fs.places.items():
            calls = self.requests(place, FEEDS)  # how often they are asked is a matter of time, not of files
            print(kind, calls, flush=True)
            self.assertEqual(len(place.paths()), files)
            alone = calls.pop({"dropbox": "files/upload", "google-drive": "upload.multipart"}[kind], 0)
            together = calls.pop("files/upload_session/start", 0)
            commits = calls.pop("files/upload_session/finish_batch_v2", 0)
            self.assertLessEqual(alone + together, files * 1.02, "%s: %r" % (kind, calls))
            self.assertLessEqual(commits, together / 3, kind)
            self.assertLessEqual(commits + sum(calls.values()), beside(together), "%s: %d commits, %r" % (kind, commits, calls))

    def test_small_files_cost_one_request_each(self):
        fs = self.mount(200)
        # How many are there at a time depends on the machine, so a commit may be for three only.
        self.within_budget(fs, 200, lambda together: together / 3 + 20)
        for place in fs.places.values():
            place.forget_calls()
        run("ls", "-lR", fs.mount)
        run("find", fs.mount, "-newer", "/etc/hostname")
        for kind in CLOUDS:
            self.assertEqual(self.requests(fs.places[kind], FEEDS), {}, "looking at names costs nothing at " + kind)

    def test_many_small_files_at_once_cost_no_more_together(self):
        fs = self.empty_mount()
        for place in fs.places.values():
            place.down()
        self.write(fs, 200)
        for kind in CLOUDS:
            fs.await_state(kind, "offline")
        for kind, place in fs.places.items():
            place.forget_calls()
            place.up()
            fs.await_state(kind, "active")
        fs.wait()
        self.within_budget(fs, 200, lambda together: 20)

    def test_remount_costs_the_same_however_many_files_there_are(self):
        found = {}

        def calls_of_a_mount(fs, patience):
            begun = time.monotonic()
            for place in fs.places.values():
                place.forget_calls()
            fs.start()
            for place in fs.places.values():  # until it has looked for changes
                eventually(lambda: FEEDS & set(place.calls()), lambda: "the feed was asked: %r" % place.calls(), harness.HANGS, 0.5)
            time.sleep(patience)  # what it does because of the answer
            calls = {kind: place.calls() for kind, place in fs.places.items()}
            fs.stop()
            # Drive's feed is asked every 20 s, so a slow machine asks it more than once.
            again = (time.monotonic() - begun) // 20
            for kind, counts in calls.items():
                for endpoint in FEEDS & set(counts):
                    counts[endpoint] = max(1, counts[endpoint] - again)
            return calls

        def remount(files):
            fs = self.mount(files)
            fs.stop()
            for patience in (1, 3, 10):  # the first one still hears of our own work
                found[files] = calls_of_a_mount(fs, patience)
                if all(sum(calls.values()) <= 2 for calls in found[files].values()):
                    break

        threads = [threading.Thread(target=remount, args=(files,)) for files in (200, 2000)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(found), [200, 2000])
        for files, kinds in found.items():
            for kind, calls in kinds.items():
                print(files, kind, calls, flush=True)
                self.assertLessEqual(sum(calls.values()), 2, "%d files at %s: %r" % (files, kind, calls))


if __name__ == "__main__":
    harness.main(470)
