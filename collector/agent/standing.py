"""In: facts that go on the road, sources. Out: what the agent says of itself for ``status``: one small JSON document.

It is committed with the batch that holds the facts, so it never says what was not told. Nothing is restored from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from collector.model import json
from collector.model.moment import passed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from collector.errors import SourceError
    from collector.model.alert import Fact
    from collector.sources.base import Source

SUBJECTS = 200
"""The most states that are kept; settings name sinks and sources, so there are a dozen."""
SOURCES = 200
REASON = 500
FRESH = 10_000
"""ms for which a word holds that has not changed."""
_LINES = {"read": "mail.agent.lines.read", "irrelevant": "mail.agent.lines.irrelevant", "debug": "mail.agent.lines.debug", "unparsed": "mail.agent.lines.unknown"}


class Standing:
    """Used by the feeder alone."""

    def __init__(self) -> None:
        self._said: dict[str, Any] = {"version": None, "started": None, "rules": None, "lines": None, "reload": None}
        self._health: dict[tuple[str, str], dict[str, Any]] = {}
        self._beat: tuple[int, int] | None = None
        """When the last heartbeat was, and how many lines had been read."""
        self._written: dict[str, Any] = {}
        self._at = 0

    def note(self, fact: Fact, now: int) -> None:
        """Take what a fact says of the agent; others mean nothing here."""
        fields = fact.fields
        if "mail.agent.rules.loaded" in fields:
            self._said["rules"] = fields["mail.agent.rules.loaded"]
        if fact.action == "agent-start":
            self._said |= {"version": fields["service.version"], "started": now}
        elif fact.action == "content-reloaded":
            self._said["reload"] = {"time": now, "outcome": fields["event.outcome"], "reason": str(fields.get("event.reason", ""))[:REASON]}
        elif fact.action == "heartbeat":
            self._said["lines"] = {name: fields[field] for name, field in _LINES.items()} | {"per_minute": self._rate(now, fields["mail.agent.lines.read"])}
        elif fact.action == "agent-health":
            self._state(fields, now)

    def _rate(self, now: int, lines: int) -> int | None:
        before, self._beat = self._beat, (now, lines)
        if before is None or now <= before[0]:
            return None
        return round((lines - before[1]) * 60_000 / (now - before[0]))

    def _state(self, fields: Mapping[str, Any], now: int) -> None:
        subject, name = fields["mail.agent.subject"], str(fields.get("mail.agent.sink") or fields.get("log.file.path") or "")
        self._health.pop((subject, name), None)
        if len(self._health) >= SUBJECTS:
            del self._health[next(iter(self._health))]
        reason = str(fields.get("event.reason", ""))[:REASON]
        self._health[subject, name] = {"subject": subject, "name": name, "state": fields["mail.agent.state"], "reason": reason, "time": now}

    def document(self, now: int, sources: Iterable[Source], unreadable: Mapping[str, SourceError]) -> bytes:
        """Return it where it differs from the last one or that is old, else nothing: who asks takes an old one for the word of a dead agent."""
        standing = {source.info.name: source.at_end for source in sources}
        found = {name: {"at_end": at_end, "error": _words(unreadable.get(name))} for name, at_end in list(standing.items())[:SOURCES]}
        current = self._said | {"sources": found, "health": list(self._health.values())}
        if current == self._written and not passed(self._at, now, FRESH):
            return b""
        self._written, self._at = current, now
        return json.dumps({"time": now} | current)


def _words(error: SourceError | None) -> str | None:
    return None if error is None else error.with_hint[:REASON]
