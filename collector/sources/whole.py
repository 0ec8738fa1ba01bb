"""In: a file, plain or .gz, or standard input. Out: all its lines as records, the unfinished last one too; no state.

Ids are those that a FileSource gives to the same content. Lines of standard input have no offset: their identity is
(source, run, number).
"""

from __future__ import annotations

import gzip
import os
import sys
import time
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, cast

from collector.errors import SourceError
from collector.model.identity import lineage
from collector.model.record import Position, Record
from collector.sources.access import open_file, refused
from collector.sources.framing import Framer
from collector.sources.volume import BLOCK, BROKEN_GZIP, MAGIC

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from collector.model.record import SourceInfo
    from collector.sources.framing import Line

STDIN = "-"
LINES = 1000
"""How many lines are taken at once of a block."""


def read_whole(path: str, info: SourceInfo, near: int | None = None) -> Iterator[Record]:
    """Yield the lines of ``path``, "-" for standard input. ``near`` is ms since the epoch: the file's mtime by default, now for standard input.

    Raises SourceError, for a torn .gz behind the last line that it holds.
    """
    name = "standard input" if path == STDIN else path
    try:
        with _opened(path) as stream:
            if near is None:
                near = time.time_ns() // 1_000_000 if path == STDIN else os.fstat(stream.fileno()).st_mtime_ns // 1_000_000
            first: bytes | None = None
            for number, line in enumerate(_lines(stream, name)):
                first = first or lineage(line.raw)
                identity = (info.name.encode(), b"", number.to_bytes(8, "big")) if path == STDIN else (first, line.offset.to_bytes(8, "big"))
                yield Record(info, line.raw, near, Position(identity, b""), truncated=line.truncated)
    except OSError as error:
        raise refused(Path(name), error) from error


@contextmanager
def _opened(path: str) -> Iterator[io.BufferedReader]:
    if path == STDIN:
        yield cast("io.BufferedReader", sys.stdin.buffer)
        return
    descriptor = open_file(Path(path))
    if descriptor is None:
        raise SourceError(f"{path} does not exist")
    with os.fdopen(descriptor, "rb") as stream:
        yield stream


def _lines(stream: io.BufferedReader, name: str) -> Iterator[Line]:
    framer = Framer()
    torn: Exception | None = None
    with _unpacked(stream) as content:
        try:
            while block := content.read1(BLOCK):
                framer.feed(block)
                while lines := framer.take(LINES):
                    yield from lines
        except BROKEN_GZIP as error:
            torn = error
    last = framer.finish()
    if last is not None:
        yield last
    if torn is not None:
        raise SourceError(f"{name} is torn: {torn}", hint="what it holds was read; get the whole file") from torn


def _unpacked(stream: io.BufferedReader) -> AbstractContextManager[io.BufferedReader]:
    if stream.peek(len(MAGIC))[: len(MAGIC)] != MAGIC:
        return nullcontext(stream)
    return cast("AbstractContextManager[io.BufferedReader]", gzip.GzipFile(fileobj=stream, mode="rb"))
