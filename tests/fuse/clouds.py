"""Providers of all five kinds for tests of the mount: a folder, real OpenSSH, real ProFTPD over TLS, emulated Dropbox and
Google Drive. A gate stands in front of each server, so that it can be unreachable, slow and counted from outside.

Each place has the same handles, whatever its kind: what it holds, and what can be wrong with it.
"""

import grp
import json
import os
import pwd
import shutil
import socket
import subprocess
import threading
import time

import harness
from gate import Gate
from harness import Oracxfs, Sshd, end_at_once, eventually, leftovers, run, tree, write_file
from sshd import claim_port

KINDS = ("local", "sftp", "ftp", "dropbox", "google-drive")
NETWORK = KINDS[1:]
CLOUDS = KINDS[3:]


def free_ports(count):
    """Neighbours that nobody uses on any loopback address."""
    for _ in range(200):
        first = harness.free_port()
        if not all(claim_port(port) for port in range(first + 1, first + count)):
            continue
        probes = []
        try:
            for port in range(first, first + count):
                for host in ("127.0.0.1", "127.0.0.2"):
                    probe = socket.socket()
                    probes.append(probe)
                    probe.bind((host, port))
            return first
        except OSError:
            continue
        finally:
            for probe in probes:
                probe.close()
    raise RuntimeError("no free ports")


# --- the emulated clouds --------------------------------------------------------------------------------------------------

class Emulators:
    """The program `cloud_emulators`; one line of JSON for each question."""

    @staticmethod
    def program():
        return os.environ.get("ORACXFS_CLOUD_EMULATORS") or os.path.join(os.path.dirname(harness.binary()), "cloud_emulators")

    def __init__(self, base, *options):
        self.base = base
        os.makedirs(base, mode=0o700, exist_ok=True)
        with open(os.path.join(base, "log"), "ab") as log:
            self.process = subprocess.Popen([self.program(), base] + [str(word) for word in options], stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, stderr=log)
        self._lock = threading.Lock()
        first = self.process.stdout.readline()
        if not first:
            raise RuntimeError("cloud_emulators ended: exit %r" % self.process.wait(10))
        self.introduction = json.loads(first)

    def ask(self, service, command, **arguments):
        line = json.dumps({"cmd": command, "service": service, **arguments}) + "\n"
        with self._lock:
            self.process.stdin.write(line.encode())
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError("cloud_emulators is gone")
        answer = json.loads(answer)
        if not answer.pop("ok"):
            raise RuntimeError("%s at %s: %s" % (command, service, answer["error"]))
        return answer

    def close(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()


# --- a real FTP server ----------------------------------------------------------------------------------------------------

class Ftpd:
    """ProFTPD with TLS on 127.0.0.2; its gate has the same ports on 127.0.0.1, so that also data connections pass it."""

    USER = "backup"
    PASSIVE = 24

    def __init__(self, base, folder):
        self.base, self.folder = base, folder
        os.makedirs(base, mode=0o711, exist_ok=True)
        os.makedirs(folder, exist_ok=True)
        self.port = free_ports(1 + self.PASSIVE)
        self.password = "hemligt-losenord"
        self.ca_file = os.path.join(base, "cert.pem")
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
            "/CN=test", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", os.path.join(base, "key.pem"),
            "-out", self.ca_file)
        self.set_password(self.password)
        self._write_configuration()
        with open(os.path.join(base, "log"), "ab") as log:
            self.process = subprocess.Popen([self._find("/usr/sbin/proftpd"), "-n", "-q", "-c", os.path.join(base, "conf")],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)

        def answers():
            if self.process.poll() is not None:
                raise RuntimeError("proftpd ended: " + harness.read_file(os.path.join(self.base, "log")).decode())
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.2", self.port)) == 0
        eventually(answers, "proftpd listens", 10)

    @staticmethod
    def _find(path):
        """The packages of FTP servers exclude one another, so they are unpacked rather than installed."""
        beside = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(harness.binary()))), "ftp-servers")
        for root in (os.environ.get("ORACXFS_FTP_SERVERS") or "", beside, ""):
            if os.access(root + path, os.R_OK):
                return root + path
        return None

    @classmethod
    def available(cls):
        return bool(cls._find("/usr/sbin/proftpd") and cls._find("/usr/lib/proftpd/mod_tls.so") and shutil.which("openssl"))

    def set_password(self, password):
        """What the server wants from the next sign-in on."""
        hashed = run("openssl", "passwd", "-6", "-stdin", stdin=None, input=password.encode()).stdout.decode().strip()
        path = os.path.join(self.base, "passwd")
        write_file(path + ".new", ("%s:%s:%d:%d::%s:/bin/false\n" % (self.USER, hashed, os.getuid(), os.getgid(), self.folder)).encode())
        os.chmod(path + ".new", 0o600)
        os.rename(path + ".new", path)

    def _write_configuration(self):
        base = self.base
        lines = ["ServerType standalone", "ServerName test", "DefaultAddress 127.0.0.2", "SocketBindTight on", "Port %d" % self.port,
                 "ModulePath " + os.path.dirname(self._find("/usr/lib/proftpd/mod_tls.so")), "LoadModule mod_tls.c",
                 "LoadModule mod_digest.c", "User " + pwd.getpwuid(os.getuid()).pw_name, "Group " + grp.getgrgid(os.getgid()).gr_name,
                 "PidFile %s/pid" % base, "ScoreboardFile %s/score" % base, "DelayTable none", "SystemLog %s/log" % base,
                 "TransferLog none", "WtmpLog off", "UseReverseDNS off", "UseIPv6 off", "AuthOrder mod_auth_file.c",
                 "AuthUserFile %s/passwd" % base, "RequireValidShell off", "RootLogin on", "Umask 022", "AllowOverwrite on",
                 "AllowStoreRestart on", "PassivePorts %d %d" % (self.port + 1, self.port + self.PASSIVE), "TLSEngine on",
                 "TLSRequired on", "TLSProtocol TLSv1.2 TLSv1.3", "TLSECCertificateFile %s/cert.pem" % base,
                 "TLSECCertificateKeyFile %s/key.pem" % base, "TLSVerifyClient off", "TLSLog %s/tls.log" % base, "DigestEngine on",
                 "DigestAlgorithms all", "DigestMaxSize 10 Gb", "DigestCache off"]
        if os.getuid() == 0:
            lines.append("DefaultRoot " + self.folder)  # only root may lock an account into its folder
        write_file(os.path.join(base, "conf"), ("\n".join(lines) + "\n").encode())

    def stop(self):
        end_at_once(self.process)


