"""In: events and alerts. Out: counts by (hour since the epoch, dimension, key), for ``report`` and ``status``."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collector.model.alert import Alert
    from collector.model.event import Event
    from collector.model.shape import Shape

HOUR = 3_600_000
SERVICE = "service.name"
DIMENSIONS = ("event.action", "source.ip", "user.name", SERVICE, "tls.version", "destination.domain")
"""Of events; alerts count under rule.name."""
KEY = 128
"""The most characters of a key: attackers choose names."""

Tallies = dict[tuple[int, str, str], int]
_Counts = defaultdict[Any, int]


class _Hour:
    """Counts of one hour: events by shape, and by the value of each dimension that is no static one of its shape."""

    def __init__(self) -> None:
        self.shapes: _Counts = defaultdict(int)
        self.values: dict[str, _Counts] = {dimension: defaultdict(int) for dimension in (*DIMENSIONS, "rule.name")}


class Tally:
    """Counts what goes into a batch. What a shape says is counted with the shape: an event costs a step for each dimension that is its own."""

    def __init__(self) -> None:
        self._hours: defaultdict[int, _Hour] = defaultdict(_Hour)
        self._own: dict[Shape, tuple[str, ...]] = {}

    def event(self, event: Event) -> None:
        """Add an event to its hour; an absent field counts nowhere."""
        shape, dynamic = event.shape, event.dynamic
        hour = self._hours[event.time // HOUR]
        hour.shapes[shape] += 1
        for dimension in self._own.get(shape) or self._look(shape):
            value = dynamic.get(dimension)
            if value is None:
                value = event.tag.get(dimension)
            if value is not None:
                hour.values[dimension][value] += 1

    def alert(self, alert: Alert) -> None:
        """Add an opening alert to its hour; repeats and summaries are the same incident."""
        if alert.step == "0":
            self._hours[alert.time // HOUR].values["rule.name"][alert.rule.name] += 1

    def take(self) -> Tallies:
        """Return what was counted since the last call."""
        tallies: Tallies = defaultdict(int)
        for number, hour in self._hours.items():
            for shape, n in hour.shapes.items():
                for dimension in DIMENSIONS:
                    if dimension not in self._own[shape] and dimension in shape.static:
                        tallies[number, dimension, str(shape.static[dimension])[:KEY]] += n
            for dimension, counts in hour.values.items():
                for value, n in counts.items():
                    tallies[number, dimension, str(value)[:KEY]] += n
        self._hours.clear()
        return dict(tallies)

    def _look(self, shape: Shape) -> tuple[str, ...]:
        """Return the dimensions whose values differ between events of a shape; a tag has one of them."""
        own = self._own[shape] = tuple(dimension for dimension in DIMENSIONS if dimension in shape.fields or (dimension == SERVICE and dimension not in shape.static))
        return own
