"""A door in front of a server: TCP ports on 127.0.0.1 that pass everything on to the server's own address. It can be shut,
made narrow, and counts what went through. Real servers behind it stay as they are."""

import os
import select
import socket
import struct
import threading
import time

BUFFER = 128 << 10


class Bucket:
    """Bytes per second for all connections together; nothing = no limit."""

    def __init__(self):
        self._lock = threading.Lock()
        self._free_at = 0.0
        self.rate = None

    def piece(self):
        """The most to take at once, so that many connections share the line."""
        rate = self.rate
        return BUFFER if rate is None else max(1500, min(BUFFER, rate // 40))

    def take(self, count):
        rate = self.rate
        if rate is None:
            return
        with self._lock:
            now = time.monotonic()
            begin = max(now, self._free_at)
            self._free_at = begin + count / rate
        if begin > now:
            time.sleep(begin - now)


class Gate:
    """ports: {port here: (host, port) of the server}. `up` counts bytes from clients, `down` bytes to them."""

    def __init__(self, ports):
        self.ports = dict(ports)
        self.up = self.down = self.connections = 0
        self.greeting = None  # bytes: said to everybody who comes, who is then sent away
        self.before_answer = None  # called before anything goes back; False: it never does, and the gate is shut
        self._lines = {"up": Bucket(), "down": Bucket()}
        self._lock = threading.Lock()
        self._pairs = set()
        self._listeners = {}
        self._wake_read, self._wake_write = os.pipe()
        self._ended = False
        self._moving = threading.Event()
        self._moving.set()
        self.open()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    # --- what a test does ---

    def open(self):
        with self._lock:
            for port in self.ports:
                if port in self._listeners:
                    continue
                listener = socket.socket()
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.bind(("127.0.0.1", port))
                listener.listen(64)
                listener.setblocking(False)
                self._listeners[port] = listener
        os.write(self._wake_write, b"x")

    def shut(self):
        """As if the server had lost its power: connections break, new ones are refused."""
        with self._lock:
            for listener in self._listeners.values():
                listener.close()
            self._listeners.clear()
        os.write(self._wake_write, b"x")
        self.cut()

    def cut(self):
        """All connections break."""
        with self._lock:
            pairs = list(self._pairs)
        for pair in pairs:
            for end in pair:
                self._reset(end)

    def freeze(self):
        """Connections stay, and new ones are made, but nothing passes."""
        self._moving.clear()

    def thaw(self):
        self._moving.set()

    def limit(self, bytes_per_second):
        """Nothing = as fast as it goes."""
        for bucket in self._lines.values():
            bucket.rate = bytes_per_second

    def close(self):
        self._ended = True
        self.thaw()
        self.shut()
        self._thread.join(10)
        for fd in (self._wake_read, self._wake_write):
            os.close(fd)

    # --- inside ---

    @staticmethod
    def _reset(end):
        try:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            end.shutdown(socket.SHUT_RDWR)  # wakes whoever reads from it
        except OSError:
            pass  # it is closed already

    def _accept(self):
        while not self._ended:
            with self._lock:
                listeners = {listener.fileno(): (port, listener) for port, listener in self._listeners.items()}
            try:
                ready, _, _ = select.select([self._wake_read] + list(listeners), [], [])
            except OSError:
                continue  # a listener was closed in this moment
            for fd in ready:
                if fd == self._wake_read:
                    os.read(self._wake_read, 64)
                    continue
                port, listener = listeners[fd]
                try:
                    client, _ = listener.accept()
                except OSError:
                    continue  # shut meanwhile, or the client is gone
                client.setblocking(True)
                threading.Thread(target=self._serve, args=(client, self.ports[port]), daemon=True).start()

    def _serve(self, client, address):
        if self.greeting is not None:
            with client:
                try:
                    client.sendall(self.greeting)
                    client.shutdown(socket.SHUT_WR)
                    client.settimeout(1)
                    while client.recv(4096):
                        pass  # until the client has read it and goes; otherwise it would only see a reset
                except OSError:
                    pass
            return
        try:
            server = socket.create_connection(address, 10)
        except OSError:
            self._reset(client)
            client.close()
            return
        server.settimeout(None)
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pair = (client, server)
        with self._lock:
            self._pairs.add(pair)
            self.connections += 1
            still_open = bool(self._listeners)
        if not still_open:
            for end in pair:
                self._reset(end)
        back = threading.Thread(target=self._pump, args=(server, client, "down"), daemon=True)
        back.start()
        self._pump(client, server, "up")
        back.join()
        with self._lock:
            self._pairs.discard(pair)
        for end in pair:
            end.close()

    def _pump(self, source, target, direction):
        bucket = self._lines[direction]
        try:
            while data := source.recv(bucket.piece()):
                self._moving.wait()
                may_answer = self.before_answer if direction == "down" else None
                if may_answer and not may_answer():
                    self.shut()
                    raise ConnectionAbortedError("nobody hears of it")
                bucket.take(len(data))
                with self._lock:
                    setattr(self, direction, getattr(self, direction) + len(data))
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            for end in (source, target):
                self._reset(end)
