"""In: tallies and the documents of alerts. Out: Summary, what a report tells: hours, addresses, accounts, TLS versions, alerts.

Pure. Tallies and documents are those of a replay or those that the spool keeps. Text is safe to look at, as in alerts.py.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from ipaddress import ip_network
from typing import TYPE_CHECKING

from collector.report.alerts import LEVELS, Told, alerts, shown
from collector.report.chains import chains
from collector.report.classes import CLASSES, class_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from collector.model.catalogue import Catalogue
    from collector.report.alerts import Document

    Tallies = Mapping[tuple[int, str, str], int]

HOUR = 3_600_000
BARS = 48
"""The most bars of the picture of hours: a longer time has wider ones."""
RANKED = 12
"""The most rows of a ranking, and the most groups of related alerts."""
ALERTS = 200
"""The most alerts that are told one by one."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A span of time and its events by class, in the order of CLASSES."""

    start: int
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Ranked:
    """A name, its events, and the alerts that name it."""

    name: str
    count: int
    alerts: tuple[Told, ...] = ()

    @property
    def level(self) -> str | None:
        """The worst level among its alerts."""
        return min((alert.level for alert in self.alerts), key=LEVELS.index, default=None)

    @property
    def rules(self) -> tuple[tuple[Told, int], ...]:
        """The first alert of each rule, and how many there are of it."""
        numbers = Counter(alert.rule for alert in self.alerts)
        first = {alert.rule: alert for alert in reversed(self.alerts)}
        return tuple((first[rule], number) for rule, number in numbers.items())


@dataclass(frozen=True, slots=True)
class Summary:
    """What happened between ``start`` and ``end`` (ms since the epoch; whole hours)."""

    start: int
    end: int
    step: int
    """ms of one bar."""
    events: int
    unknown: int
    """Lines that no parser knew."""
    totals: tuple[int, ...]
    """Events by class, in the order of CLASSES."""
    bars: tuple[Bar, ...]
    addresses: tuple[Ranked, ...]
    """Those that alerts name, worst first, then the busiest."""
    seen: int
    """How many different addresses there were."""
    accounts: tuple[Ranked, ...]
    """Those that alerts name."""
    versions: tuple[Ranked, ...]
    """TLS versions that were used, newest first."""
    levels: Mapping[str, int]
    """How many alerts there are of each level, worst first."""
    rules: int
    """How many rules spoke."""
    alerts: tuple[Told, ...]
    """Worst first, then by time: at most ALERTS, and all else that a summary says of alerts is about these."""
    related: tuple[tuple[Told, ...], ...]
    """Alerts of two rules or more that share an address, an account or events."""


def summarise(tallies: Tallies, documents: Iterable[Document], catalogue: Catalogue) -> Summary:
    """Return the summary of counts by (hour since the epoch, dimension, key) and of alert documents: all statements, in any order."""
    every = alerts(documents)
    worst = sorted(every, key=lambda alert: (LEVELS.index(alert.level), alert.number))[:ALERTS]
    told = sorted(worst, key=lambda alert: alert.number)
    levels = Counter(alert.level for alert in every)
    hours = _hours(tallies, every)
    bars = _bars(tallies, hours, catalogue)
    actions = _summed(tallies, "event.action")
    addresses = _summed(tallies, "source.ip")
    return Summary(
        start=hours.start * HOUR,
        end=hours.stop * HOUR,
        step=hours.step * HOUR,
        events=sum(actions.values()),
        unknown=actions["unparsed-line"],
        totals=tuple(sum(bar.counts[number] for bar in bars) for number in range(len(CLASSES))),
        bars=bars,
        addresses=_addresses(addresses, told),
        seen=len(addresses),
        accounts=_accounts(_summed(tallies, "user.name"), told),
        versions=_versions(_summed(tallies, "tls.version")),
        levels={level: levels[level] for level in LEVELS},
        rules=len({alert.rule for alert in every}),
        alerts=tuple(worst),
        related=chains(told)[:RANKED],
    )


def _hours(tallies: Tallies, told: Sequence[Told]) -> range:
    """Return the hours since the epoch that the bars begin at; they are as wide as needed, and begin at round hours."""
    found = {hour for hour, _, _ in tallies} | {alert.time // HOUR for alert in told}
    start, stop = (min(found), max(found) + 1) if found else (0, 1)
    step = next((width for width in (1, 2, 3, 6, 12) if stop - start <= width * BARS), 24 * -(-(stop - start) // (24 * BARS)))
    start -= start % step
    return range(start, stop + -(stop - start) % step, step)


def _summed(tallies: Tallies, dimension: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for (_, of, key), number in tallies.items():
        if of == dimension:
            found[key] += number
    return found


def _bars(tallies: Tallies, hours: range, catalogue: Catalogue) -> tuple[Bar, ...]:
    found = [Counter[str]() for _ in hours]
    for (hour, dimension, key), number in tallies.items():
        if dimension == "event.action":
            found[(hour - hours.start) // hours.step][class_of(key, catalogue).name] += number
    return tuple(Bar(hour * HOUR, tuple(counts[one.name] for one in CLASSES)) for hour, counts in zip(hours, found, strict=True))


def _addresses(counts: Counter[str], told: Sequence[Told]) -> tuple[Ranked, ...]:
    """Put what alerts name first."""
    grouped: Counter[str] = Counter()
    for address, number in counts.items():
        grouped[_client(address)] += number
    return _ranked(grouped, _by(told, lambda one: None if one.address is None else _client(one.address)), [name for name, _ in grouped.most_common(RANKED)])


def _client(address: str) -> str:
    """Return a client as the rules count it: an IPv6 client by its /64."""
    try:
        network = ip_network(address)
    except ValueError:
        return shown(address)
    return str(network.supernet(new_prefix=64)) if network.version == 6 and network.prefixlen > 64 else address  # noqa: PLR2004 - IPv6 and its subnets


def _accounts(counts: Counter[str], told: Sequence[Told]) -> tuple[Ranked, ...]:
    return _ranked(Counter({shown(name): number for name, number in counts.items()}), _by(told, lambda one: one.account), ())


def _by(told: Sequence[Told], name: Callable[[Told], str | None]) -> dict[str, tuple[Told, ...]]:
    found: dict[str, tuple[Told, ...]] = {}
    for one in told:
        if (value := name(one)) is not None:
            found[value] = (*found.get(value, ()), one)
    return found


def _ranked(counts: Counter[str], named: Mapping[str, tuple[Told, ...]], further: Iterable[str]) -> tuple[Ranked, ...]:
    worst = sorted((Ranked(name, counts[name], told) for name, told in named.items()), key=lambda one: (LEVELS.index(one.level or LEVELS[-1]), -one.count, one.name))
    return (*worst, *(Ranked(name, counts[name]) for name in further if name not in named))[:RANKED]


def _versions(counts: Counter[str]) -> tuple[Ranked, ...]:
    """Name the versions as people do; SSL ended with version 3, TLS began anew with 1.0."""
    return tuple(Ranked(f"{'SSL' if version.startswith(('2', '3')) else 'TLS'} {shown(version)}", number) for version, number in sorted(counts.items(), reverse=True))
