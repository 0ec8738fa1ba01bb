"""In: a detector and an event. Out: what each rule that its action can complete makes of it, in words. Nothing changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from collector.detect import keys
from collector.detect.operators import newest
from collector.model.moment import in_words, iso

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from collector.detect.engine import Detector
    from collector.detect.rule import Rule
    from collector.model.event import Event


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one rule makes of an event."""

    rule: str
    title: str
    level: str
    speaks: bool
    """False: it only feeds others, by its level or because it is not enabled."""
    matched: bool
    """A detection: its condition is true. A correlation: a base matches and its condition holds as the windows stand."""
    leaves: tuple[tuple[str, bool], ...] = ()
    """Each line of its selections (of a correlation: each base), true or false."""
    windows: tuple[str, ...] = ()
    """For example ``3 of 10 for source.ip=203.0.113.9, 7 more until it fires``."""
    excepted: tuple[str, ...] = ()
    """Exceptions that keep this event out."""
    suppressed: tuple[str, ...] = ()
    """Open episodes: why it would say nothing new."""


def verdicts(detector: Detector, event: Event) -> Iterator[Verdict]:
    """Judge an event that the detector has seen already: the windows stand as they stand behind it."""
    matched: dict[str, bool] = {}
    for rule in detector.candidates(event.shape.action):
        verdict = _correlation(detector, rule, event, matched) if rule.correlation else _detection(detector, rule, event)
        matched[rule.name] = verdict.matched and not verdict.excepted
        yield verdict


def _verdict(detector: Detector, rule: Rule, event: Event, matched: bool, leaves: tuple[tuple[str, bool], ...], windows: tuple[str, ...], suppressed: tuple[str, ...]) -> Verdict:
    excepted = tuple(f"{one.name}: {one.reason}" for one in detector.exceptions.stopping(rule.name, event))
    return Verdict(rule.name, rule.facts.title, rule.facts.level, rule.name in detector.rules.active, matched, leaves, windows, excepted, suppressed)


def _detection(detector: Detector, rule: Rule, event: Event) -> Verdict:
    assert rule.node is not None
    leaves = tuple((leaf.text, leaf.holds(event)) for leaf in rule.node.leaves())
    matched = rule.node.holds(event)
    windows: list[str] = []
    if rule.absence is not None:
        for key in detector.keys_of(rule, event):
            table = detector.windows.tables[rule.key]
            state = table.rows.get(table.standing(key.narrow))
            if state is not None:
                windows.append(f"{_shown(detector, _group(rule, key.narrow))} spoke, silence would be due at {iso(newest(state) + rule.absence.window)}")
    suppressed = _suppressed(detector, rule, event, {}) if matched and rule.absence is None else ()
    return _verdict(detector, rule, event, matched, leaves, tuple(windows), suppressed)


def _correlation(detector: Detector, rule: Rule, event: Event, matched: dict[str, bool]) -> Verdict:
    assert rule.correlation is not None
    leaves = tuple((base, matched.get(base, False)) for base in rule.correlation.bases)
    fed = any(answer for _, answer in leaves)
    windows: list[str] = []
    suppressed: list[str] = []
    holds = False
    for key in detector.keys_of(rule, event) if fed else ():
        standing = detector.windows.tables[rule.key].standing(key.narrow)
        group = _group(rule, standing)
        text, full = _progress(detector, rule, event, standing, group)
        windows.append(text)
        holds |= full
        suppressed += _suppressed(detector, rule, event, group) if full else ()
    missing = detector.missing(rule, event) if fed else ()
    if missing:
        windows.append(f"not counted: it lacks {', '.join(missing)}, as {detector.keyless[rule.name]} so far")
    return _verdict(detector, rule, event, holds, leaves, tuple(windows), tuple(suppressed))


def _progress(detector: Detector, rule: Rule, event: Event, key: bytes, group: Mapping[str, str]) -> tuple[str, bool]:
    correlation = rule.correlation
    assert correlation is not None
    table = detector.windows.tables[rule.key]
    state, operator = table.rows.get(key), table.operator
    current = state is not None and newest(state) >= event.time - correlation.timespan
    come = operator.progress(state) if state is not None and current else 0
    more = correlation.threshold - come
    who = _shown(detector, group)
    full = more < 0 or (more == 0 and not correlation.strict)
    rest = "it fires" if full else f"{more:g} more until it fires"
    return f"{come:g} of {correlation.threshold:g}{f' for {who}' if who else ''} in {in_words(correlation.timespan)}, {rest}", full


def _suppressed(detector: Detector, rule: Rule, event: Event, group: Mapping[str, str]) -> tuple[str, ...]:
    values = detector.episode_of(rule, event, group)
    episode = detector.episodes.get(detector.episodes.ident(rule, values.values()))
    if episode is None:
        return ()
    return (f"an episode of {_shown(detector, values)} is open since {iso(episode.opened)}: {episode.found.count} so far",)


def _group(rule: Rule, key: bytes) -> dict[str, str]:
    return dict(zip(rule.group_by, keys.shown(key), strict=True))


def _shown(detector: Detector, values: Mapping[str, str]) -> str:
    """Name the values of a key; of a field that may not leave the host, not even its digest."""
    return ", ".join(name if name in detector.hidden else f"{name}={value}" for name, value in values.items())
