"""Servers at the far end of the line, and what oracxfs and other clients need to reach them."""

import json
import os
import shutil
import subprocess
import sys
import time

from lab import Skip, finish, free_port, need

ADDRESSES = ["127.0.0.1", "127.0.0.2", "127.0.0.3"]  # one for each target, so that each can have a rate of its own


def wait_for_port(lab, port, process):
    """At the far end: listening, by the kernel's own list, without a connection that would count."""
    for _ in range(1000):
        with open("/proc/%d/net/tcp" % process.pid) as file:
            if any(line.split()[1].endswith(":%04X" % port) and line.split()[3] == "0A" for line in file.readlines()[1:]):
                return
        if process.poll() is not None:
            raise Skip("a server does not start: %s" % process.args[0])
        time.sleep(0.01)
    raise Skip("a server does not listen: %s" % process.args[0])


class Sshd:
    def __init__(self, lab):
        self.lab, self.base = lab, lab.place()
        if not os.path.exists("/usr/sbin/sshd"):
            raise Skip("sshd is not installed")
        self.port = free_port()
        for key in ("hk", "id"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "%s/%s" % (self.base, key)], check=True)
        os.makedirs("/run/sshd", exist_ok=True)
        with open(self.base + "/conf", "w") as file:
            file.write("\n".join(["Port %d" % self.port, *("ListenAddress " + a for a in ADDRESSES), "HostKey %s/hk" % self.base, "PidFile none",
                                  "AuthorizedKeysFile %s/id.pub" % self.base, "StrictModes no", "UsePAM no", "PasswordAuthentication no",
                                  "PermitRootLogin yes", "Subsystem sftp internal-sftp", "MaxStartups 100", "SetEnv HOME=%s" % self.base, ""]))
        with open(self.base + "/log", "w") as log:
            self.process = lab.start_far(["/usr/sbin/sshd", "-D", "-e", "-f", self.base + "/conf"], stderr=log)
        wait_for_port(lab, self.port, self.process)
        self.host_key = " ".join(open(self.base + "/hk.pub").read().split()[:2])
        self.known = self.base + "/known"
        with open(self.known, "w") as file:
            file.writelines("[%s]:%d %s\n" % (a, self.port, self.host_key) for a in ADDRESSES)
        self.options = ["-o", "IdentityFile=%s/id" % self.base, "-o", "UserKnownHostsFile=" + self.known, "-o", "StrictHostKeyChecking=yes",
                        "-o", "IdentitiesOnly=yes"]

    def folders(self, count):
        """Fresh folders, each behind an address of its own."""
        return [SftpTarget(self, i, self.lab.place()) for i in range(count)]


class SftpTarget:
    def __init__(self, sshd, number, folder):
        self.sshd, self.name, self.address, self.folder = sshd, "s%d" % number, ADDRESSES[number], folder

    def words(self):
        return ["sftp", "--name", self.name, "--host", self.address, "--port", str(self.sshd.port), "--user", self.sshd.lab.user,
                "--folder", self.folder + "/data", "--key", self.sshd.base + "/id", "--host-key", self.sshd.host_key]

    def begin(self, commands):
        """OpenSSH's sftp, started with these commands."""
        process = self.sshd.lab.start("sftp", "-q", "-b", "-", "-P", str(self.sshd.port), *self.sshd.options, self.address, stdin=subprocess.PIPE, text=True)
        process.stdin.write(commands)
        process.stdin.close()
        return process

    def sftp(self, commands):
        finish([self.begin(commands)])

    def sshfs(self, mount_point):
        need("sshfs")
        os.makedirs(mount_point, exist_ok=True)
        self.sshd.lab.run("sshfs", "-p", str(self.sshd.port), *self.sshd.options, "%s:%s" % (self.address, self.folder), mount_point)

    def remove(self):
        shutil.rmtree(self.folder)


class Local:
    def __init__(self, lab, name="l0"):
        self.name, self.folder = name, lab.place()

    def words(self):
        return ["local", "--name", self.name, "--path", self.folder]


class Clouds:
    """The emulated Dropbox and Google Drive (tests/emulators)."""

    def __init__(self, lab):
        self.lab = lab
        self.process = lab.start_far([lab.program("cloud_emulators"), lab.place()], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.facts = json.loads(self.process.stdout.readline())

    def ask(self, service, command, **arguments):
        self.process.stdin.write(json.dumps({"service": service, "cmd": command, **arguments}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if not answer["ok"]:
            raise RuntimeError(answer["error"])
        return answer


class Dropbox:
    name = "dropbox"

    def __init__(self, clouds, folder):
        self.clouds, self.folder, self.facts = clouds, folder, clouds.facts["dropbox"]

    def words(self):
        return ["dropbox", "--name", "dropbox", "--folder", self.folder, "--token-file", self.facts["access_token_file"],
                "--base-url", self.facts["base_url"], "--ca-file", self.facts["ca_file"]]


class Drive:
    name = "google-drive"

    def __init__(self, clouds, folder):
        self.clouds, self.folder, self.facts = clouds, folder, clouds.facts["google-drive"]

    def words(self):
        return ["google-drive", "--name", "google-drive", "--folder", self.folder, "--credentials", self.facts["client_file"],
                "--token-file", self.facts["token_file"], "--base-url", self.facts["base_url"], "--ca-file", self.facts["ca_file"]]


class Rclone:
    """An rclone mount: one SFTP target, or a union that writes to all of several."""

    def __init__(self, lab, targets, cache_mode="off", *options):
        need("rclone")
        self.lab, self.base = lab, lab.place()
        self.mnt = self.base + "/mnt"
        os.makedirs(self.mnt)
        with open(self.base + "/conf", "w") as file:
            for target in targets:
                file.write("[%s]\ntype = sftp\nhost = %s\nport = %d\nuser = %s\nkey_file = %s/id\nknown_hosts_file = %s\n" %
                           (target.name, target.address, target.sshd.port, lab.user, target.sshd.base, target.sshd.known))
            file.write("[all]\ntype = union\nupstreams = %s\ncreate_policy = all\naction_policy = all\nsearch_policy = ff\n" %
                       " ".join("%s:%s" % (target.name, target.folder) for target in targets))
        remote = "all:" if len(targets) > 1 else "%s:%s" % (targets[0].name, targets[0].folder)
        self.process = lab.start("rclone", "mount", remote, self.mnt, "--config", self.base + "/conf", "--cache-dir", self.base + "/cache",
                                 "--vfs-cache-mode", cache_mode, "--log-file", self.base + "/log", *options)
        for _ in range(3000):
            if os.path.ismount(self.mnt):
                return
            if self.process.poll() is not None:
                raise Skip("rclone does not mount: " + open(self.base + "/log").read())
            time.sleep(0.01)
        raise Skip("rclone does not mount in 30 s")

    def close(self):
        subprocess.run(["fusermount3", "-u", self.mnt], check=True)
        self.process.wait(60)
        shutil.rmtree(self.base)


class EmptyFuse:
    """The least that a FUSE file system can do (see empty_fuse.cpp)."""

    def __init__(self, lab, *options):
        self.base = lab.place()
        self.process = lab.start(lab.program("empty_fuse"), self.base, *options, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            raise Skip("empty_fuse does not mount")

    def close(self):
        subprocess.run(["fusermount3", "-u", self.base], check=True)
        self.process.wait(10)
