"""A program at a terminal of its own: what it shows, what is typed."""

import codecs
import os
import pty
import select
import signal
import time

from processes import patience


class Terminal:
    def __init__(self, words, environment, cwd):
        self.shown, self._from = "", 0
        self._text = codecs.getincrementaldecoder("utf-8")("replace")  # a letter may come in two pieces
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                os.chdir(cwd)
                os.execve(words[0], words, environment)
            finally:
                os._exit(127)

    def _read(self, seconds):
        if not select.select([self.fd], [], [], seconds)[0]:
            raise AssertionError("nothing came for %d s; so far:\n%s" % (seconds, self.shown))
        try:
            got = os.read(self.fd, 4096)
        except OSError:  # the other end is gone
            got = b""
        self.shown += self._text.decode(got, final=not got)
        return bool(got)

    def expect(self, text, seconds=60):
        """Reads until `text` is shown, after what was expected before; gives all that came with it."""
        end = time.monotonic() + seconds * patience()
        while self.shown.find(text, self._from) < 0:
            if not self._read(max(0.1, end - time.monotonic())):
                raise AssertionError("it ended without %r:\n%s" % (text, self.shown))
        at = self.shown.index(text, self._from) + len(text)
        before, self._from = self.shown[self._from:at], at
        return before

    def type(self, line):
        os.write(self.fd, line.encode() + b"\n")

    def end(self, seconds=60):
        """Reads to the end; the exit code."""
        end = time.monotonic() + seconds * patience()
        while self._read(max(0.1, end - time.monotonic())):
            pass
        os.close(self.fd)
        _, status = os.waitpid(self.pid, 0)
        self.pid = None
        return os.waitstatus_to_exitcode(status)

    def close(self):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            os.close(self.fd)
            self.pid = None
