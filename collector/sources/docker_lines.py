"""In: the lines of a json-file log of Docker, as records. Out: the lines that containers wrote, as records.

A line of the file is ``{"log": TEXT, "stream": "stdout", "time": RFC 3339}`` (moby, daemon/logger/jsonfilelog). A TEXT without a
newline at its end is a part: Docker cuts at 16 KiB, and the other stream may write in between. A joined line stands where
its first part stands, and what began behind it is lent behind it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING

from collector.errors import SourceError
from collector.model import json
from collector.model.moment import since_epoch
from collector.model.record import Header, Position, Record
from collector.sources.framing import CAP

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from collector.model.record import Standing

WAIT_MS = 5_000
"""Parts that were written further apart are no parts of one line: who wrote the first one died."""
HELD = 256
"""The most lines of the file that are looked at together."""

_BEGIN = b'{"log":'
_SKIP = 2


class LinePosition:
    """Where a container's line stands. The token: how many lines of its group were lent (2 bytes, big-endian), and the file's token before the group.

    A group begins with an unfinished line and goes on until nothing is unfinished; a line that is whole is a group of its own.
    """

    __slots__ = ("_before", "_first", "_lent")

    def __init__(self, first: Standing, before: Standing, lent: int) -> None:
        self._first = first
        self._before = before
        self._lent = lent

    @property
    def identity(self) -> tuple[bytes, ...]:
        """That of the first part."""
        return self._first.identity

    @property
    def resume(self) -> bytes:
        """See above."""
        return pack(self._before.resume, self._lent)


def pack(token: bytes, lent: int = 0) -> bytes:
    """Return the token of so many lines lent behind a place in the file."""
    return lent.to_bytes(_SKIP, "big") + token


def unpack(token: bytes) -> tuple[bytes, int]:
    """Return the file's token and how many lines behind it were lent."""
    return token[_SKIP:], int.from_bytes(token[:_SKIP], "big")


@dataclass(slots=True)
class _Line:
    """What a container wrote; ``whole``: nothing more belongs to it. Without a stream it is a line of the file that Docker did not write."""

    first: Record
    text: bytes
    stream: str | None = None
    time: int = 0
    whole: bool = True
    cut: bool = False


class Joiner:
    """Takes lines of the file, gives lines of containers. ``torn``: how many bytes stood in the file that were the begin of a line and no more."""

    def __init__(self, before: bytes = b"", lent: int = 0) -> None:
        """Begin behind a token of the file, where so many lines were lent already."""
        self.torn = 0
        self._before: Standing = Position((), before)
        self._lent = 0
        self._known = lent
        self._group: list[_Line] = []
        """What waits, from the first unfinished line on."""
        self._seen = 0
        self._now = 0

    @property
    def settled(self) -> bool:
        """No group has begun: reading may go on at the file's own position."""
        return not (self._group or self._lent or self._known)

    @property
    def since(self) -> int | None:
        """When the first line that waits was written, ms; None: nothing waits."""
        return self._group[0].time if self._group else None

    def feed(self, record: Record) -> list[Record]:
        """Return the lines that are whole by now."""
        line = self._read(record)
        self._now = line.time or self._now
        self._seen += 1
        begun = self._begun(line)
        if begun is None:
            self._group.append(line)
        else:
            begun.whole = line.whole
            begun.cut = begun.cut or len(begun.text) + len(line.text) > CAP
            begun.text = (begun.text + line.text)[:CAP]
        ready = 0
        while ready < len(self._group) and self._is_ready(self._group[ready]):
            ready += 1
        return self._lend(ready, record.position)

    def give_up(self) -> list[Record]:
        """Return what waits, unfinished as it is. Reading resumes before this group until a line is whole."""
        return self._lend(len(self._group), None)

    def _is_ready(self, line: _Line) -> bool:
        return line.whole or self._now - line.time > WAIT_MS or self._seen >= HELD

    def _begun(self, line: _Line) -> _Line | None:
        """Return the unfinished line to which this one belongs."""
        for one in self._group:
            if one.stream == line.stream is not None and not one.whole:
                if line.time - one.time <= WAIT_MS:
                    return one
                one.whole = True
        return None

    def _lend(self, ready: int, behind: Standing | None) -> list[Record]:
        lines, self._group = self._group[:ready], self._group[ready:]
        records = []
        for number, line in enumerate(lines):
            self._lent += 1
            if not self._group and behind is not None and number == ready - 1:
                position = LinePosition(line.first.position, behind, 0)
            else:
                position = LinePosition(line.first.position, self._before, self._lent)
            if self._lent > self._known:
                records.append(_record(line, position))
        if not self._group and behind is not None:
            self._before, self._lent, self._known, self._seen = behind, 0, 0, 0
        return records

    def _read(self, record: Record) -> _Line:
        raw = record.raw
        line = _decoded(record, raw)
        if line is None and (begin := raw.rfind(_BEGIN)) > 0 and (line := _decoded(record, raw[begin:])) is not None:
            self.torn += begin
        return line or _Line(record, raw)


def joined(records: Iterable[Record]) -> Iterator[Record]:
    """Yield the lines of containers where the first record is one of a json-file log, else the records as they are."""
    rest = iter(records)
    first = next(rest, None)
    if first is None:
        return
    if _decoded(first, first.raw) is None:
        yield first
        yield from rest
        return
    joiner = Joiner()
    try:
        for record in chain((first,), rest):
            yield from joiner.feed(record)
    except SourceError:
        yield from joiner.give_up()
        raise
    yield from joiner.give_up()


def _decoded(record: Record, raw: bytes) -> _Line | None:
    """Take a line of the file apart; None for one that Docker did not write whole."""
    if not raw.startswith(_BEGIN):
        return None
    try:
        found = json.loads(raw)
        text, stream = found["log"].encode(), str(found.get("stream", ""))
        written = datetime.fromisoformat(found["time"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return _Line(record, text[:CAP], stream, since_epoch(written.replace(tzinfo=written.tzinfo or UTC)), text.endswith(b"\n"), len(text) > CAP + 1)


def _record(line: _Line, position: LinePosition) -> Record:
    first = line.first
    if line.stream is None:
        return Record(first.source, first.raw, first.near, position, None, first.truncated)
    return Record(first.source, line.text.removesuffix(b"\n").removesuffix(b"\r"), line.time, position, Header(time=line.time), line.cut)
