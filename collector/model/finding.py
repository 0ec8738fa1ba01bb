"""In: an action and its fields. Out: events born whole, of probes, of the collector itself, of rule tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from collector.errors import ContentError
from collector.model.event import Event

if TYPE_CHECKING:
    from collections.abc import Mapping

    from collector.errors import Location
    from collector.model.catalogue import Catalogue, FieldDef
    from collector.model.shape import Shape

_TYPES: dict[str, tuple[type, ...]] = {"long": (int,), "float": (int, float), "boolean": (bool,)}


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a probe may do once the event is committed (move the mail it read); opaque to all others."""

    probe: str
    token: bytes


@dataclass(frozen=True, slots=True)
class Finding:
    """What a probe yields: an event born whole and, maybe, a receipt."""

    event: Event
    receipt: Receipt | None = None


class Births:
    """Makes events that no line gave, from the same catalogue and with the same checks as a parser's."""

    def __init__(self, catalogue: Catalogue, tag: Mapping[str, Any]) -> None:
        """Keep the vocabulary; ``tag`` is what every such event carries (host.name, service.name ...)."""
        self._catalogue = catalogue
        self._tag = tag
        self._shapes: dict[tuple[str, str], Shape] = {}

    def event(self, id: str, time: int, action: str, fields: Mapping[str, Any], at: Location | None = None) -> Event:  # noqa: A002 - event.id
        """Return an event; ``fields`` is a flat map that may override the tag. Raises ContentError for a field that is unknown, of a wrong type, not allowed or missing."""
        definition = self._catalogue.action(action, at)
        for name, value in fields.items():
            self._check(action, name, value, at)
        missing = [name for name in definition.fields.sure if name not in fields and name not in self._tag]
        if missing:
            raise ContentError(f"{action} lacks {', '.join(missing)}", at)
        product = fields.get("service.type")
        stream = product if product in definition.stream else definition.stream[-1] if product else definition.stream[0]
        shape = self._shapes.get((action, stream))
        if shape is None:
            carried = (*definition.fields.sure, *definition.fields.may, "mail.maintenance")
            shape = self._shapes[action, stream] = self._catalogue.shape(f"born.{action}", action, stream, carried=carried)
        return Event(id, time, shape, dict(fields), self._tag)

    def _check(self, action: str, name: str, value: Any, at: Location | None) -> None:
        definition = self._catalogue.field(name, at)
        if not self._catalogue.allowed(action, name):
            raise ContentError(f"{action} may not carry {name}", at, "collector/model/actions.yaml says what it may")
        if definition.array != isinstance(value, list):
            raise ContentError(f"{name} must {'' if definition.array else 'not '}be a list", at)
        for one in value if isinstance(value, list) else [value]:
            if not _fits(definition, one):
                raise ContentError(f"{name}: {one!r} is no {definition.type}{' of its closed list' if definition.values else ''}", at)


def _fits(definition: FieldDef, value: Any) -> bool:
    wanted = _TYPES.get(definition.type, (str,))
    if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
        return False
    return not definition.values or value in definition.values
