"""In: events and alerts. Out: counts by (hour since the epoch, dimension, key), for ``report`` and ``status``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collector.model.alert import Alert
    from collector.model.event import Event

HOUR = 3_600_000
DIMENSIONS = ("event.action", "source.ip", "user.name", "service.name", "tls.version", "destination.domain")
"""Of events; alerts count under rule.name."""
KEY = 128
"""The most characters of a key: attackers choose names."""

Tallies = dict[tuple[int, str, str], int]


def count(tallies: Tallies, event: Event) -> None:
    """Add an event to its hour; an absent field counts nowhere."""
    hour = event.time // HOUR
    for dimension in DIMENSIONS:
        value = event.get(dimension)
        if value is not None:
            key = (hour, dimension, str(value)[:KEY])
            tallies[key] = tallies.get(key, 0) + 1


def count_alert(tallies: Tallies, alert: Alert) -> None:
    """Add an opening alert to its hour; repeats and summaries are the same incident."""
    if alert.step == "0":
        key = (alert.time // HOUR, "rule.name", alert.rule.name)
        tallies[key] = tallies.get(key, 0) + 1