class Liar(threading.Thread):
    """Damages an upload on the server's disk while it arrives: always the newest byte, until the upload is gone."""

    def __init__(self, folder):
        super().__init__(daemon=True)
        self.folder, self.flips, self.ended = folder, 0, False

    def run(self):
        while not self.ended:
            for path in leftovers(self.folder):
                try:
                    with open(path, "r+b", buffering=0) as file:
                        self.spoil(path, file)
                    return
                except FileNotFoundError:
                    continue
            time.sleep(0.0005)

    def spoil(self, path, file):
        seen, inode = 0, os.fstat(file.fileno()).st_ino
        while not self.ended:
            try:
                if os.stat(path).st_ino != inode:
                    return
            except FileNotFoundError:
                return
            size = os.fstat(file.fileno()).st_size
            if size == seen:
                time.sleep(0.0001)
                continue
            byte = os.pread(file.fileno(), 1, size - 1)
            os.pwrite(file.fileno(), bytes([byte[0] ^ 0x55]), size - 1)
            seen = size
            self.flips += 1

    def stop(self):
        self.ended = True
        self.join(10)


class Door(Gate):
    """A gate that stands still by itself when so many bytes have come from the clients: whoever is to do something in the middle
    of an upload comes in time, however busy the machine is."""

    def __init__(self, ports):
        self._up, self._mark = 0, None
        super().__init__(ports)

    @property
    def up(self):
        return self._up

    @up.setter
    def up(self, count):
        self._up = count
        if self._mark is not None and count >= self._mark:
            self.freeze()

    def hold_at(self, count):
        self._mark = count

    def is_held(self):
        return self._mark is not None and self._up >= self._mark

    def release(self):
        self._mark = None
        self.thaw()


# --- places ---------------------------------------------------------------------------------------------------------------

class Place:
    """One provider of a test, named like its kind."""

    gate = None

    def __init__(self, kind):
        self.kind = kind

    def objects(self, folder=""):
        """{path: sha256} of the files that somebody else would see there, in one folder and below."""
        raise NotImplementedError

    def unfinished(self):
        return []

    def down(self):
        self.gate.shut()

    def up(self):
        self.gate.open()

    def close(self):
        if self.gate:
            self.gate.close()


