"""In: what a parser file says, and where. Out: a refusal of what the catalogue does not know or allow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from collector.errors import ParserError
from collector.parse import convert

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from collector.errors import Location
    from collector.model.catalogue import Catalogue
    from collector.model.shape import Shape

STREAMS = ("postfix", "dovecot", "filter")
"""Streams of lines; the last one is for every product that has none of its own."""

TAG = ("host.name", "process.pid", "process.name", "service.name", "service.type", "log.file.path", "log.syslog.appname")
"""What the envelope may know about any line."""

_FIXED = frozenset((
    *("@timestamp", "event.id", "event.kind", "event.category", "event.type", "event.action", "event.module", "event.dataset", "message", "event.original", "input.type"),
    *("service.type", "service.name", "log.file.path", "log.offset", "log.flags", "mail.redacted", "mail.capped", "agent.id", "agent.type", "agent.version", "ecs.version"),
    *("data_stream.type", "data_stream.dataset", "data_stream.namespace", "related.ip", "related.user", "related.hosts", "related.hash"),
))
"""What the action, the envelope or the engine says; a shape may not."""

_HINT = "collector/model/actions.yaml says what it may"


def stream_of(product: str) -> str:
    """Return the stream of a product's lines."""
    return product if product in STREAMS else STREAMS[-1]


class Vocabulary:
    """The catalogue, as the shapes of one product may use it. Each check raises ParserError at the place it is given."""

    def __init__(self, catalogue: Catalogue, product: str) -> None:
        """Keep both."""
        self.catalogue = catalogue
        self.stream = stream_of(product)

    def may(self, action: str, name: str) -> bool:
        """Say whether a shape of an action may carry a field of its own."""
        if name == "event.outcome":
            return self.catalogue.actions[action].outcome == "by-text"
        return name not in _FIXED and self.catalogue.allowed(action, name)

    def check_action(self, action: str, at: Location) -> None:
        """Refuse an action that does not exist or that is none of the product's stream."""
        streams = self.catalogue.action(action, at, ParserError).stream
        if self.stream not in streams:
            raise ParserError(f"{action} is no event of stream {self.stream}", at, f"its streams are {', '.join(streams)}")

    def check_field(self, action: str, name: str, at: Location) -> None:
        """Refuse a field that does not exist or that the action does not allow."""
        self.catalogue.field(name, at, ParserError)
        if not self.may(action, name):
            raise ParserError(f"{action} may not carry {name}", at, _HINT)

    def check_value(self, name: str, given: Any, at: Location) -> None:
        """Refuse a static value that is not of the field's type or not in its closed list."""
        definition = self.catalogue.field(name, at, ParserError)
        if name in _FIXED:
            raise ParserError(f"{name} is not for a parser to say", at)
        if not convert.fits(definition, given):
            wanted = f"{'list of ' if definition.array else ''}{definition.type}{' of its closed list' if definition.values else ''}"
            raise ParserError(f"{name}: {given!r} is no {wanted}", at, f"one of {', '.join(definition.values)}" if definition.values else None)

    def check_given(self, action: str, given: Iterable[str], at: Location) -> None:
        """Refuse a function of which the action may carry nothing."""
        if not any(name.startswith("_") or self.may(action, name) for name in given):
            raise ParserError(f"{action} may carry nothing that the function gives", at, _HINT)

    def check_shape(self, shape: Shape, said: Iterable[str], at: Location) -> None:
        """Refuse a shape that never has a sure field of its action (rules trust in them), or says a field by ``set`` and by the line."""
        missing = [name for name in self.catalogue.actions[shape.action].fields.sure if name not in shape.fields and name not in shape.static and name not in TAG]
        if missing:
            raise ParserError(f"{shape.name} never has {', '.join(missing)}, which every {shape.action} must have", at, "collector/model/actions.yaml says what is sure")
        twice = sorted(shape.static.keys() & set(said))
        if twice:
            raise ParserError(f"{shape.name} says {twice[0]} twice: by set and by the line", at, "say it once")

    def allowed(self, action: str, facts: Mapping[str, Any]) -> dict[str, Any]:
        """Return those of a file's facts that an action may carry."""
        return {name: given for name, given in facts.items() if self.may(action, name)}
