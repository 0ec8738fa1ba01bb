"""In: bytes of systemd's journal export format, cut anywhere. Out: entries, the same for every cut.

The format (systemd.io, "Journal Export Formats"): ``NAME=value`` and a newline, or for values that hold bytes no text may
hold ``NAME``, a newline, the length as 64 bits little-endian, the value, a newline. An empty line ends an entry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

CAP = 65536
"""The most bytes of a value that are kept, and one more, so that a reader sees that it was longer."""
LONGEST_NAME = 64
"""systemd's own limit for the name of a field."""
LONGEST_VALUE = 1 << 30
"""journald stores at most 768 MiB: a greater length says that the stream is out of step."""
_LENGTH = 8

Entry = dict[bytes, bytes]


class BrokenExport(Exception):
    """These bytes are no journal export; nothing that follows can be trusted."""


class Export:
    """Takes blocks in, gives entries out. Holds at most the last block and the capped values of one entry.

    Of a field that stands twice the first value counts; fields that nobody ``wanted`` are forgotten at once.
    """

    def __init__(self, wanted: Collection[bytes]) -> None:
        self._wanted = frozenset(wanted)
        self._data = b""
        self._entry: Entry = {}
        self._head: bytes | None = None
        """The begin of a text field whose newline is still to come."""
        self._name: bytes | None = None
        """The name of a binary field whose value is still to come."""
        self._missing = 0
        """How many bytes of that value, its newline included, are still to come."""
        self._value = b""

    def feed(self, block: bytes) -> list[Entry]:
        """Return the entries that end in this block. Raises BrokenExport."""
        data = self._data + block
        at = 0
        entries: list[Entry] = []
        while True:
            if self._name is not None:
                at = self._binary(data, at)
                if self._name is not None:
                    break
            if self._head is None and not self._entry and (found := _text_entry(data, at)) is not None:
                entry, at = found
                if kept := {name: entry[name] for name in entry.keys() & self._wanted}:
                    entries.append(kept)
                continue
            end = data.find(b"\n", at)
            if end < 0:
                break
            if end == at and self._head is None:
                if self._entry:
                    entries.append(self._entry)
                    self._entry = {}
            else:
                self._line(data, at, end)
            at = end + 1
        self._data = data[at:]
        if self._name is None:
            self._hold()
        return entries

    def _line(self, data: bytes, at: int, end: int) -> None:
        """Take a text field, or the name of a binary one."""
        if self._head is not None:
            line = self._head + data[at : min(end, at + CAP + LONGEST_NAME)]
            self._head = None
        else:
            line = data[at:end]
        name, equals, value = line.partition(b"=")
        if equals:
            self._keep(name, value)
        elif len(name) > LONGEST_NAME:
            raise BrokenExport(f"a field is named {name[:LONGEST_NAME]!r}")
        else:
            self._name, self._missing, self._value = name, 0, b""

    def _binary(self, data: bytes, at: int) -> int:
        """Take as much of a binary value as there is; return where it ends."""
        if not self._missing:
            if len(data) - at < _LENGTH:
                return at
            length = int.from_bytes(data[at : at + _LENGTH], "little")
            if length > LONGEST_VALUE:
                raise BrokenExport(f"a field claims {length} bytes")
            self._missing = length + 1
            at += _LENGTH
        piece = data[at : at + self._missing]
        self._missing -= len(piece)
        self._value += piece[: CAP + 2 - len(self._value)]
        if not self._missing:
            if piece[-1:] != b"\n":
                raise BrokenExport("a value is longer than it claims")
            assert self._name is not None
            self._keep(self._name, self._value[:-1])
            self._name, self._value = None, b""
        return at + len(piece)

    def _keep(self, name: bytes, value: bytes) -> None:
        if name in self._wanted:
            self._entry.setdefault(name, value[: CAP + 1])

    def _hold(self) -> None:
        """Keep of an unfinished text field no more than counts."""
        if self._head is None and len(self._data) <= CAP + LONGEST_NAME:
            return
        self._head = ((self._head or b"") + self._data)[: CAP + LONGEST_NAME + 2]
        self._data = b""


def _text_entry(data: bytes, at: int) -> tuple[Entry, int] | None:
    """Return an entry without binary fields that stands whole at ``at``, and where the next begins; None where it takes more care."""
    end = data.find(b"\n\n", at, at + CAP)
    if end <= at:
        return None
    try:
        # The first of two fields with one name counts, so it must come last.
        return dict(field.split(b"=", 1) for field in reversed(data[at:end].split(b"\n"))), end + 2
    except ValueError:
        return None
