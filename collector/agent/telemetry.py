"""In: facts. Out: one log line each on stderr, and a count. The only door for structlog.

What the program says about itself is a Fact: the same that becomes an event of the agent stream. Log text in it is escaped.
"""

from __future__ import annotations

import sys
from collections import Counter
from threading import Lock
from typing import TYPE_CHECKING, Any, TextIO

import structlog

if TYPE_CHECKING:
    from collector.model.alert import Fact

FAILURE = {"log-gap", "log-tamper", "spool-overflow", "detector-overflow", "rule-disabled", "delivery-duplicate"}
"""Actions that are warnings whatever their outcome says."""


class Telemetry:
    """Logs and counts facts; called from every thread."""

    def __init__(self, stream: TextIO | None = None, *, stamps: bool = True) -> None:
        self.counts: Counter[str] = Counter()
        self._lock = Lock()
        processors: list[structlog.typing.Processor] = [structlog.processors.add_log_level]
        if stamps:
            processors.append(structlog.processors.TimeStamper(fmt="iso", utc=True))
        # repr() of every value: a log line that is quoted here cannot move a terminal's cursor or forge a line
        processors.append(structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"], drop_missing=True))
        self._log = structlog.wrap_logger(structlog.WriteLogger(stream or sys.stderr), processors=processors, cache_logger_on_first_use=True)

    def tell(self, fact: Fact) -> None:
        """Log one fact; failures as warnings."""
        with self._lock:
            self.counts[fact.action] += 1
        fields = {name.replace(".", "_"): value for name, value in fact.fields.items() if name != "event.outcome"}
        bad = fact.action in FAILURE or fact.fields.get("event.outcome") == "failure"
        self._say("warning" if bad else "info", fact.action, fields)

    def fault(self, part: str, error: BaseException) -> None:
        """Log a fault of the program itself."""
        with self._lock:
            self.counts["fault"] += 1
        self._say("error", "fault", {"part": part, "error": f"{type(error).__name__}: {error}"})

    def _say(self, level: str, event: str, fields: dict[str, Any]) -> None:
        """Log; where nobody listens any more (a closed pipe, a full disk) the work goes on, and the count says so."""
        try:
            getattr(self._log, level)(event, **fields)
        except (OSError, ValueError):
            with self._lock:
                self.counts["unsaid"] += 1
