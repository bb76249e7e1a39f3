"""Large files to and from the clouds and FTP servers, beside plain curl with the same bytes."""

import json
import os
import time

from ftp_target import Ftp
from lab import MIB, Figures, Mounted, need, random_file, read_all, timed
from rows_large import copy, group
from targets import Clouds, Drive, Dropbox

PIECE = 128 * MIB  # Dropbox takes 150 MiB in a request


class CurlDropbox:
    def __init__(self, lab, cloud):
        self.lab, self.facts = lab, cloud.facts
        self.path = "/raw%d" % time.monotonic_ns()
        token = open(self.facts["access_token_file"]).read().strip()
        self.header_file = lab.base + "/dropbox-header"
        with open(self.header_file, "w") as file:
            file.write("Authorization: Bearer %s\n" % token)

    def curl(self, route, argument, *words):
        return self.lab.run("curl", "-sS", "--fail", "--cacert", self.facts["ca_file"], "-H", "@" + self.header_file, "-H", "Expect:",
                            "-H", "Dropbox-API-Arg: " + json.dumps(argument), "-X", "POST", *words, self.facts["base_url"] + "/2/files/" + route)

    def upload(self, pieces):
        octets = ["-H", "Content-Type: application/octet-stream"]
        cursor = {"session_id": json.loads(self.curl("upload_session/start", {}, *octets, "-d", ""))["session_id"], "offset": 0}
        for piece in pieces:
            self.curl("upload_session/append_v2", {"cursor": cursor}, *octets, "-T", piece)
            cursor["offset"] += os.path.getsize(piece)
        self.curl("upload_session/finish", {"cursor": cursor, "commit": {"path": self.path}}, *octets, "-d", "")

    def download(self):
        self.curl("download", {"path": self.path}, "-o", "/dev/null")


class CurlDrive:
    def __init__(self, lab, cloud):
        self.lab, self.facts = lab, cloud.facts
        self.header_file = lab.base + "/drive-header"
        with open(self.header_file, "w") as file:
            file.write("Authorization: Bearer %s\n" % json.load(open(self.facts["token_file"]))["access_token"])

    def curl(self, *words):
        return self.lab.run("curl", "-sS", "--fail", "--cacert", self.facts["ca_file"], "-H", "@" + self.header_file, "-H", "Expect:", *words)

    def upload(self, pieces):
        headers = self.curl("-D", "-", "-o", "/dev/null", "-H", "Content-Type: application/json", "-d", json.dumps({"name": "raw"}),
                            self.facts["base_url"] + "/upload/drive/v3/files?uploadType=resumable&fields=id")
        address = next(line.split(": ", 1)[1].strip() for line in headers.splitlines() if line.lower().startswith("location:"))
        self.id = json.loads(self.curl("-T", pieces, address))["id"]

    def download(self):
        self.curl("-o", "/dev/null", self.facts["base_url"] + "/drive/v3/files/%s?alt=media" % self.id)


class CurlFtp:
    def __init__(self, lab, server):
        self.lab, self.server = lab, server

    def upload(self, source):
        self.lab.run(*self.server.curl("-T", source, self.server.url("raw")))

    def download(self):
        self.lab.run(*self.server.curl("-o", "/dev/null", self.server.url("raw")))


def both_ways(lab, name, target_of, curl_of, source, curl_source):
    up = Figures("C-%s upload of %d MiB until verified" % (name, lab.arguments.size), "≤ 1.1")
    down = Figures("… cold read", "≤ 1.1")
    cpu = Figures("… CPU of the client per GiB sent", "", "s")
    for i in range(lab.arguments.rounds):
        target = target_of(i)
        curl = curl_of(target)
        raw_up, raw_cpu = timed(lambda: curl.upload(curl_source))
        with Mounted(lab, [target]) as mounted:
            ours, our_cpu = copy(lab, source, mounted)
            sending = mounted.memory()
            mounted.only_remote()
            raw_down = timed(curl.download)[0]
            ours_down = timed(lambda: read_all(mounted.mnt + "/x"))[0]
            note = "daemon memory %.0f MiB sending, %.0f MiB reading" % (sending, mounted.memory())
        up.add(ours, {"curl, unverified": raw_up})
        down.add(ours_down, {"curl": raw_down})
        cpu.add(our_cpu * 1024 / lab.arguments.size, {"curl": raw_cpu * 1024 / lab.arguments.size})
        down.notes = [note]
    yield from (up, down, cpu)


@group(50)
def dropbox(lab):
    """one large file to the emulated Dropbox and back, beside curl"""
    need("curl")
    clouds, source = Clouds(lab), random_file(lab.base + "/source", lab.arguments.size * MIB)
    pieces = []
    with open(source, "rb") as file:
        while block := file.read(PIECE):
            pieces.append("%s/piece%d" % (lab.base, len(pieces)))
            with open(pieces[-1], "wb") as piece:
                piece.write(block)
    yield from both_ways(lab, "dropbox", lambda i: Dropbox(clouds, "ours%d" % i), lambda cloud: CurlDropbox(lab, cloud), source, pieces)


@group(50)
def drive(lab):
    """the same for the emulated Google Drive"""
    need("curl")
    clouds, source = Clouds(lab), random_file(lab.base + "/source", lab.arguments.size * MIB)
    yield from both_ways(lab, "drive", lambda i: Drive(clouds, "ours%d" % i), lambda cloud: CurlDrive(lab, cloud), source, source)


def ftp(kind):
    @group(50)
    def measure(lab):
        need("curl")
        source = random_file(lab.base + "/source", lab.arguments.size * MIB)
        yield from both_ways(lab, kind, lambda _: Ftp(lab, kind), lambda server: CurlFtp(lab, server), source, source)
    measure.__doc__ = "the same for FTP over TLS, %s" % kind
    return measure


GROUPS = {"C-dropbox": dropbox, "C-drive": drive, "C-proftpd": ftp("proftpd"), "C-vsftpd": ftp("vsftpd"), "C-pureftpd": ftp("pure-ftpd")}
