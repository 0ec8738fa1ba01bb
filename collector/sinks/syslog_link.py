"""In: frames as bytes. Out: the same on the wire, and whether the peer's kernel has acknowledged them. Datagrams, TCP, TLS.

TCP syslog has no acknowledgement of its own. What was sent counts as received when the socket's send queue is empty (the
peer's kernel has acknowledged each byte) and neither a reset nor an end was read. Everything else is SinkUnavailable.
"""

from __future__ import annotations

import fcntl
import hashlib
import select
import socket
import ssl
import struct
import termios
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from collector.errors import SinkRefused, SinkUnavailable
from collector.sinks import tls

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PIECE = 64 << 10
"""Bytes handed to the socket at once: the time limit holds for each piece, so that a slow peer is no dead one."""
FAREWELL = 2.0
"""Seconds to wait for the peer's end of a TLS connection."""
VERDICT = 1.0
"""Seconds to wait for a first word after a TLS 1.3 handshake."""
_WORDS = 64
"""How often in a row a peer is listened to that has something to say."""
_NAPS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05)
"""Seconds between two looks at the send queue."""
_AWAY = "check that the receiver runs and can be reached from here; what waits is kept"
_TLS = "check ca_file, server_name and fingerprint against the receiver's certificate"


@dataclass(frozen=True, slots=True)
class Peer:
    """Whom to talk to, and how. ``timeout`` in seconds; ``name`` is what the certificate must be for."""

    scheme: str
    host: str
    port: int
    timeout: float
    name: str
    ca_file: str | None = None
    fingerprint: str | None = None
    cert_file: str | None = None
    key_file: str | None = None

    @property
    def place(self) -> str:
        """Say it in one word."""
        return f"{self.host}:{self.port}"


class Link(Protocol):
    """An open way to the receiver."""

    def alive(self) -> bool:
        """Say whether the peer is still there, as far as is known here."""
        ...

    def send(self, frames: Iterable[bytes]) -> None:
        """Send all of it and return when it is acknowledged; raises SinkUnavailable, and the link is then of no more use."""
        ...

    def close(self) -> None:
        """Hang up in order."""
        ...


def connect(peer: Peer) -> Link:
    """Open a link; raises SinkUnavailable where nobody answers, SinkRefused where who answers is not who is meant."""
    context = _context(peer) if peer.scheme == "tcp+tls" else None
    with _translated(peer), ExitStack() as undo:
        link: Link = _datagrams(peer, undo) if peer.scheme == "udp" else _stream(peer, context, undo)
        undo.pop_all()
    return link


class Datagrams:
    """One datagram a message. Best effort: only what this host itself knows of a loss is told."""

    def __init__(self, peer: Peer, sock: socket.socket) -> None:
        self._peer = peer
        self._socket = sock

    def alive(self) -> bool:
        """See Link: the next datagram says it."""
        return True

    def send(self, frames: Iterable[bytes]) -> None:
        """See Link."""
        with _translated(self._peer):
            for frame in frames:
                self._socket.send(frame)
            error = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if error:
                raise OSError(error, "nobody takes datagrams there")

    def close(self) -> None:
        """See Link."""
        self._socket.close()


