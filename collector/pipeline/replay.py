"""In: records of whole files. Out: documents in the order of merging, and a summary. No state is read or left."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from collector.errors import SourceError
from collector.model.alert import Alert

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from collector.model.record import Record
    from collector.pipeline.pipeline import Judged, Pipeline


class Whole:
    """A finite source: its end is its end. ``error`` is what cut it short; what came before is read all the same."""

    at_end = True

    def __init__(self, records: Iterable[Record]) -> None:
        self.error: SourceError | None = None
        self._records = iter(records)

    def read(self, limit: int) -> Sequence[Record]:
        """See merge.Readable."""
        found: list[Record] = []
        try:
            found.extend(islice(self._records, limit))
        except SourceError as error:
            self.error = error
        return found


@dataclass(slots=True)
class Summary:
    """What a replay saw; ``alerts`` counts opening statements by rule."""

    counts: Mapping[str, int] = field(default_factory=dict)
    events: int = 0
    statements: int = 0
    alerts: dict[str, int] = field(default_factory=dict)
    first: int | None = None
    last: int | None = None
    errors: tuple[SourceError, ...] = ()
    """Of sources that could not be read, or not to their ends."""


def replay(pipeline: Pipeline, sources: Mapping[str, Iterable[Record]], summary: Summary) -> Iterator[Judged]:
    """Walk whole sources to their ends and yield what comes of them; fills ``summary``."""
    wholes = {name: Whole(records) for name, records in sources.items()}
    for name, whole in wholes.items():
        pipeline.merge.add(name, whole)
    while True:
        some = False
        for subject, rendered in pipeline.walk(0, 1000):
            some = True
            if isinstance(subject, Alert):
                summary.statements += 1
                if subject.step == "0":
                    summary.alerts[subject.rule.name] = summary.alerts.get(subject.rule.name, 0) + 1
            else:
                summary.events += 1
                summary.first = min(subject.time, summary.first if summary.first is not None else subject.time)
                summary.last = max(subject.time, summary.last if summary.last is not None else subject.time)
            yield subject, rendered
        pipeline.batch()
        if not some and pipeline.merge.drained:
            break
    summary.counts = dict(pipeline.engine.counts)
    summary.errors = tuple(whole.error for whole in wholes.values() if whole.error is not None)
