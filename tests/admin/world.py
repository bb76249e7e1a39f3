"""Starts an oracxfs with a web admin, real servers and emulated clouds for the tests in the browser, which ask for one thing
with one line of JSON and get one line of JSON. Ends when the questions end, and takes everything with it."""

import json
import os
import signal
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fuse"))

import clouds
import harness
import thousands
from admin_client import PASSWORD, Browser, backed_up
from clouds import Clouds
from gate import Gate
from harness import free_port, kill, write_file


class World:
    def __init__(self):
        self.fs = None

    # kinds: providers to begin with; password: as after the first start; sources: something to back up; history: hours ago of
    # backups that were made before (needs faketime); names: {kind: another name}; folders: names of further local places
    def start(self, kinds=(), settings=None, password=True, sources=True, options=None, history=(), names=None, folders=()):
        wanted = [kind for kind in kinds]
        reason = harness.reason_to_skip() or Clouds.reason_to_skip(wanted)
        if reason:
            return {"skip": reason}
        self.fs = Clouds(wanted, dict(settings or {}), options or {})
        self.port = free_port()
        self.fs.environment.pop("ORACXFS_ADMIN_ENABLED", None)
        self.fs.cli("config", "set", "admin.listen", json.dumps(["127.0.0.1:%d" % self.port, "[::1]:%d" % self.port]))
        self.source = os.path.join(self.fs.base, "source")
        os.makedirs(os.path.join(self.source, "documents", "2026"))
        write_file(os.path.join(self.source, "notes.txt"), b"what matters\n" * 40)
        write_file(os.path.join(self.source, "documents", "letter.txt"), b"Dear reader\n")
        write_file(os.path.join(self.source, "documents", "2026", "table.csv"), b"a;b;c\n" * 500)
        write_file(os.path.join(self.source, "documents", "<img src=x onerror=alert(1)>.txt"), b"harmless\n")
        base = sqlite3.connect(os.path.join(self.source, "app.db"))
        base.execute("create table t (x)")
        base.executemany("insert into t values (?)", [(n,) for n in range(1000)])
        base.commit()
        base.close()
        if sources:
            self.fs.cli("config", "set", "backup.sources", json.dumps(
                [{"kind": "sqlite", "path": os.path.join(self.source, "app.db")}, {"kind": "tree", "path": self.source, "exclude": ["app.db*"]}]))
        self.past(history)
        for old, new in (names or {}).items():
            self.fs.cli("providers", "rename", old, new)
        for name in folders:
            self.fs.add_local(name)
        self.fs.start()
        if password:
            self.set_password()
        return {"port": self.port, "base": self.fs.base, "source": self.source, "password": PASSWORD, "mount": self.fs.mount}

    # Certificates of today are not valid yet in the past: only places without one take part in it.
    def past(self, hours_ago):
        if not hours_ago:
            return
        later = [kind for kind in self.fs.places if kind not in ("local", "sftp")]
        for kind in later:
            self.fs.cli("providers", "disable", kind)
        table = os.path.join(self.source, "documents", "2026", "table.csv")
        for hours in sorted(hours_ago, reverse=True):
            write_file(table, harness.content(int(2_600_000 - hours * 900)))
            environment = {**self.fs.environment, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
            harness.run("faketime", "-f", "-%dm" % round(hours * 60), harness.binary(), "sync", env=environment, cwd=self.fs.base)
        for kind in later:
            self.fs.cli("providers", "enable", kind)

    def set_password(self):
        path = os.path.join(self.fs.base, "password")
        write_file(path, PASSWORD.encode() + b"\n")
        self.fs.cli("admin", "password", "--password-file", path)
        return {}

    def code(self):
        return {"code": self.fs.ask("admin", "code")["data"]["code"]}

    def cli(self, words, check=False):
        done = self.fs.cli(*words, check=check)
        return {"exit": done.returncode, "out": done.stdout.decode(errors="replace"), "err": done.stderr.decode(errors="replace")}

    def ask(self, words):
        return self.fs.ask(*words)

    # A backup from beginning to end, asked for as a program would.
    def backup(self, label=""):
        return backed_up(Browser(self.port).sign_in(), label)

    # The one backup becomes so many; the daemon is restarted.
    def multiply(self, count, broken_every=0):
        for kind, place in self.fs.places.items():
            self.fs.folders.setdefault(kind, place.folder)
        self.fs.stop()
        names = thousands.multiply(self.fs, count, broken_every)
        self.fs.start()
        return {"newest": names[0], "oldest": names[-1]}

    def write(self, path, text):
        path = os.path.join(self.fs.base, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        write_file(path, text.encode())
        return {"path": path}

    def read(self, path):
        with open(os.path.join(self.fs.base, path), "rb") as file:
            return {"text": file.read().decode(errors="replace")}

    def exists(self, path):
        return {"exists": os.path.exists(os.path.join(self.fs.base, path))}

    # The file of this name somewhere below a folder.
    def find(self, folder, name):
        for where, _, files in os.walk(os.path.join(self.fs.base, folder)):
            if name in files:
                return self.read(os.path.join(where, name))
        return {"text": None}

    def mkdir(self, path):
        path = os.path.join(self.fs.base, path)
        os.makedirs(path, exist_ok=True)
        return {"path": path}

    # --- places ---

    def down(self, kind):
        self.fs.places[kind].down()
        return {}

    def up(self, kind):
        self.fs.places[kind].up()
        return {}

    def lock_out(self, kind):
        self.fs.places[kind].lock_out()
        return {}

    # One bit of the newest package at a place with files on this machine.
    def damage(self, kind):
        folder = self.fs.places[kind].folder
        name = sorted(name for name in os.listdir(folder) if name.endswith(".zip"))[-1]
        with open(os.path.join(folder, name), "r+b") as file:
            file.seek(-30, os.SEEK_END)
            byte = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte[0] ^ 1]))
        return {"name": name}

    # A server of this kind that no provider uses yet: what one has to type to connect it.
    def server(self, kind):
        fs = self.fs
        if kind == "sftp":
            self.sshd = harness.Sshd(os.path.join(fs.base, "another-sshd"))
            fs.servers["another-sshd"] = self.sshd
            return {"host": "127.0.0.1", "port": self.sshd.port, "user": self.sshd.user, "folder": self.sshd.folder, "key": self.sshd.key}
        if kind == "ftp":
            folder = os.path.join(fs.base, "another-ftp")
            self.ftpd = clouds.Ftpd(os.path.join(fs.base, "another-ftpd"), folder)
            fs.servers["another-ftpd"] = self.ftpd
            self.ftpd.thaw = lambda: None
            self.gate = Gate({port: ("127.0.0.2", port) for port in range(self.ftpd.port, self.ftpd.port + 1 + clouds.Ftpd.PASSIVE)})
            return {"host": "127.0.0.1", "port": self.ftpd.port, "user": clouds.Ftpd.USER, "password": self.ftpd.password,
                    "folder": "/" if os.getuid() == 0 else folder, "ca_file": self.ftpd.ca_file}
        return fs.start_emulators().introduction[kind]

    # Another host key on the same port, as after a reinstallation.
    def new_host_key(self, kind="sftp"):
        server = self.fs.places[kind].server if kind in self.fs.places else self.sshd
        server.stop()
        for name in ("hk", "hk.pub"):
            os.unlink(os.path.join(server.base, name))
        harness.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", os.path.join(server.base, "hk"))
        server.start()
        shown = harness.run("ssh-keygen", "-lf", os.path.join(server.base, "hk.pub")).stdout.decode().split()[1]
        return {"fingerprint": shown}

    def emulator(self, service, command, **arguments):
        return self.fs.start_emulators().ask(service, command, **arguments)

    # --- the daemon ---

    def stop_daemon(self):
        self.fs.stop()
        return {}

    def start_daemon(self):
        self.fs.start()
        return {}

    def kill_daemon(self):
        self.fs.kill()
        return {}

    def freeze_daemon(self):
        kill(self.fs.pid(), signal.SIGSTOP)
        return {}

    def thaw_daemon(self):
        kill(self.fs.pid(), signal.SIGCONT)
        return {}

    def resident(self):
        with open("/proc/%d/status" % self.fs.pid()) as file:
            return {"bytes": int(next(line for line in file if line.startswith("VmRSS:")).split()[1]) * 1024}

    def log(self):
        return {"text": self.fs.log_tail()}

    def close(self):
        if self.fs:
            self.fs.close()
            self.fs = None
        return {}


def main():
    world = World()
    try:
        for line in sys.stdin:
            question = json.loads(line)
            try:
                answer = {"ok": True, "answer": getattr(world, question.pop("do"))(**question)}
            except Exception as error:  # told to the test, which fails with it
                answer = {"ok": False, "error": "%s: %s" % (type(error).__name__, error)}
            print(json.dumps(answer), flush=True)
    finally:
        world.close()


if __name__ == "__main__":
    main()
