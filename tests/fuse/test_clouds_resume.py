"""Large uploads that kill -9 interrupts: each goes on where it was, at every kind of network provider.

    ORACXFS_SEED=N    replays the choices (where exactly an upload is when it is killed stays a matter of timing)
    ORACXFS_KILLS=N   of the daemon in each upload, instead of 2
"""

import hashlib
import os
import random
import shutil
import signal
import unittest

import harness
from clouds import CLOUDS, Clouds
from harness import MIB, content, eventually, kill, wait_gone, write_file

SIZE = 300 * MIB
KILLS = int(os.environ.get("ORACXFS_KILLS", "2"))
RATE = 60 * MIB  # of the line
SENT_MAX = 1.15 + 0.05 * max(0, KILLS - 2)


class Interrupted(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.seed = harness.seed()
        piece = content(MIB, cls.seed)
        cls.data = b"".join(piece[at:] + piece[:at] for at in range(SIZE // MIB))
        cls.digest = hashlib.sha256(cls.data).hexdigest()

    def interrupted(self, kind, sealed):
        """`sealed`: the upload begins when the file is complete; else while it is being written."""
        reason = Clouds.reason_to_skip((kind,))
        if reason:
            self.skipTest(reason)
        dice = random.Random("%d/%s/%s" % (self.seed, kind, sealed))
        with Clouds((kind,)) as fs:
            place, source = fs.places[kind], os.path.join(fs.base, "source")
            write_file(source, self.data)
            fs.start("--close-waits-for", "journal")
            fs.await_state(kind, "active")
            place.gate.limit(RATE // 30)  # hardly anything is through when the copy has ended
            if sealed:
                place.down()
                write_file(fs.path("first"), b"so that it is known to be down")
                fs.await_state(kind, "offline")
            sent = lambda: place.bytes_received() if kind in CLOUDS else place.gate.up
            before, begin = sent(), place.gate.up
            points = sorted(dice.uniform(0.1, 0.9) for _ in range(KILLS))
            place.gate.hold_at(begin + SIZE * points[0])
            shutil.copyfile(source, fs.path("big"))
            os.unlink(source)
            if sealed:
                place.up()
            place.gate.limit(RATE)
            for number, point in enumerate(points):
                pid = fs.pid()
                eventually(place.gate.is_held, lambda: "%d %% are sent: %d of %d, %r" % (
                    100 * point, place.gate.up - begin, SIZE, fs.provider(kind)), harness.HANGS, 0.005)
                self.assertTrue(kill(pid, signal.SIGKILL))
                self.assertTrue(wait_gone(pid, 20))
                fs.detach()
                place.gate.release()  # what was on its way arrives
                self.assertNotIn("big", place.objects(), "nothing partial under the final name after kill %d" % (number + 1))
                if number + 1 < KILLS:
                    place.gate.hold_at(begin + SIZE * points[number + 1])
                fs.start("--close-waits-for", "journal")
            fs.await_verified("big")
            total = sent() - before
            print("%s%s: killed at %s; %.3f times its size was sent" % (
                kind, " (sealed)" if sealed else "", ", ".join("%d %%" % (100 * point) for point in points), total / SIZE), flush=True)
            objects = place.objects()
            objects.pop("first", None)
            self.assertEqual(objects, {"big": self.digest})
            self.assertLessEqual(total, SIZE * SENT_MAX, "it went on where it was")
            eventually(lambda: not place.unfinished(), lambda: "nothing is left over: %r" % place.unfinished(), 20)
            if kind in CLOUDS:
                self.assertEqual(place.ask("tree")["open_sessions"], 0)
            rows = fs.replicas()
            self.assertEqual((rows[("big", kind)]["sha256"], rows[("big", kind)]["state"]), (self.digest, "verified"))

    def test_sftp_while_it_is_written(self):
        self.interrupted("sftp", False)

    def test_ftp_while_it_is_written(self):
        self.interrupted("ftp", False)

    def test_dropbox_while_it_is_written(self):
        self.interrupted("dropbox", False)

    def test_dropbox_complete_file_in_parallel_pieces(self):
        self.interrupted("dropbox", True)

    def test_google_drive_while_it_is_written(self):
        self.interrupted("google-drive", False)


if __name__ == "__main__":
    harness.main(370)
