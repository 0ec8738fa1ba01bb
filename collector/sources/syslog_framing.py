"""In: bytes of a syslog connection, cut anywhere. Out: its messages, the same for every cut.

Both framings of RFC 6587 (and so RFC 5425's), told apart message by message: ``LENGTH SP MESSAGE`` where a number of at
most six digits stands in front, else the message ends at a newline. A number that is longer is no length: a line that
happens to begin with one must not swallow what follows it.
"""

from __future__ import annotations

from typing import NamedTuple

CAP = 65536
"""The most bytes of a message; what is longer is cut."""
DIGITS = 6


class Message(NamedTuple):
    """One message, without its frame."""

    raw: bytes
    truncated: bool = False


class Frames:
    """Takes blocks in, gives messages out. Holds at most the last block and one message up to CAP."""

    def __init__(self) -> None:
        self._data = b""
        self._at = 0
        self._head: bytes | None = None
        """The begin of an overlong line whose newline is still to come."""
        self._skip = 0
        """How many bytes of a counted message that was cut are still to come."""

    def feed(self, block: bytes) -> list[Message]:
        """Return the messages that end in this block."""
        self._data, self._at = self._data[self._at :] + block, 0
        messages = []
        while (message := self._next()) is not None:
            if message.raw:
                messages.append(message)
        return messages

    def finish(self) -> list[Message]:
        """Return what a connection left unfinished when it was closed."""
        counted = _counted(self._data, self._at) if self._head is None else None
        begin = self._at if counted is None else counted[0]
        message = _message(self._data[begin:] if self._head is None else self._head, cut=self._head is not None or counted is not None)
        self._data, self._at, self._head = b"", 0, None
        return [message] if message.raw else []

    def _next(self) -> Message | None:
        if self._skip:
            skipped = min(self._skip, len(self._data) - self._at)
            self._at, self._skip = self._at + skipped, self._skip - skipped
        if self._skip or self._at == len(self._data):
            return None
        if self._head is None:
            if (counted := _counted(self._data, self._at)) is not None:
                return self._by_length(*counted)
            if len(self._data) - self._at <= DIGITS and self._data[self._at :].isdigit():
                return None  # a length, perhaps, that is still to come
        return self._by_newline()

    def _by_length(self, begin: int, length: int) -> Message | None:
        end = begin + min(length, CAP)
        if len(self._data) < end:
            return None
        self._at, self._skip = end, length - (end - begin)
        return _message(self._data[begin:end], cut=length > CAP)

    def _by_newline(self) -> Message | None:
        end = self._data.find(b"\n", self._at)
        if end < 0:
            if self._head is None and len(self._data) - self._at > CAP:
                self._head = self._data[self._at : self._at + CAP]
            if self._head is not None:
                self._at = len(self._data)
            return None
        head, self._head = self._head, None
        line, self._at = self._data[self._at : end], end + 1
        return _message(line) if head is None else _message(head, cut=True)


def _counted(data: bytes, at: int) -> tuple[int, int] | None:
    """Return where a counted message begins and how long it is; None where none stands at ``at``."""
    number, blank, _ = data[at : at + DIGITS + 1].partition(b" ")
    if not blank or not number.isdigit() or number[:1] == b"0":
        return None
    return at + len(number) + 1, int(number)


def _message(raw: bytes, *, cut: bool = False) -> Message:
    """Drop what frames and C programs leave at the end: newlines, carriage returns, NULs."""
    return Message(raw[:CAP].rstrip(b"\r\n\0"), cut or len(raw) > CAP)


def datagram(raw: bytes) -> Message:
    """Return the message of a datagram (RFC 5426)."""
    return _message(raw)
