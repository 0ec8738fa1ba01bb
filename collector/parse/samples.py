"""In: loaded parsers and a maker of engines. Out: what is wrong with the samples that the parser files carry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from collector.model.record import Position, Record, SourceInfo
from collector.parse.plain import matched, take
from collector.parse.redact import redact_line
from collector.parse.syslog import open_record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from collector.errors import Location
    from collector.parse.binding import Entry
    from collector.parse.definition import Sample
    from collector.parse.engine import Engine
    from collector.parse.loader import Dispatch, Parsers
    from collector.parse.opened import Opened
    from collector.parse.plain import Taken
    from collector.parse.redact import Redacted

NEAR = 1_795_600_000_000
"""2026-11-25T09:46:40Z: arrival of every sample line."""

_SOURCE = SourceInfo("sample")


@dataclass(frozen=True, slots=True)
class Failure:
    """One fault of one sample; ``number`` counts the samples of a shape from 0."""

    shape: str
    number: int
    message: str
    at: Location

    def __str__(self) -> str:
        """Print the place, the sample and the fault."""
        return f"{self.at}: {self.shape} sample {self.number}: {self.message}"


def strays(parsers: Parsers) -> Iterator[Failure]:
    """Yield the samples that another shape than their own takes first, or none; no events are made for that."""
    known: dict[str, Dispatch | None] = {}
    for entry in parsers.entries:
        for number, sample in enumerate(entry.samples):
            opened = open_record(_record(sample.all_lines[-1], 0))
            if opened.name is not None and opened.name not in known:
                known[opened.name] = parsers.lookup(opened.name)
            dispatch = known.get(opened.name or "")
            redacted = redact_line(opened, dispatch)
            taken = None if dispatch is None else take(dispatch, redacted)
            if taken is None or taken[0] is not entry:
                yield Failure(entry.shape.name, number, _stray(entry, opened, redacted, taken), entry.at)


def run(parsers: Parsers, fresh_engine: Callable[[], Engine]) -> Iterator[Failure]:
    """Read every sample with an engine of its own and yield every fault."""
    for entry in parsers.entries:
        for number, sample in enumerate(entry.samples):
            for message in _faults(entry, sample, parsers, fresh_engine()):
                yield Failure(entry.shape.name, number, message, entry.at)


def _record(line: str, number: int) -> Record:
    return Record(_SOURCE, line.encode("utf-8", "backslashreplace"), NEAR, Position((b"sample", number.to_bytes(8, "big")), b""))


def _faults(entry: Entry, sample: Sample, parsers: Parsers, engine: Engine) -> Iterator[str]:
    *earlier, last = (_record(line, number) for number, line in enumerate(sample.all_lines))
    for record in earlier:
        engine.read(engine.open(record))
    yield from _takers(entry, parsers, last)
    events = engine.read(engine.open(last))
    if len(events) != len(sample.events):
        actions = ", ".join(event.shape.action for event in events) or "none"
        yield f"{len(events)} events ({actions}), expected {len(sample.events)}"
        return
    for ordinal, (event, expected) in enumerate(zip(events, sample.events, strict=True)):
        fields = event.fields
        for name, wanted in expected.items():
            sealed = engine.seal(wanted) if name in engine.catalogue.hidden and wanted is not None else wanted
            if fields.get(name) != sealed:
                yield f"event {ordinal}: {name} is {fields.get(name)!r}, expected {wanted!r}"


def _stray(entry: Entry, opened: Opened, redacted: Redacted, taken: Taken | None) -> str:
    """Say why its own shape does not take a sample's line first."""
    if opened.name is None:
        return "no envelope opens the line"
    if taken is None or matched(entry, redacted) is None:
        return f"its own shape does not take the line: {redacted.message!r} of {opened.name}"
    return f"{taken[0].shape.name} takes the line first"


def _takers(entry: Entry, parsers: Parsers, record: Record) -> Iterator[str]:
    """Say why its own shape does not take a sample's line first, and which others would take it as well (a catch_all may)."""
    opened = open_record(record)
    dispatch = None if opened.name is None else parsers.lookup(opened.name)
    redacted = redact_line(opened, dispatch)
    takers = [other for other in dispatch.entries if matched(other, redacted) is not None] if dispatch is not None else []
    if not takers or takers[0] is not entry:
        yield _stray(entry, opened, redacted, None if dispatch is None else take(dispatch, redacted))
        return
    others = [other.shape.name for other in takers[1:] if not other.catch_all]
    if others and not entry.catch_all:
        yield f"{', '.join(others)} would take the line as well"