class FolderPlace(Place):
    """Its files lie in a folder of this machine; `room`: on a file system of its own of so many bytes."""

    def __init__(self, kind, base, room=None):
        super().__init__(kind)
        self.volume = os.path.join(base, "volume-" + kind)
        os.mkdir(self.volume)
        self.mounted = False
        if room:
            run("mount", "-t", "tmpfs", "-o", "mode=755,size=%d" % room, "tmpfs", self.volume)
            self.mounted = True
        self.folder = os.path.join(self.volume, "folder")
        os.mkdir(self.folder)

    def objects(self, folder=""):
        return {os.path.join(folder, name): seen[1] for name, seen in tree(os.path.join(self.folder, folder)).items() if seen is not None}

    def unfinished(self):
        return leftovers(self.folder)

    def put(self, path, data):
        """As somebody else."""
        target = os.path.join(self.folder, path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        write_file(target, data)

    def remove(self, path):
        os.unlink(os.path.join(self.folder, path))

    def fill_up(self, leave=0):
        balloon = os.path.join(self.volume, "balloon")
        with open(balloon, "wb") as file:
            space = os.statvfs(self.volume)
            os.posix_fallocate(file.fileno(), 0, space.f_bavail * space.f_frsize - leave)

    def empty(self):
        os.unlink(os.path.join(self.volume, "balloon"))

    def close(self):
        super().close()
        if self.mounted:
            run("umount", "-l", self.volume, check=False)


class LocalPlace(FolderPlace):
    def __init__(self, fs, room=None):
        super().__init__("local", fs.base, room)
        self.add(fs)

    def add(self, fs):
        fs.cli("local", "--name", "local", "--path", self.folder)

    def down(self):
        os.rename(self.folder, self.folder + ".away")

    def up(self):
        os.rename(self.folder + ".away", self.folder)

    def lock_out(self):
        run("chattr", "+i", self.folder) if os.getuid() == 0 else os.chmod(self.folder, 0o555)

    def let_in(self):
        run("chattr", "-i", self.folder) if os.getuid() == 0 else os.chmod(self.folder, 0o755)


class SftpPlace(FolderPlace):
    def __init__(self, fs, room=None):
        super().__init__("sftp", fs.base, room)
        self.server = Sshd(os.path.join(fs.base, "sshd"))
        port = harness.free_port()
        self.gate = Door({port: ("127.0.0.1", self.server.port)})
        self.keys = os.path.join(self.server.base, "id.pub")
        self.port = port
        self.add(fs)

    def add(self, fs):
        fs.cli("sftp", "--name", "sftp", "--host", "127.0.0.1", "--port", str(self.port), "--user", self.server.user, "--folder",
               self.folder, "--key", self.server.key, "--host-key", self.server.host_key)

    def lock_out(self):
        os.rename(self.keys, self.keys + ".away")
        self.gate.cut()

    def let_in(self):
        os.rename(self.keys + ".away", self.keys)

    def close(self):
        super().close()
        self.server.stop()


class FtpPlace(FolderPlace):
    def __init__(self, fs, room=None):
        super().__init__("ftp", fs.base, room)
        self.server = Ftpd(os.path.join(fs.base, "ftpd"), self.folder)
        ports = range(self.server.port, self.server.port + 1 + Ftpd.PASSIVE)
        self.gate = Door({port: ("127.0.0.2", port) for port in ports})
        self.add(fs)

    def add(self, fs):
        word = os.path.join(fs.base, "ftp-password")
        write_file(word, self.server.password.encode() + b"\n")
        os.chmod(word, 0o600)
        fs.cli("ftp", "--name", "ftp", "--host", "127.0.0.1", "--port", str(self.server.port), "--user", Ftpd.USER, "--folder",
               "/" if os.getuid() == 0 else self.folder, "--password-file", word, "--ca-file", self.server.ca_file)

    def lock_out(self):
        self.server.set_password("another-password")
        self.gate.cut()

    def let_in(self):
        self.server.set_password(self.server.password)

    def close(self):
        super().close()
        self.server.stop()


class CloudPlace(Place):
    """A service of the emulators. Paths are inside the provider's folder."""

    def __init__(self, kind, fs):
        super().__init__(kind)
        self.emulators = fs.start_emulators()
        self.about = dict(self.emulators.introduction[kind])
        port = harness.free_port()
        server = int(self.about["base_url"].rsplit(":", 1)[1])
        self.gate = Door({port: ("127.0.0.1", server)})
        self.base_url = "https://localhost:%d" % port

    def ask(self, command, **arguments):
        return self.emulators.ask(self.kind, command, **arguments)

    def inside(self, path):
        return "ORACXPRED/" + path

    def fault(self, kind, endpoint="*", **arguments):
        return self.ask("fault", kind=kind, endpoint=endpoint, **arguments)

    def calls(self):
        """{endpoint: requests} since forget_calls()."""
        return self.ask("stats")["counts"]

    def forget_calls(self):
        self.ask("clear_log")

    def bytes_received(self):
        return self.ask("stats")["bytes_received"]

    def put(self, path, data, **arguments):
        file = os.path.join(self.emulators.base, "to-put")
        write_file(file, data)
        self.ask("put", path=self.inside(path), file=file, **arguments)

    def remove(self, path):
        self.ask("remove", path=self.inside(path))

    def paths(self):
        below = self.inside("").strip("/") + "/"
        return {entry["path"].lstrip("/")[len(below):]: entry for entry in self.ask("tree")["tree"]
                if entry["path"].lstrip("/").startswith(below) and not entry["folder"] and not entry.get("trashed")}

    def objects(self, folder=""):
        found = {}
        for path, entry in self.paths().items():
            if folder and not path.startswith(folder + "/"):
                continue
            try:
                found[path] = self.ask("content", **self.which(path, entry))["sha256"]
            except RuntimeError:
                if self.paths().get(path) == entry:  # else it was removed or replaced since it was listed
                    raise
        return found

    def unfinished(self):
        return [path for path in self.paths() if ".oracxfs-" in path]

    def fill_up(self):
        self.ask("quota", bytes=self.ask("tree")["used"])

    def empty(self):
        self.ask("quota", bytes=1 << 40)

    def lock_out(self):
        """The user withdraws the access."""
        self.ask("revoke_grants")
        self.ask("invalidate_tokens")


class DropboxPlace(CloudPlace):
    def __init__(self, fs, options=()):
        super().__init__("dropbox", fs)
        self.add(fs, *options)

    def add(self, fs, *options):
        fs.cli("dropbox", "--name", "dropbox", "--app-key", self.about["app_key"], "--refresh-token-file",
               self.about["refresh_token_file"], "--base-url", self.base_url, "--ca-file", self.about["ca_file"], *options)

    @staticmethod
    def which(path, entry):
        return {"path": entry["path"]}

    def let_in(self, fs):
        """The user signs in again."""
        self.about.update(self.ask("grant"))
        self.add(fs, "--replace")


class DrivePlace(CloudPlace):
    def __init__(self, fs, options=(), scope=None):
        super().__init__("google-drive", fs)
        if scope:
            self.about.update(self.ask("grant", scope=scope))
            options = tuple(options) + ("--scope", scope)
        self.add(fs, *options)

    def add(self, fs, *options):
        fs.cli("google-drive", "--name", "google-drive", "--credentials", self.about["client_file"], "--token-file",
               self.about["token_file"], "--base-url", self.base_url, "--ca-file", self.about["ca_file"], *options)

    @staticmethod
    def which(path, entry):
        return {"id": entry["id"]}

    def let_in(self, fs):
        self.about.update(self.ask("grant"))
        self.add(fs, "--replace")


MAKERS = {"local": LocalPlace, "sftp": SftpPlace, "ftp": FtpPlace, "dropbox": DropboxPlace, "google-drive": DrivePlace}


class Clouds(Oracxfs):
    """An oracxfs with providers of these kinds; `places`: kind -> Place. `options`: {kind: keyword arguments of its place}."""

    def __init__(self, kinds=KINDS, settings=None, options=None, emulator_options=()):
        self.places, self.emulators, self._emulator_options = {}, None, emulator_options
        super().__init__((), (), settings)
        try:
            for kind in kinds:
                self.places[kind] = MAKERS[kind](self, **(options or {}).get(kind, {}))
        except BaseException:
            self.close()
            raise

    @staticmethod
    def reason_to_skip(kinds=KINDS):
        if "sftp" in kinds and not Sshd.available():
            return "sshd and ssh-keygen are needed (Debian: openssh-server)"
        if "ftp" in kinds and not Ftpd.available():
            return "ProFTPD is needed (Debian: proftpd-core, proftpd-mod-crypto; scripts/packages.sh unpacks them)"
        if any(kind in CLOUDS for kind in kinds) and not os.access(Emulators.program(), os.X_OK):
            return "no cloud_emulators beside oracxfs (set ORACXFS_CLOUD_EMULATORS)"
        return None

    def start_emulators(self):
        if self.emulators is None:
            self.emulators = Emulators(os.path.join(self.base, "emulators"), *self._emulator_options)
        return self.emulators

    # --- questions ---

    def states(self, path):
        """{provider: state} of the replicas of one file."""
        return {provider: row["state"] for (name, provider), row in self.replicas().items() if name == path}

    def is_verified(self, path, kinds):
        states = self.states(path)
        return all(states.get(kind) == "verified" for kind in kinds)

    def await_verified(self, path, kinds=None, seconds=harness.HANGS):
        kinds = list(kinds or self.places)
        eventually(lambda: self.is_verified(path, kinds),
                   lambda: "%s is verified at %s: %r\n%r" % (path, kinds, self.replicas(path), self.status()["providers"]), seconds, 0.1)

    def await_state(self, kind, *states, seconds=harness.HANGS):
        eventually(lambda: self.provider(kind)["state"] in states,
                   lambda: "%s is %s: %r" % (kind, "/".join(states), self.provider(kind)), seconds, 0.05)

    # --- the end ---

    def end_servers(self):
        super().end_servers()
        for place in self.places.values():
            place.close()
        self.places = {}
        if self.emulators:
            self.emulators.close()
            self.emulators = None
