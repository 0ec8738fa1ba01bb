"""In: what happened to a log. Out: the facts that say so, each once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from collector.model.alert import Fact

if TYPE_CHECKING:
    from collector.sources.rotation import Problem


class Telling:
    """Collects the facts of one source until they are asked for. ``name`` is the configured path, or with ``file=False`` what else the source is called."""

    def __init__(self, name: str, *, file: bool = True) -> None:
        self.lost = False
        self._name = name
        self._about = {"log.file.path": name} if file else {}
        self._facts: list[Fact] = []

    def drain(self) -> tuple[Fact, ...]:
        """Return the facts since the last call."""
        facts, self._facts = tuple(self._facts), []
        return facts

    def gap(self, reason: str, lineage: bytes | None = None, lost: int | None = None, *, count: int | None = None) -> None:
        """Say that lines were lost; ``lost`` in bytes, ``count`` in messages, None if nobody can know."""
        counted = {} if count is None else {"mail.agent.count": count}
        self._add("log-gap", {"event.reason": reason} | _content(lineage, lost) | counted)

    def tamper(self, problem: Problem, reason: str, lineage: bytes | None, lost: int | None) -> None:
        """Say that a log was cut or rewritten outside any rotation."""
        self._add("log-tamper", {"mail.log.problem": problem.value, "event.reason": reason} | _content(lineage, lost))

    def unwell(self, reason: str) -> None:
        """Say that the source cannot be read, once until it is ``well`` again."""
        if not self.lost:
            self._health("lost", "failure", reason)
        self.lost = True

    def degraded(self, reason: str, count: int | None = None) -> None:
        """Say that something went wrong and nothing was lost; ``count`` times, if it did so more than once."""
        self._health("degraded", "failure", reason, count)

    def well(self) -> None:
        """Say that the source can be read, if it was ``unwell``."""
        if self.lost:
            self._health("ok", "success", f"{self._name} is read again")
        self.lost = False

    def _health(self, state: str, outcome: str, reason: str, count: int | None = None) -> None:
        counted = {} if count is None else {"mail.agent.count": count}
        self._add("agent-health", {"mail.agent.subject": "source", "mail.agent.state": state, "event.outcome": outcome, "event.reason": reason} | counted)

    def _add(self, action: str, fields: dict[str, Any]) -> None:
        self._facts.append(Fact(action, self._about | fields))


def _content(lineage: bytes | None, lost: int | None) -> dict[str, Any]:
    known = {"mail.log.lineage": lineage.hex() if lineage is not None else None, "mail.log.lost_bytes": lost}
    return {name: value for name, value in known.items() if value is not None}
