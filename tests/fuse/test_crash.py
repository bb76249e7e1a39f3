"""kill -9 of the daemon under load, again and again. After each start everything that was acknowledged is there, in the
mount and at every provider; what was under way has happened or not, but never half.

    ORACXFS_SEED=N    replays the choices (the moment of the kill stays a matter of timing)
    ORACXFS_ROUNDS=N  instead of 50 (10 with ORACXFS_QUICK=1)
"""

import hashlib
import os
import random
import signal
import threading
import time
import unittest

import harness
from harness import KIB, MIB, Oracxfs, eventually, leftovers, tree, write_file

ROUNDS = int(os.environ.get("ORACXFS_ROUNDS", "10" if harness.QUICK else "50"))
ABSENT = None


class Writer(threading.Thread):
    """Works in a folder of its own until the daemon dies. For each name it knows which states are possible: one, while
    nothing is under way, and the old and the new one, while an operation is."""

    def __init__(self, folder, dice):
        super().__init__(daemon=True)
        self.folder, self.dice = folder, dice
        self.possible = {}   # name -> set of sha256, or ABSENT
        self.ever = {}       # name -> contents that were acknowledged or under way at some time
        self.acknowledged = 0
        self.error = None
        self.count = 0
        self.ready = threading.Event()

    def run(self):
        try:
            os.mkdir(self.folder)
            self.ready.set()
            while True:
                self.dice.choice([self.create, self.create, self.create, self.overwrite, self.replace, self.rename,
                                  self.rename_over, self.delete])()
                self.acknowledged += 1
        except OSError as error:
            self.error = error  # the daemon is gone
        finally:
            self.ready.set()

    def path(self, name):
        return os.path.join(self.folder, name)

    def settled(self):
        return [name for name, states in self.possible.items() if len(states) == 1 and ABSENT not in states]

    def state(self, name):
        (only,) = self.possible.get(name, {ABSENT})
        return only

    def data(self):
        size = self.dice.choice([1, 100, 4096, 20 * KIB, 200 * KIB, 200 * KIB, MIB, 6 * MIB])
        data = self.dice.randbytes(min(size, 64 * KIB))
        return (data * (size // len(data) + 1))[:size]

    def begin(self, name, state):
        old = self.possible.get(name, {ABSENT})
        self.possible[name] = old | {state}
        self.ever.setdefault(name, set()).add(state)

    def end(self, name, state):
        self.possible[name] = {state}

    def write(self, name, data, flags):
        fd = os.open(self.path(name), os.O_WRONLY | flags, 0o644)
        try:
            for at in range(0, len(data), 128 * KIB):
                os.write(fd, data[at:at + 128 * KIB])
        except OSError:
            try:
                os.close(fd)
            except OSError:
                pass
            raise
        os.close(fd)  # the promise

    def create(self):
        self.count += 1
        name, data = "f%d" % self.count, self.data()
        state = hashlib.sha256(data).hexdigest()
        self.begin(name, state)
        self.write(name, data, os.O_CREAT | os.O_EXCL)
        self.end(name, state)

    def overwrite(self):
        if not self.settled():
            return self.create()
        name, data = self.dice.choice(self.settled()), self.data()
        state = hashlib.sha256(data).hexdigest()
        self.begin(name, state)
        self.write(name, data, os.O_TRUNC)
        self.end(name, state)

    def replace(self):
        """As programs do that mean well: a temporary name, then rename."""
        if not self.settled():
            return self.create()
        name, data = self.dice.choice(self.settled()), self.data()
        state = hashlib.sha256(data).hexdigest()
        temporary = ".goutputstream-%d" % self.count
        self.count += 1
        self.possible[temporary] = {ABSENT, state}
        self.ever[temporary] = {state}
        self.write(temporary, data, os.O_CREAT | os.O_EXCL)
        self.begin(name, state)
        os.rename(self.path(temporary), self.path(name))
        self.end(temporary, ABSENT)
        self.end(name, state)

    def rename(self):
        if not self.settled():
            return self.create()
        old = self.dice.choice(self.settled())
        self.count += 1
        new, state = "r%d" % self.count, self.state(old)
        self.begin(old, ABSENT)
        self.begin(new, state)
        os.rename(self.path(old), self.path(new))
        self.end(old, ABSENT)
        self.end(new, state)

    def rename_over(self):
        if len(self.settled()) < 2:
            return self.create()
        old, new = self.dice.sample(self.settled(), 2)
        state = self.state(old)
        self.begin(old, ABSENT)
        self.begin(new, state)
        os.rename(self.path(old), self.path(new))
        self.end(old, ABSENT)
        self.end(new, state)

    def delete(self):
        if len(self.settled()) < 4:
            return self.create()
        name = self.dice.choice(self.settled())
        self.begin(name, ABSENT)
        os.unlink(self.path(name))
        self.end(name, ABSENT)


class KillNine(unittest.TestCase):
    def test_acknowledged_operations_survive(self):
        seed = harness.seed()
        with Oracxfs(("a", "b")) as fs:
            self.fs = fs
            self.checked = {}
            operations = 0
            for number in range(ROUNDS):
                operations += self.round(number, random.Random("%d/%d" % (seed, number)))
            print("%d rounds, %d acknowledged operations" % (ROUNDS, operations))
            self.assertGreater(operations, ROUNDS, "there was load")
            # Nothing that was checked in an earlier round has changed since.
            fs.start()
            fs.wait()
            for folder, before in self.checked.items():
                self.assertEqual(tree(fs.path(folder)), before, folder)
                for provider in fs.folders:
                    there = tree(fs.at(provider, folder))
                    # A temporary name stays on this machine.
                    wanted = {name: value for name, value in before.items() if not name.startswith(".goutputstream")}
                    self.assertEqual({name: there.get(name) for name in wanted}, wanted, "%s at %s" % (folder, provider))
            self.assertEqual(fs.ask("replicas", check=False)["ok"], True)

    def test_what_the_kernel_remembers_of_a_dead_mount_does_not_hinder_the_next(self):
        with Oracxfs(("a",)) as fs:
            fs.start()
            os.stat(fs.mount)
            pid = fs.pid()
            os.kill(pid, signal.SIGKILL)
            self.assertTrue(harness.wait_gone(pid, 20))
            self.assertTrue(os.stat(fs.mount), "as if it were alive")
            done = fs.cli("mount", fs.mount, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(b"a dead mount at", done.stderr)
            write_file(fs.path("f"), b"alive")
            os.stat(fs.mount)
            pid = fs.pid()
            os.kill(pid, signal.SIGKILL)
            self.assertTrue(harness.wait_gone(pid, 20))
            self.assertIn(b"detached", fs.cli("unmount", fs.mount).stdout)
            self.assertFalse(os.path.ismount(fs.mount))

    def round(self, number, dice):
        mode = dice.choice(["all", "journal", "all"])
        self.fs.start("--close-waits-for", mode)
        writers = [Writer(self.fs.path("round%d-%d" % (number, i)), random.Random(dice.random())) for i in range(3)]
        for writer in writers:
            writer.start()
        for writer in writers:
            self.assertTrue(writer.ready.wait(harness.HANGS))
        time.sleep(dice.choice([0.05, 0.2, 0.5, 1.0]) * dice.random() * min(4.0, harness.patience()))
        self.fs.kill()
        for writer in writers:
            writer.join(harness.HANGS)
            self.assertFalse(writer.is_alive(), "a writer hangs after the daemon's death")
        where = "round %d (%s): " % (number, mode)

        self.fs.start("--close-waits-for", mode)
        self.fs.wait()
        for writer in writers:
            self.verify(where, writer)
        for provider, folder in self.fs.folders.items():
            eventually(lambda f=folder: not leftovers(f), lambda f=folder: where + "left over: %r" % leftovers(f), 30)
        self.fs.kill()
        return sum(writer.acknowledged for writer in writers)

    def verify(self, where, writer):
        name_of = os.path.relpath(writer.folder, self.fs.mount)
        if not os.path.isdir(writer.folder):
            self.assertEqual(writer.acknowledged, 0, where + name_of + " is gone")
            return
        shown = tree(writer.folder)
        for name, states in writer.possible.items():
            found = shown.get(name, (0, ABSENT))[1]
            self.assertIn(found, states, "%s%s/%s: %r in the mount; error %r" % (where, name_of, name, shown.get(name), writer.error))
        self.assertLessEqual(set(shown), set(writer.possible), where + "names from nowhere")
        wanted = {name: value for name, value in shown.items() if not name.startswith(".goutputstream")}
        for provider in self.fs.folders:
            there = tree(self.fs.at(provider, name_of)) if os.path.isdir(self.fs.at(provider, name_of)) else {}
            for name, value in wanted.items():
                if there.get(name) != value:
                    path = name_of + "/" + name
                    self.fail("%s%s at %s: %r instead of %r\nreplicas: %r\nevents: %r\n%s" % (
                        where, path, provider, there.get(name), value,
                        {key: row for key, row in self.fs.replicas().items() if key[0] == path},
                        [event for event in self.fs.events() if event.get("path", "").startswith(name_of)], self.fs.log_tail()))
            # What was deleted is still there for a while; it is whole, then.
            for name in set(there) - set(wanted):
                self.assertIn(name, writer.ever, "%s%s/%s at %s is from nowhere" % (where, name_of, name, provider))
                self.assertIn(there[name][1], writer.ever[name], "%s%s/%s at %s is not whole" % (where, name_of, name, provider))
        self.checked[name_of] = shown


if __name__ == "__main__":
    harness.main(560)
