"""All five kinds of provider at once: what is promised holds with all of them up, and with each of them down, slow, full,
signed out, throttled or lying."""

import hashlib
import os
import shutil
import threading
import time
import unittest

import harness
from clouds import CLOUDS, KINDS, NETWORK, Clouds, Liar
from harness import KIB, MIB, MountTest, content, eventually, read_file, run, sha256, write_file

SIZES = {"empty": 0, "one": 1, "small": 100 * KIB, "medium": 9 * MIB, "large": 40 * MIB}


class CloudTest(MountTest):
    """One mount, all kinds, named like their kinds."""

    CLOUD_OPTIONS = {}

    @classmethod
    def make(cls):
        reason = Clouds.reason_to_skip()
        if reason:
            raise unittest.SkipTest(reason)
        return Clouds(settings=cls.SETTINGS, options=cls.CLOUD_OPTIONS)

    def setUp(self):
        super().setUp()
        self.places = self.fs.places

    def source(self, size, tag=None):
        """A file outside the mount with contents of its own."""
        path = os.path.join(self.fs.base, "source-%s-%s" % (self.name, tag))
        write_file(path, content(size, "%s/%s" % (self.name, tag)))
        return path

    def copy_in(self, size, name):
        source = self.source(size, name)
        run("cp", source, self.inside(name))
        return hashlib.sha256(read_file(source)).hexdigest()

    def path_of(self, name):
        return self.name + "/" + name

    def assert_stored(self, names, kinds=KINDS):
        """The bytes at each server, looked at beside oracxfs, are those that the catalogue calls verified there."""
        rows = self.fs.replicas()
        for kind in kinds:
            there = self.places[kind].objects(self.name)
            for name, digest in names.items():
                path = self.path_of(name)
                row = rows[(path, kind)]
                self.assertEqual((row["state"], row["sha256"]), ("verified", digest), row)
                self.assertEqual(there.get(path), digest, "%s at %s" % (path, kind))
            eventually(lambda: not self.places[kind].unfinished(), lambda: "nothing unfinished at %s: %r" % (kind, self.places[kind].unfinished()))


class AllActive(CloudTest):
    """cache_size 0: what is replicated is read from the providers."""

    SETTINGS = {"mount.cache_size": "0"}

    def test_when_cp_returns_all_five_hold_the_file_and_each_alone_can_give_it_back(self):
        names = {name: self.copy_in(size, name) for name, size in SIZES.items()}
        self.fs.await_verified(self.path_of("empty"))  # nobody waits for an empty file
        self.assert_stored(names)
        self.assertEqual(self.fs.status()["state"], "protected")
        for kind in KINDS:
            with self.subTest(kind):
                self.only_from(kind, names)
        for kind in KINDS:
            self.fs.await_state(kind, "active")

    def test_writer_that_goes_back_spoils_no_upload(self):
        """What was sent early is not what the file has in the end."""
        before = {kind: self.fs.provider(kind)["checksum_errors"] for kind in KINDS}
        sent = {kind: self.places[kind].gate.up for kind in NETWORK}
        data = bytearray(content(24 * MIB, self.name))
        with open(self.inside("f"), "wb", buffering=0) as file:
            file.write(data)
            for kind in NETWORK:
                eventually(lambda: self.places[kind].gate.up - sent[kind] > 9 * MIB, kind + " has begun")
            file.seek(5)
            file.write(b"changed")
        data[5:12] = b"changed"
        self.fs.await_verified(self.path_of("f"))
        self.assert_stored({"f": hashlib.sha256(data).hexdigest()})
        self.assertEqual({kind: self.fs.provider(kind)["checksum_errors"] for kind in KINDS}, before, "nobody is blamed")

    def only_from(self, kind, names):
        others = [place for other, place in self.places.items() if other != kind]
        eventually(lambda: not self.fs.staged(), lambda: "staging is empty: %r" % self.fs.staged())
        self.fs.stop()
        shutil.rmtree(os.path.join(self.fs.home, "cache"))
        for place in others:
            place.down()
        try:
            self.fs.start()
            for other in KINDS:
                if other != kind:
                    self.fs.await_state(other, "offline")
            target = os.path.join(self.fs.base, "target")
            before = self.places[kind].gate.down if kind in NETWORK else 0
            for name, digest in names.items():
                run("cp", self.inside(name), target)
                self.assertEqual(sha256(target), digest, "%s from %s" % (name, kind))
            if kind in NETWORK:
                self.assertGreater(self.places[kind].gate.down - before, sum(SIZES.values()), "it came from " + kind)
        finally:
            for place in others:
                place.up()


