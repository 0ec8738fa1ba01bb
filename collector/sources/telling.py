"""In: what happened to a log. Out: the facts that say so, each once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from collector.model.alert import Fact

if TYPE_CHECKING:
    from collector.sources.rotation import Problem


class Telling:
    """Collects the facts of one source until they are asked for. ``path`` is the configured one."""

    def __init__(self, path: str) -> None:
        self.lost = False
        self._path = path
        self._facts: list[Fact] = []

    def drain(self) -> tuple[Fact, ...]:
        """Return the facts since the last call."""
        facts, self._facts = tuple(self._facts), []
        return facts

    def gap(self, reason: str, lineage: bytes | None = None, lost: int | None = None) -> None:
        """Say that lines were lost; ``lost`` in bytes, None if nobody can know."""
        self._add("log-gap", {"event.reason": reason} | _content(lineage, lost))

    def tamper(self, problem: Problem, reason: str, lineage: bytes | None, lost: int | None) -> None:
        """Say that a log was cut or rewritten outside any rotation."""
        self._add("log-tamper", {"mail.log.problem": problem.value, "event.reason": reason} | _content(lineage, lost))

    def unwell(self, reason: str) -> None:
        """Say that the source cannot be read, once until it is ``well`` again."""
        if not self.lost:
            self._health("lost", "failure", reason)
        self.lost = True

    def well(self) -> None:
        """Say that the source can be read, if it was ``unwell``."""
        if self.lost:
            self._health("ok", "success", f"{self._path} is read again")
        self.lost = False

    def _health(self, state: str, outcome: str, reason: str) -> None:
        self._add("agent-health", {"mail.agent.subject": "source", "mail.agent.state": state, "event.outcome": outcome, "event.reason": reason})

    def _add(self, action: str, fields: dict[str, Any]) -> None:
        self._facts.append(Fact(action, {"log.file.path": self._path} | fields))


def _content(lineage: bytes | None, lost: int | None) -> dict[str, Any]:
    known = {"mail.log.lineage": lineage.hex() if lineage is not None else None, "mail.log.lost_bytes": lost}
    return {name: value for name, value in known.items() if value is not None}
