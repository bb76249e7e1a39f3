"""Files of tests: making them, reading them, finding them in a folder, watching a folder."""

import ctypes
import hashlib
import os
import random
import stat
import struct

TRASH = ".oracxfs-trash"
KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30


def content(size, tag=0):
    """Bytes that do not compress and do not repeat; the same for the same size and tag."""
    return random.Random("%d/%s" % (size, tag)).randbytes(size)


def write_file(path, data):
    with open(path, "wb") as file:
        file.write(data)


def read_file(path):
    with open(path, "rb") as file:
        return file.read()


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb", buffering=0) as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def tree(folder):
    """{relative path: None for folders, (size, sha256) for files}. oracxfs's own names at a provider are left out."""
    found = {}
    for where, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".oracxfs-")]
        for name in folders:
            found[os.path.relpath(os.path.join(where, name), folder)] = None
        for name in files:
            path = os.path.join(where, name)
            if name.startswith(".oracxfs-"):
                continue
            try:
                info = os.lstat(path)
                found[os.path.relpath(path, folder)] = (info.st_size, sha256(path)) if stat.S_ISREG(info.st_mode) else "special"
            except FileNotFoundError:  # removed since it was listed: it is not there
                continue
    return found


def leftovers(folder):
    """Unfinished uploads at a provider."""
    return [os.path.join(where, name) for where, _, files in os.walk(folder) for name in files
            if name.startswith(".oracxfs-") and name.endswith(".part")]


def trash_entries(folder, name=None):
    """Files in a provider's trash, as paths inside the provider."""
    entries = []
    for where, _, files in os.walk(os.path.join(folder, TRASH)):
        for file in files:
            path = os.path.relpath(os.path.join(where, file), os.path.join(folder, TRASH))
            inside = path.split("/", 1)[1] if "/" in path else path
            if name is None or inside == name:
                entries.append(inside)
    return entries


class Watch:
    """Every name that appears in or leaves one folder, by inotify: nothing is too short to be seen."""

    ATTRIB, MOVED_FROM, MOVED_TO, CREATE, DELETE = 0x4, 0x40, 0x80, 0x100, 0x200

    def __init__(self, folder):
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = self._libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "inotify_init1")
        mask = self.MOVED_FROM | self.MOVED_TO | self.CREATE | self.DELETE
        if self._libc.inotify_add_watch(self._fd, os.fsencode(folder), mask) < 0:
            raise OSError(ctypes.get_errno(), "inotify_add_watch")
        self._events = []

    def events(self):
        """[(mask, name)], all since the beginning."""
        while True:
            try:
                data = os.read(self._fd, 1 << 16)
            except BlockingIOError:
                return self._events
            at = 0
            while at < len(data):
                _, mask, _, length = struct.unpack_from("iIII", data, at)
                name = data[at + 16:at + 16 + length].rstrip(b"\0")
                self._events.append((mask, os.fsdecode(name)))
                at += 16 + length

    def appearances(self, name):
        return sum(1 for mask, seen in self.events() if seen == name and mask & (self.CREATE | self.MOVED_TO))

    def names(self):
        """All names ever seen except those that belong to oracxfs."""
        return {name for _, name in self.events() if not name.startswith(".oracxfs-")}

    def close(self):
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
