"""In: the name of a data stream. Out: the table that holds it, and how urgent it is."""

from __future__ import annotations

from typing import Literal

Kind = Literal["alert", "document"]
KINDS: tuple[Kind, ...] = ("alert", "document")

_ALERT = "logs-mail.alert-"
_AGENT = "logs-mail.agent-"


def kind(stream: str) -> Kind:
    """Return the table: alerts have their own. What rules on trial say (``alert_test``) are plain documents."""
    return "alert" if stream.startswith(_ALERT) else "document"


def own(stream: str) -> bool:
    """Say whether it is what the collector says about itself: never dropped, shipped right after the alerts."""
    return stream.startswith(_AGENT)


def urgency(stream: str) -> tuple[int, str]:
    """Sort key: alerts, the agent's own, the others."""
    return (0 if kind(stream) == "alert" else 1 if own(stream) else 2, stream)
