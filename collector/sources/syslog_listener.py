"""In: an address. Out: the syslog messages that come over its UDP and TCP ports, in a bounded store.

A thread of its own empties the sockets, so that a busy feeder costs no datagrams. When the store is full nothing is received
any more: TCP senders wait, and what the kernel drops of UDP it counts.
"""

from __future__ import annotations

import selectors
import socket
import struct
from collections import deque
from ipaddress import ip_address
from threading import Condition, Thread
from typing import TYPE_CHECKING

from collector.sources.syslog_framing import CAP, Frames, datagram

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from collector.sources.syslog_framing import Message

STORE = 8 << 20
"""Bytes of messages that may wait."""
OVERHEAD = 150
"""Bytes that a waiting message costs besides its text."""
CONNECTIONS = 64
BURST = 256 << 10
"""The most bytes taken from one socket at a time."""
BLOCK = 1 << 14
RECEIVE = 4 << 20
"""The kernel's buffer of a UDP socket, as far as net.core.rmem_max allows."""

_SO_MEMINFO = 55
_DROPS = 8
"""asm-generic/socket.h; SK_MEMINFO_DROPS of linux/sock_diag.h: what a socket dropped since it was made."""
_MEMINFO = struct.Struct("9I")


class Store:
    """Messages between the thread that receives and the one that reads. Bounded by ``STORE``."""

    def __init__(self) -> None:
        self._messages: deque[tuple[Message, int]] = deque()
        self._size = 0
        self._changed = Condition()
        self.closed = False

    def add(self, messages: Sequence[Message], now: int) -> None:
        """Add what was received at ``now``."""
        with self._changed:
            self._messages.extend((message, now) for message in messages)
            self._size += sum(len(message.raw) + OVERHEAD for message in messages)

    def take(self, limit: int) -> list[tuple[Message, int]]:
        """Take the oldest messages, with when they were received."""
        with self._changed:
            taken = [self._messages.popleft() for _ in range(min(limit, len(self._messages)))]
            self._size -= sum(len(message.raw) + OVERHEAD for message, _ in taken)
            self._changed.notify()
        return taken

    def wait_for_room(self) -> None:
        """Wait until something may be added, or the store is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self.closed or self._size < STORE)

    def close(self) -> None:
        """Let who waits go."""
        with self._changed:
            self.closed = True
            self._changed.notify()


class Listener:
    """The sockets and their thread. ``ring`` is called when something came."""

    def __init__(self, host: str, port: int, protocols: Collection[str], ring: Callable[[], object], clock: Callable[[], int]) -> None:
        """Bind and begin. Raises OSError."""
        self.store = Store()
        self.refused = 0
        """Connections beyond CONNECTIONS."""
        self._ring = ring
        self._clock = clock
        self._selector = selectors.DefaultSelector()
        self._frames: dict[socket.socket, Frames] = {}
        self._datagrams: socket.socket | None = None
        self._wake, waker = socket.socketpair()
        self._selector.register(waker, selectors.EVENT_READ, self._woken)
        self.ports: dict[str, int] = {}
        try:
            for protocol in protocols:
                self._bind(protocol, host, port)
        except OSError:
            self._close()
            raise
        self._thread = Thread(target=self._listen, name="syslog", daemon=True)
        self._thread.start()

    def drops(self) -> int:
        """Return how many datagrams the kernel dropped."""
        if self._datagrams is None:
            return 0
        return int(_MEMINFO.unpack(self._datagrams.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size))[_DROPS])

    def close(self) -> None:
        """Stop; what waits in the store stays there."""
        self.store.close()
        self._wake.send(b"\0")
        self._thread.join()
        self._close()

    def _bind(self, protocol: str, host: str, port: int) -> None:
        family = socket.AF_INET6 if ip_address(host).version == 6 else socket.AF_INET  # noqa: PLR2004 - IPv6
        kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
        made = socket.socket(family, kind)
        self._selector.register(made, selectors.EVENT_READ, self._receive if protocol == "udp" else self._accept)
        made.setblocking(False)
        if protocol == "udp":
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE)
            self._datagrams = made
        else:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
        if protocol == "tcp":
            made.listen()
        self.ports[protocol] = made.getsockname()[1]

    def _listen(self) -> None:
        while True:
            self.store.wait_for_room()
            if self.store.closed:
                return
            for key, _ in self._selector.select():
                messages = key.data(key.fileobj)
                if messages:
                    self.store.add(messages, self._clock())
                    self._ring()

    def _woken(self, waker: socket.socket) -> list[Message]:
        waker.recv(1)
        return []

    def _receive(self, made: socket.socket) -> list[Message]:
        messages, size = [], 0
        while size < BURST:
            try:
                raw = made.recv(CAP)
            except OSError:  # nothing more; or what an ICMP message said of one that was sent before
                break
            size += len(raw) + OVERHEAD
            message = datagram(raw)
            if message.raw:
                messages.append(message)
        return messages

    def _accept(self, made: socket.socket) -> list[Message]:
        try:
            connection, _ = made.accept()
        except OSError:  # it was reset before it was accepted, or there are no more descriptors
            return []
        if len(self._frames) >= CONNECTIONS:
            self.refused += 1
            connection.close()
            return []
        connection.setblocking(False)
        self._frames[connection] = Frames()
        self._selector.register(connection, selectors.EVENT_READ, self._converse)
        return []

    def _converse(self, connection: socket.socket) -> list[Message]:
        try:
            block = connection.recv(BLOCK)
        except BlockingIOError:
            return []
        except OSError:
            block = b""
        if block:
            return self._frames[connection].feed(block)
        self._selector.unregister(connection)
        connection.close()
        return self._frames.pop(connection).finish()

    def _close(self) -> None:
        for key in list(self._selector.get_map().values()):
            assert isinstance(key.fileobj, socket.socket)
            key.fileobj.close()
        self._selector.close()
        self._wake.close()