class Stream:
    """TCP, with or without TLS."""

    def __init__(self, peer: Peer, sock: socket.socket) -> None:
        self._peer = peer
        self._socket = sock

    def alive(self) -> bool:
        """See Link. Without this look the first message after a restart of the peer would be lost without a word."""
        try:
            self.look()
        except OSError:
            return False
        return True

    def send(self, frames: Iterable[bytes]) -> None:
        """See Link."""
        with _translated(self._peer):
            waiting = bytearray()
            for frame in frames:
                waiting += frame
                if len(waiting) >= PIECE:
                    self._push(waiting)
            self._push(waiting)
            self._wait_until_acknowledged()
            self.look()

    def _push(self, waiting: bytearray) -> None:
        view = bytes(waiting)
        waiting.clear()
        for start in range(0, len(view), PIECE):
            self._socket.settimeout(self._peer.timeout)
            self._socket.sendall(view[start : start + PIECE])

    def _wait_until_acknowledged(self) -> None:
        since, naps, before = time.monotonic(), iter(_NAPS), -1
        while queued := _queued(self._socket):
            if queued != before:  # a peer that takes something is not dead
                since, naps, before = time.monotonic(), iter(_NAPS), queued
            if time.monotonic() - since >= self._peer.timeout:
                raise TimeoutError(f"{queued} bytes were not acknowledged within {self._peer.timeout:g} s")
            self.look()
            _readable(self._socket, next(naps, _NAPS[-1]))

    def look(self) -> None:
        """Read what the peer may have said, which is nothing but that it ends; raises OSError then. TLS keeps its own talk to itself."""
        self._socket.settimeout(0)
        with suppress(BlockingIOError, ssl.SSLWantReadError):
            for _ in range(_WORDS):
                if not self._socket.recv(PIECE):
                    raise ConnectionResetError("the receiver closed the connection")

    def close(self) -> None:
        """See Link. A TLS connection that just breaks off is an error in the receiver's log."""
        if isinstance(self._socket, ssl.SSLSocket):
            with suppress(OSError, ValueError):
                self._socket.settimeout(FAREWELL)
                self._socket.unwrap()
        self._socket.close()


def _queued(sock: socket.socket) -> int:
    """Return the bytes that the peer has not acknowledged (tcp(7), SIOCOUTQ, whose number is that of TIOCOUTQ)."""
    return int(struct.unpack("i", fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4)))[0])


def _readable(sock: socket.socket, seconds: float) -> bool:
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


def _datagrams(peer: Peer, undo: ExitStack) -> Datagrams:
    family, kind, protocol, _, address = socket.getaddrinfo(peer.host, peer.port, type=socket.SOCK_DGRAM)[0]
    sock = socket.socket(family, kind, protocol)
    undo.callback(sock.close)
    sock.settimeout(peer.timeout)
    sock.connect(address)
    return Datagrams(peer, sock)


def _stream(peer: Peer, context: ssl.SSLContext | None, undo: ExitStack) -> Stream:
    sock = socket.create_connection((peer.host, peer.port), timeout=peer.timeout)
    undo.callback(sock.close)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if context is not None:
        sock = context.wrap_socket(sock, server_hostname=peer.name)
        undo.callback(sock.close)
        _check(peer, sock)
    link = Stream(peer, sock)
    _first_word(link, sock)
    return link


def _check(peer: Peer, sock: ssl.SSLSocket) -> None:
    if peer.fingerprint is not None and hashlib.sha256(sock.getpeercert(binary_form=True) or b"").hexdigest() != peer.fingerprint:
        raise SinkRefused(f"{peer.place} shows another certificate than the one whose fingerprint is configured", hint=_TLS)


def _first_word(link: Stream, sock: socket.socket) -> None:
    """In TLS 1.3 the client is done before the server has looked at its certificate: what is refused is said a moment later."""
    if isinstance(sock, ssl.SSLSocket) and sock.version() == "TLSv1.3" and _readable(sock, VERDICT):
        link.look()


def _context(peer: Peer) -> ssl.SSLContext:
    """Show the client certificate, if there is one. Read anew for each connection: a renewed file needs no restart."""
    context = tls.context(peer.ca_file, peer.fingerprint)
    if peer.cert_file is not None:
        try:
            context.load_cert_chain(peer.cert_file, peer.key_file, password="")  # a key under a password must not ask for it
        except OSError as error:
            raise SinkRefused(f"the client certificate {peer.cert_file} cannot be used: {error}", hint="both files must be PEM, belong together and be readable") from error
    return context


@contextmanager
def _translated(peer: Peer) -> Iterator[None]:
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise SinkRefused(f"the certificate of {peer.place} is not trusted: {error.verify_message}", hint=_TLS) from error
    except ssl.SSLError as error:
        raise SinkUnavailable(f"no TLS with {peer.place}: {error.reason or error}", hint="check the receiver's TLS settings, and whether it wants a client certificate") from error
    except UnicodeError as error:  # of a name that cannot be looked up
        raise SinkRefused(f"{peer.host} is no name of a host: {error}", hint="correct target") from error
    except OSError as error:
        raise SinkUnavailable(f"{peer.place}: {error.strerror or error}", hint=_AWAY) from error