class Trouble(CloudTest):
    """One provider at a time has it. cp succeeds with the others, status tells what is wrong, and all is made up for."""

    SETTINGS = {"replication.sign_in_pause": "1s", "replication.full_pause": "1s", "replication.backoff": "200ms..2s"}

    @classmethod
    def make(cls):
        # Small file systems of their own can be filled up.
        if os.getuid() == 0:
            cls.CLOUD_OPTIONS = {kind: {"room": 512 * MIB} for kind in ("local", "sftp", "ftp")}
        return super().make()

    def setUp(self):
        super().setUp()
        for kind in KINDS:
            self.fs.await_state(kind, "active")
        self.fs.wait()

    def others(self, kind):
        return [other for other in KINDS if other != kind]

    def expect_degraded(self, kind, name, digest, *states):
        """cp has returned 0: the others have the file, and status tells about this one."""
        self.assert_stored({name: digest}, self.others(kind))
        seen = {}

        def is_known():  # and what is said of it, at the same moment
            seen["status"] = self.fs.status()
            seen["row"] = next(row for row in seen["status"]["providers"] if row["name"] == kind)
            return seen["row"]["state"] in states
        eventually(is_known, lambda: "%s is %s: %r" % (kind, "/".join(states), seen["row"]), harness.HANGS)
        row = seen["row"]
        self.assertEqual(seen["status"]["state"], "degraded")
        self.assertTrue(row["reason"].startswith("E-"), row)
        self.assertNotEqual(self.fs.states(self.path_of(name))[kind], "verified")
        return row

    def expect_repaired(self, names, seconds=harness.HANGS):
        for name in names:
            self.fs.await_verified(self.path_of(name), seconds=seconds)
        self.assert_stored(names)
        eventually(lambda: self.fs.status()["state"] == "protected", lambda: self.fs.status(), 10, 0.1)

    def in_trouble(self, kind, begin, end, states, reason, sizes=(200 * KIB, 9 * MIB)):
        """One file begins when nobody knows of the trouble yet, the other when it is known."""
        names = {}
        begin()
        ended = False
        try:
            for i, size in enumerate(sizes):
                name = "%s-%d" % (kind, i)
                names[name] = self.copy_in(size, name)
                row = self.expect_degraded(kind, name, names[name], *states)
                self.assertIn(row["reason"], reason)
            end()
            ended = True
            self.expect_repaired(names)
        finally:
            if not ended:
                end()

    def test_down(self):
        for kind in KINDS:
            with self.subTest(kind):
                self.in_trouble(kind, self.places[kind].down, self.places[kind].up, ("offline",), ("E-UNAVAILABLE", "E-DEADLINE"))

    def test_down_in_the_middle_of_a_file(self):
        size = 24 * MIB
        for kind in NETWORK:
            with self.subTest(kind):
                place, name = self.places[kind], "middle-" + kind
                data = read_file(self.source(size, name))
                place.gate.limit(20 * MIB)
                before = place.gate.up
                with open(self.inside(name), "wb", buffering=0) as file:
                    for at in range(0, size, MIB):
                        if at == size // 2:
                            eventually(lambda: place.gate.up - before > 4 * MIB, "the upload has begun")
                            place.down()
                        file.write(data[at:at + MIB])
                self.assertNotIn(self.path_of(name), place.objects(self.name), "nothing partial under the final name")
                digest = hashlib.sha256(data).hexdigest()
                self.expect_degraded(kind, name, digest, "offline")
                place.gate.limit(None)
                place.up()
                self.expect_repaired({name: digest})

    def test_frozen(self):
        """Connections stay, but nobody answers."""
        for kind in NETWORK:
            with self.subTest(kind):
                gate = self.places[kind].gate
                # Short, but not so short that a busy machine seems to be frozen.
                self.fs.cli("config", "set", "providers.%s.timeout" % kind, "%ds" % round(min(10.0, 3 * harness.patience())))
                self.fs.await_state(kind, "active")
                self.in_trouble(kind, gate.freeze, gate.thaw, ("offline",), ("E-UNAVAILABLE", "E-DEADLINE"))
                self.fs.cli("config", "set", "providers.%s.timeout" % kind, "20s")

    def test_signed_out(self):
        for kind in ("local", "sftp", "ftp"):
            with self.subTest(kind):
                place = self.places[kind]
                self.in_trouble(kind, place.lock_out, place.let_in, ("auth_needed",), ("E-AUTH", "E-DENIED"))
        for kind in CLOUDS:
            with self.subTest(kind):
                place = self.places[kind]
                self.in_trouble(kind, place.lock_out, lambda place=place: place.let_in(self.fs), ("auth_needed",), ("E-AUTH",))

    def test_full(self):
        for kind in KINDS:
            with self.subTest(kind):
                if kind not in CLOUDS and os.getuid() != 0:
                    self.skipTest("only root may make a small file system")
                self.in_trouble(kind, self.places[kind].fill_up, self.places[kind].empty, ("full",), ("E-QUOTA-FULL",))

    def test_slow(self):
        """A provider that takes 200 kB/s holds up nobody but itself."""
        size = 6 * MIB  # half a minute for it: the others are through before, also on a busy machine
        for kind in NETWORK:
            with self.subTest(kind):
                gate, name = self.places[kind].gate, "slow-" + kind
                source = self.source(size, name)
                self.fs.cli("config", "set", "providers.%s.timeout" % kind, "300s")  # slow is not gone
                self.addCleanup(self.fs.cli, "config", "set", "providers.%s.timeout" % kind, "20s")
                self.fs.await_state(kind, "active")
                gate.limit(200_000)
                before = gate.up
                copying = threading.Thread(target=run, args=("cp", source, self.inside(name)), daemon=True)
                copying.start()
                try:
                    self.fs_has(name)
                    self.fs.await_verified(self.path_of(name), self.others(kind))
                    self.assertLess(gate.up - before, size * 3 // 4, "the others were not held up by " + kind)
                    self.assertTrue(copying.is_alive(), "cp waits for the slow one")
                    self.assertNotEqual(self.fs.states(self.path_of(name))[kind], "verified")
                finally:
                    gate.limit(None)
                    copying.join(harness.HANGS * harness.patience())
                self.assertFalse(copying.is_alive())
                self.expect_repaired({name: sha256(source)})

    def fs_has(self, name):
        eventually(lambda: os.path.exists(self.inside(name)) and os.path.getsize(self.inside(name)), name + " is being written", 10)

    def test_throttled(self):
        """What the services ask for is kept to, and nobody waits for them meanwhile."""
        pause, names = round(32 * min(3.0, harness.patience())), {}  # all of this happens before it is over
        for kind in CLOUDS:
            self.places[kind].fault("throttle", times=0, retry_after=pause)
        self.addCleanup(lambda: [self.places[kind].ask("clear_faults") for kind in CLOUDS])
        begun = time.monotonic()
        for i, size in enumerate((200 * KIB, 9 * MIB)):
            names["f%d" % i] = self.copy_in(size, "f%d" % i)
        self.assertLess(time.monotonic() - begun, pause, "cp does not sit the pause out")
        self.assert_stored(names, [kind for kind in KINDS if kind not in CLOUDS])
        for kind in CLOUDS:
            self.fs.await_state(kind, "degraded")
            self.assertEqual(self.fs.provider(kind)["reason"], "E-THROTTLED")
            self.places[kind].ask("clear_faults")
            self.places[kind].forget_calls()
        self.assertEqual(self.fs.status()["state"], "degraded")
        self.too_many_at_the_ftp_server(names)
        for kind in CLOUDS:
            self.assertLess(sum(self.places[kind].calls().values()), 3, "%s is left alone: %r" % (kind, self.places[kind].calls()))
        self.expect_repaired(names)

    def too_many_at_the_ftp_server(self, names):
        gate = self.places["ftp"].gate
        gate.greeting = b"421 Too many connections, come back later.\r\n"
        self.addCleanup(setattr, gate, "greeting", None)
        gate.cut()
        names["g"] = self.copy_in(100 * KIB, "g")
        self.assert_stored({"g": names["g"]}, ("local", "sftp"))
        self.fs.await_state("ftp", "degraded", "offline")
        self.assertIn(self.fs.provider("ftp")["reason"], ("E-THROTTLED", "E-UNAVAILABLE"))
        gate.greeting = None

    def test_lying(self):
        """Stored bytes are not those that were sent: it is noticed before the copy counts, and it is sent again."""
        for kind, small, large in (("dropbox", "files/upload", "files/upload_session/append_v2"),
                                   ("google-drive", "upload.multipart", "upload.put")):
            for endpoint, size in ((small, 200 * KIB), (large, 9 * MIB)):
                with self.subTest(kind, endpoint=endpoint):
                    place, before = self.places[kind], self.places[kind].ask("stats")["fault_hits"]
                    place.fault("damage_store", endpoint, bytes=77)
                    self.caught_lying(kind, "%s-%d" % (kind, size), size)
                    self.assertEqual(place.ask("stats")["fault_hits"], before + 1)
        for kind in ("sftp", "ftp"):
            with self.subTest(kind):
                place = self.places[kind]
                place.gate.limit(4 * MIB)
                liar = Liar(place.folder)
                liar.start()
                try:
                    self.caught_lying(kind, kind, 9 * MIB)
                finally:
                    liar.stop()
                    place.gate.limit(None)
                self.assertGreater(liar.flips, 0)

    def caught_lying(self, kind, name, size):
        before = self.fs.provider(kind)["checksum_errors"]
        digest = self.copy_in(size, name)
        self.expect_repaired({name: digest})
        self.assertGreater(self.fs.provider(kind)["checksum_errors"], before)
        self.assertTrue([event for event in self.fs.events() if event["kind"] == "damaged" and event["provider"] == kind
                         and event["path"] == self.path_of(name)], self.fs.events())


class Tokens(MountTest):
    """Access tokens end; what was granted may be withdrawn."""

    SETTINGS = {"mount.cache_size": "0"}
    OPTIONS = ("--close-waits-for", "journal")
    READERS = 16

    @classmethod
    def make(cls):
        reason = Clouds.reason_to_skip(CLOUDS)
        if reason:
            raise unittest.SkipTest(reason)
        fs = Clouds(CLOUDS, settings=cls.SETTINGS)
        for kind in CLOUDS:
            fs.cli("config", "set", "providers.%s.connections" % kind, "16")
        return fs

    def test_many_requests_at_once_renew_the_token_once(self):
        for i in range(self.READERS):
            write_file(self.inside("f%d" % i), content(100 * KIB, i))
        self.fs.wait()
        eventually(lambda: not self.fs.staged(), lambda: "staging is empty: %r" % self.fs.staged())
        self.fs.stop()
        shutil.rmtree(os.path.join(self.fs.home, "cache"))
        self.fs.start(*self.OPTIONS)
        for kind in CLOUDS:
            with self.subTest(kind):
                self.fs.await_state(kind, "active")
                self.read_all_from(kind)

    def read_all_from(self, kind):
        place, failures = self.fs.places[kind], []
        place.ask("latency", ms=round(1000 * min(5.0, harness.patience())))  # all are under way before the first is answered
        place.ask("expire_tokens")
        place.forget_calls()
        before = place.ask("stats")["refreshes"]
        begin = threading.Barrier(self.READERS)

        def read(i):
            try:
                begin.wait(harness.HANGS)
                if read_file(self.fs.path(kind, self.name, "f%d" % i)) != content(100 * KIB, i):
                    failures.append("f%d is wrong" % i)
            except Exception as error:
                failures.append(repr(error))

        readers = [threading.Thread(target=read, args=(i,)) for i in range(self.READERS)]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        place.ask("latency", ms=0)
        stats = place.ask("stats")
        self.assertEqual(failures, [])
        refused = [request for request in place.ask("log")["log"] if request["status"] == 401]
        self.assertGreaterEqual(len(refused), 8, "many were under way with the old token")
        self.assertEqual(stats["refreshes"], before + 1)

    def test_withdrawn_access_waits_for_the_user_and_then_goes_on(self):
        for kind in CLOUDS:
            with self.subTest(kind):
                place, other = self.fs.places[kind], next(other for other in CLOUDS if other != kind)
                place.lock_out()
                for i in range(20):
                    write_file(self.inside("%s-%d" % (kind, i)), content(3000, i))
                self.fs.await_state(kind, "auth_needed")
                self.assertEqual(self.fs.provider(kind)["reason"], "E-AUTH")
                self.assertTrue([step for step in self.fs.status()["next"] if kind in step], self.fs.status()["next"])
                for i in range(20):
                    self.fs.await_verified("%s/%s-%d" % (self.name, kind, i), [other])
                place.forget_calls()
                self.fs.wait(expect=3)
                waiting = [row for (path, provider), row in self.fs.replicas().items() if provider == kind and row["state"] != "verified"]
                self.assertEqual(len(waiting), 20)
                self.assertEqual({row["state"] for row in waiting}, {"queued"})
                self.assertEqual(place.calls(), {}, "a service that refused is left alone")
                place.let_in(self.fs)
                self.fs.await_state(kind, "active")
                self.fs.wait()
                objects = place.objects(self.name)
                for i in range(20):
                    self.assertEqual(objects.get("%s/%s-%d" % (self.name, kind, i)), hashlib.sha256(content(3000, i)).hexdigest())


if __name__ == "__main__":
    harness.main(570)
