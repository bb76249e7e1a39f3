"""An SSH server of our own."""

import os
import pwd
import random
import shutil
import signal
import socket
import subprocess

from contents import read_file, write_file
from processes import end_at_once, eventually, halt, kill, read_proc, run

SSHD = "/usr/sbin/sshd"


_claims = []  # until this program ends


def claim_port(port):
    """No other program of the tests takes it, though nobody listens there for a while."""
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        claim.bind("\0oracxfs-test-port-%d" % port)
    except OSError:
        claim.close()
        return False
    _claims.append(claim)
    return True


def free_port():
    """Below the ports that the kernel hands out by itself, so that it stays free while the server is down."""
    low = int(read_proc(os.getpid(), "../sys/net/ipv4/ip_local_port_range").split()[0] or 32768)
    for _ in range(200):
        port = random.SystemRandom().randrange(10240, max(low, 10250))
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if claim_port(port):
            return port
    raise RuntimeError("no free port")


class Sshd:
    """OpenSSH on the loopback, with its own configuration, keys and port; only this user can sign in."""

    def __init__(self, base, internal_sftp=False):
        self.base = base
        os.makedirs(base, mode=0o700, exist_ok=True)
        self.folder = os.path.join(base, "folder")
        os.makedirs(self.folder, exist_ok=True)
        self.user = pwd.getpwuid(os.getuid()).pw_name
        for name in ("hk", "id"):
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", os.path.join(base, name))
        self.key = os.path.join(base, "id")
        self.host_key = " ".join(read_file(os.path.join(base, "hk.pub")).decode().split()[:2])
        self.port = free_port()
        lines = ["Port %d" % self.port, "ListenAddress 127.0.0.1", "HostKey %s/hk" % base, "PidFile none",
                 "AuthorizedKeysFile %s/id.pub" % base, "StrictModes no", "UsePAM no", "PermitRootLogin yes",
                 "PasswordAuthentication no", "KbdInteractiveAuthentication no", "MaxStartups 100",
                 "Subsystem sftp internal-sftp"]
        if internal_sftp:
            lines.append("ForceCommand internal-sftp")
        write_file(os.path.join(base, "conf"), ("\n".join(lines) + "\n").encode())
        self.process = None
        self.frozen = []
        self.start()

    @staticmethod
    def available():
        return os.access(SSHD, os.X_OK) and shutil.which("ssh-keygen") is not None

    def start(self):
        if os.getuid() == 0:
            os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
        with open(os.path.join(self.base, "log"), "ab") as log:
            self.process = subprocess.Popen([SSHD, "-D", "-e", "-f", os.path.join(self.base, "conf")],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)

        def answers():
            if self.process.poll() is not None:
                raise RuntimeError("sshd ended: " + read_file(os.path.join(self.base, "log")).decode())
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", self.port)) == 0
        eventually(answers, "sshd listens", 10)

    def stop(self):
        """Like pulling the plug: the listener and every session are gone at once."""
        if not self.process:
            return
        end_at_once(self.process)
        self.process = None
        self.frozen = []

    def freeze(self):
        """Connections stay open, but nobody answers."""
        self.frozen = halt(self.process.pid)

    def thaw(self):
        for pid in self.frozen:
            kill(pid, signal.SIGCONT)
        self.frozen = []
