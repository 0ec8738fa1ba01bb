"""A receiver of syslog over UDP, TCP or TLS whose faults are put down by hand: away, resetting, silent, another certificate."""

import contextlib
import socket
import ssl
import struct
import threading
from contextlib import contextmanager

from tests.support import syslog_parser

DEADLINE = 30


class Receiver:
    """Listens on 127.0.0.1; ``messages`` holds what arrived, in order. ``scheme`` is that of a target."""

    def __init__(self, scheme, certificates=None, *, framing="octet-counting", client_ca=None, port=0, version=None):
        self.scheme, self.port = scheme, port
        self._frames = syslog_parser.terminated if framing == "newline" else syslog_parser.counted
        self._certificates, self._client_ca, self._version = certificates, client_ca, version
        self.certificate = certificates.server if certificates else None
        self.messages = []
        self.ends = []
        """How each connection ended: end, error, and with TLS closed for an orderly end of it."""
        self.accepted = 0
        self.reads = True
        self._changed = threading.Condition()
        self._listener = None
        self._connections = {}
        self._threads = []
        self.open()

    @property
    def target(self):
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def open(self):
        kind = socket.SOCK_DGRAM if self.scheme == "udp" else socket.SOCK_STREAM
        self._listener = socket.socket(socket.AF_INET, kind)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20 if self.scheme == "udp" else 1 << 14)
        self._listener.bind(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        if kind == socket.SOCK_STREAM:
            self._listener.listen()
        self._start(self._datagrams if kind == socket.SOCK_DGRAM else self._accept, self._listener)

    def close(self, *, reset=False):
        """Be away: the listener and every connection are gone when this returns."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.hang_up(reset=reset)
        for thread in self._threads:
            thread.join(DEADLINE)
        self._threads.clear()

    def hang_up(self, *, reset=False):
        """End every connection; the listener stays."""
        with self._changed:
            connections, self._connections = self._connections, {}
            self.reads = True
            self._changed.notify_all()
        for sock, thread in connections.items():
            thread.stop = True
            with contextlib.suppress(OSError):
                if reset:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                sock.shutdown(socket.SHUT_RD if reset else socket.SHUT_RDWR)  # wakes who reads
            thread.join(DEADLINE)

    def be_deaf(self, *, deaf=True):
        """Read nothing more; the kernel goes on taking what fits."""
        with self._changed:
            self.reads = not deaf
            self._changed.notify_all()

    def wait(self, condition):
        """Wait until something holds of this receiver."""
        with self._changed:
            assert self._changed.wait_for(lambda: condition(self), DEADLINE), (len(self.messages), self.ends)

    @property
    def parsed(self):
        return [syslog_parser.parse(message) for message in list(self.messages)]

    def ids(self, stream):
        """Return the event ids of a stream in the order of their first arrival: what a receiver knows that sorts out doubles."""
        data = [message.data["mailvigil@32473"] for message in self.parsed]
        return list(dict.fromkeys(one["event_id"] for one in data if one["stream"] == stream))

    def _start(self, loop, *arguments):
        thread = threading.Thread(target=loop, args=arguments, daemon=True)
        thread.stop = False
        self._threads.append(thread)
        thread.start()
        return thread

    def _datagrams(self, sock):
        while True:
            try:
                message = sock.recv(1 << 16)
            except OSError:
                return
            if not message:
                return
            self._got([message])

    def _got(self, messages):
        with self._changed:
            self.messages += messages
            self._changed.notify_all()

    def _accept(self, listener):
        while True:
            try:
                raw, _ = listener.accept()
            except OSError:
                return
            self._start(self._connection, raw)

    def _connection(self, raw):
        end = "end"
        try:
            with raw, self._secured(raw) as sock:
                with self._changed:
                    self.accepted += 1
                    self._connections[sock] = threading.current_thread()
                    self._changed.notify_all()
                self._read(sock)
                with self._changed:
                    self._connections.pop(sock, None)
                if sock is not raw and not threading.current_thread().stop:
                    sock.settimeout(DEADLINE)
                    sock.unwrap()
                    end = "closed"
        except (OSError, ValueError) as error:
            end = f"error: {error}"
        with self._changed:
            self.ends.append(end)
            self._changed.notify_all()

    def _secured(self, raw):
        if self.scheme != "tcp+tls":
            return raw
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self._certificates.key)
        if self._client_ca is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self._client_ca)
        if self._version is not None:
            context.minimum_version = context.maximum_version = self._version
        return context.wrap_socket(raw, server_side=True, suppress_ragged_eofs=False)

    def _read(self, sock):
        buffer = b""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self.reads)
            if threading.current_thread().stop:
                return
            data = sock.recv(1 << 16)
            if not data:
                return
            found, buffer = self._frames(buffer + data)
            self._got(found)


@contextmanager
def receiver(*arguments, **options):
    made = Receiver(*arguments, **options)
    try:
        yield made
    finally:
        made.close()
