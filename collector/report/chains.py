"""In: alerts in order of time. Out: groups of those that share an address, an account or events: probably one story."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from collector.report.alerts import Told


def chains(told: Sequence[Told]) -> tuple[tuple[Told, ...], ...]:
    """Return the groups that two rules or more speak in, by their first alert. A host's name joins nothing: everything happens there."""
    groups: list[tuple[set[str], list[Told]]] = []
    for alert in told:
        shared = set(_traces(alert))
        joined = [group for group in groups if group[0] & shared]
        groups = [group for group in groups if group not in joined]
        groups.append((shared.union(*(traces for traces, _ in joined)), [one for _, members in joined for one in members] + [alert]))
    several = [sorted(members, key=lambda one: one.number) for _, members in groups if len({one.rule for one in members}) > 1]
    return tuple(tuple(members) for members in sorted(several, key=lambda members: members[0].number))


def _traces(alert: Told) -> Iterable[str]:
    yield from (f"event {one}" for one in alert.event_ids)
    yield from (f"{field} {value}" for field, value in (("account", alert.account), ("address", alert.address)) if value is not None)
