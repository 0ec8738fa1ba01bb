"""In: documents of alerts. Out: Told, one for each episode: what the opening statement says, with the count of the last one.

All text is safe to look at: characters that would move a cursor or turn the reading direction are written as escapes. It is not escaped for HTML.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from collector.detect.playbooks import visible
from collector.detect.rule import SEVERITY
from collector.model.moment import since_epoch
from collector.report.playbook import Playbook, read

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Document = Mapping[str, Any]

LEVELS = tuple(sorted(SEVERITY, key=lambda level: -SEVERITY[level]))[:-1]
"""Worst first; informational rules write no alert."""
NAME = 256
"""The most characters of a name."""
LINE = 1000
"""The most characters of an evidence line."""
_PLAIN = {"source.ip", "user.name", "host.name", "destination.domain", "email.from.address", "mail.from.domain"}
_NAMES = {number: level for level, number in SEVERITY.items()}


@dataclass(frozen=True, slots=True)
class Told:
    """One episode of one rule. Times in ms since the epoch."""

    number: int
    """1.. in order of time: its anchor in a page."""
    id: str
    time: int
    level: str
    rule: str
    title: str
    reason: str
    about: str
    """The rule's description."""
    host: str
    key: tuple[tuple[str, str], ...]
    """(field, value)."""
    account: str | None
    address: str | None
    """A client's address, or the /64 by which the rule counts."""
    count: int
    first: int
    last: int
    event_ids: frozenset[str]
    techniques: tuple[str, ...]
    evidence: tuple[str, ...]
    missing: int
    """How many lines of evidence were kept no more."""
    playbook: Playbook | None

    @property
    def who(self) -> str:
        """The key for a table: values that speak for themselves, others with their names."""
        return ", ".join(value if name in _PLAIN else f"{name} {value}" for name, value in self.key)


def alerts(documents: Iterable[Document]) -> tuple[Told, ...]:
    """Return one alert for each episode, in order of time; later statements of an episode only add to its count."""
    episodes: dict[str, list[Document]] = {}
    for document in documents:
        episodes.setdefault(document["mail"]["alert"]["episode"], []).append(document)
    opened = [(min(statements, key=lambda one: str(one["@timestamp"])), statements) for statements in episodes.values()]
    opened.sort(key=lambda pair: (pair[0]["@timestamp"], pair[0]["event"]["id"]))
    return tuple(_told(number, document, statements) for number, (document, statements) in enumerate(opened, 1))


def _told(number: int, document: Document, statements: list[Document]) -> Told:
    event, rule, alert = document["event"], document["rule"], document["mail"]["alert"]
    key = tuple((name, shown(value)) for name, _, value in (one.partition("=") for one in alert["group"]))
    groups = dict(key)
    return Told(
        number=number,
        id=event["id"],
        time=ms(document["@timestamp"]),
        level=_NAMES.get(event["severity"], "low"),
        rule=shown(rule["id"]),
        title=shown(rule["name"]),
        reason=shown(event["reason"], LINE),
        about=shown(rule.get("description", ""), LINE),
        host=shown(document.get("host", {}).get("name", "")),
        key=key,
        account=groups.get("user.name") or _name(document, "user", "name"),
        address=groups.get("source.ip") or _name(document, "source", "ip"),
        count=max(one["mail"]["alert"]["count"] for one in statements),
        first=ms(alert["first_seen"]),
        last=max(ms(one["mail"]["alert"]["last_seen"]) for one in statements),
        event_ids=frozenset(alert["event_ids"]),
        techniques=_techniques(document.get("threat", {})),
        evidence=tuple(shown(line, LINE) for line in alert["evidence"]),
        missing=alert.get("evidence_missing", 0),
        playbook=read(document["mail"].get("playbook")),
    )


def shown(text: str, length: int = NAME) -> str:
    """Return a text that is safe to look at, cut where it is too long."""
    return visible(text if len(text) <= length else text[: length - 1] + "…")


def ms(time: str) -> int:
    """Return ms since the epoch of a document's time."""
    return since_epoch(datetime.fromisoformat(time))


def _name(document: Document, *path: str) -> str | None:
    value: Any = document
    for part in path:
        value = value.get(part) if isinstance(value, dict) else None
    return shown(value) if isinstance(value, str) else None


def _techniques(threat: Document) -> tuple[str, ...]:
    """Return ``T1110.001 Password Guessing`` and so on; a technique of which a part is named is not named itself."""
    technique = threat.get("technique", {})
    parts = _pairs(technique.get("subtechnique", {}))
    whole = [(number, name) for number, name in _pairs(technique) if not any(part.startswith(f"{number}.") for part, _ in parts)]
    return tuple(f"{number} {name}" for number, name in sorted([*whole, *parts]))


def _pairs(named: Document) -> list[tuple[str, str]]:
    return list(zip(named.get("id", ()), named.get("name", ()), strict=False))
