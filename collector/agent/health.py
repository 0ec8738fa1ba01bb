"""In: the state of spool, sources and sinks. Out: facts when a state is entered or left, and a heartbeat every minute."""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING

from collector import __version__
from collector.errors import SpoolFull
from collector.model.alert import Fact

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from collector.errors import SpoolError
    from collector.spool.store import Room, Spool

HEARTBEAT = 60_000


def health(subject: str, state: str, reason: str, **more: str | float) -> Fact:
    """Return the fact that a state was entered; ``ok`` is a success. ``more`` are fields below mail.agent."""
    outcome = "success" if state == "ok" else "failure"
    fields = {"mail.agent.subject": subject, "mail.agent.state": state, "event.outcome": outcome, "event.reason": reason}
    return Fact("agent-health", fields | {f"mail.agent.{name}": value for name, value in more.items()})


class Health:
    """Turns states into facts, each once. ``tell`` may be called from any thread; ``clock`` gives ms."""

    def __init__(self, spool: Spool, tell: Callable[[Fact], None], clock: Callable[[], int], rules: int) -> None:
        self._spool = spool
        self._tell = tell
        self._clock = clock
        self._rules = rules
        self._states: dict[str, str] = {}
        self._beat = clock()

    def started(self) -> None:
        """Say that the agent runs, and what the start found."""
        self._tell(Fact("agent-start", {"service.version": __version__, "mail.agent.unclean": self._spool.unclean, "mail.agent.rules.loaded": self._rules}))

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
        if abs(now - self._beat) < HEARTBEAT:  # a clock that was set back must not silence it
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
