"""In: an event.action and the vocabulary. Out: one of seven classes, by which a report draws the hours of a day.

Seven because more colours cannot be told apart. The troubled ones come first: they stand at the foot of a bar, where hours compare best.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collector.model.catalogue import Catalogue


@dataclass(frozen=True, slots=True)
class ActionClass:
    """A class; ``name`` is for style sheets, ``label`` for people."""

    name: str
    label: str


FAILED = ActionClass("failed", "Failed logins")
TLS = ActionClass("tls", "TLS failures")
REFUSED = ActionClass("refused", "Refused or broken off")
UNDELIVERED = ActionClass("undelivered", "Deferred or bounced")
LOGINS = ActionClass("logins", "Logins")
MAIL = ActionClass("mail", "Mail handled")
REST = ActionClass("rest", "Connections and the rest")
CLASSES = (FAILED, TLS, REFUSED, UNDELIVERED, LOGINS, MAIL, REST)

_LOGINS = {"auth-failure": FAILED, "auth-success": LOGINS}
"""An attempt is said once by these two; what else is said about it is no attempt."""


def class_of(action: str, catalogue: Catalogue) -> ActionClass:
    """Return the class of an action; one that the vocabulary does not know (a tally's ``other``) belongs to the rest."""
    definition = catalogue.actions.get(action)
    if definition is None or action in _LOGINS:
        return _LOGINS.get(action, REST)
    failed = definition.outcome in ("failure", "unknown")
    if "network" in definition.category:
        return REST if not failed else TLS if action.startswith("tls") else REFUSED
    if "email" in definition.category:
        return UNDELIVERED if failed else MAIL
    return REST
