"""In: the state of spool, sources and sinks. Out: facts when a state is entered or left, and a heartbeat every minute."""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING

from collector import __version__
from collector.errors import SpoolFull
from collector.model.alert import Fact
from collector.model.moment import passed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from collector.errors import ContentError, SpoolError
    from collector.spool.store import Room, Spool

HEARTBEAT = 60_000
NAMED = 10
"""So many files that do not load are named in one event."""


def health(subject: str, state: str, reason: str, **more: str | float) -> Fact:
    """Return the fact that a state was entered; ``ok`` is a success. ``more`` are fields below mail.agent."""
    outcome = "success" if state == "ok" else "failure"
    fields = {"mail.agent.subject": subject, "mail.agent.state": state, "event.outcome": outcome, "event.reason": reason}
    return Fact("agent-health", fields | {f"mail.agent.{name}": value for name, value in more.items()})


class Health:
    """Turns states into facts, each once. ``tell`` may be called from any thread; ``clock`` gives ms.

    ``rules`` is how many are on, ``faults`` says for ``parsers`` and ``rules`` why files of the host were left out.
    """

    def __init__(self, spool: Spool, tell: Callable[[Fact], None], clock: Callable[[], int], rules: int, faults: Mapping[str, Sequence[ContentError]] | None = None) -> None:
        self._spool = spool
        self._tell = tell
        self._clock = clock
        self._rules = rules
        self._faults = faults or {}
        self._states: dict[str, str] = {}
        self._beat = clock()

    def started(self) -> None:
        """Say that the agent runs, and what the start found."""
        self._tell(Fact("agent-start", {"service.version": __version__, "mail.agent.unclean": self._spool.unclean, "mail.agent.rules.loaded": self._rules}))
        self._broken(self._faults, "left out")

    def reloaded(self, rules: int, reason: str) -> None:
        """Say that settings, parsers and rules were read again, and all of them are in use."""
        self._rules = rules
        self._tell(Fact("content-reloaded", {"event.outcome": "success", "event.reason": reason, "mail.agent.rules.loaded": rules}))
        for subject in ("parsers", "rules"):
            if self._states.pop(subject, "ok") != "ok":
                self._tell(health(subject, "ok", "every file of the host loads"))

    def not_reloaded(self, reason: str, faults: Mapping[str, Sequence[ContentError]] | None = None) -> None:
        """Say that what was read again is not used: the old settings, parsers and rules stay."""
        self._tell(Fact("content-reloaded", {"event.outcome": "failure", "event.reason": reason, "mail.agent.rules.loaded": self._rules}))
        self._broken(faults or {}, "not reloaded, the old ones stay")

    def _broken(self, all_faults: Mapping[str, Sequence[ContentError]], what: str) -> None:
        """Tell each file of the host that does not load."""
        for subject, faults in all_faults.items():
            if faults:
                self._states[subject] = "degraded"
                more = f"; and {len(faults) - NAMED} more" if len(faults) > NAMED else ""
                self._tell(health(subject, "degraded", f"{what}: {'; '.join(error.with_hint for error in faults[:NAMED])}{more}", count=len(faults)))

    def stopped(self, signal: int | None = None) -> None:
        """Say that the agent ends in order, and by which signal."""
        fields = {"event.reason": "told to stop"} if signal is None else {"event.reason": f"terminated by signal {signal}", "mail.signal": signal}
        self._tell(Fact("agent-stop", fields))

    def _spool_is(self, what: str, state: str, reason: str, room: Room | None = None) -> None:
        """Tell a state of the spool when it is another than the last one of ``what``; that all is well needs no telling at first."""
        if self._states.get(what, "ok") == state:
            return
        self._states[what] = state
        self._tell(health("spool", state, reason, **({} if room is None else {"spool.bytes": room.waiting, "spool.full_percent": room.percent})))

    def commit_failed(self, error: SpoolError) -> None:
        """Tell that a commit did not happen; the same batch is tried again."""
        self._spool_is("commit", "full" if isinstance(error, SpoolFull) else "degraded", error.with_hint)

    def committed(self) -> None:
        """Tell that commits work again."""
        self._spool_is("commit", "ok", "commits work again")

    def room(self, room: Room) -> None:
        """Tell how full the spool is, at each level once, and when nothing more is read."""
        for level in room.crossed:
            self._spool_is(f"{level} %", "degraded", f"{level} % of its limit wait for a required sink", room)
        for level in room.cleared:
            self._spool_is(f"{level} %", "ok", f"less than {level} % of its limit wait", room)
        if room.read:
            self._spool_is("room", "ok", "reading goes on", room)
        elif room.reason == "spool":
            self._spool_is("room", "full", "nothing is read until a required sink has taken some of it", room)
        else:
            self._spool_is("room", "full", f"{room.free} bytes are free on its disk: nothing is read until there is room", room)

    def heartbeat(self, counts: Mapping[str, int]) -> None:
        """Say once a minute that all is alive."""
        now = self._clock()
        if not passed(self._beat, now, HEARTBEAT):
            return
        self._beat = now
        self._tell(
            Fact(
                "heartbeat",
                {
                    "service.version": __version__,
                    "mail.agent.lines.read": counts["lines"],
                    "mail.agent.lines.irrelevant": counts["irrelevant"],
                    "mail.agent.lines.unknown": counts["unparsed"],
                    "mail.agent.lines.debug": counts["debug"],
                    "mail.agent.rules.loaded": self._rules,
                    "mail.agent.memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
                },
            )
        )
