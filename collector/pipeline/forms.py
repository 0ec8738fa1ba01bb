"""In: events. Out: their documents, the quick way: a form for each shape and set of fields, filled in anew for each event.

``Renderer.plain`` is the slow twin. Nothing is nested, merged or quoted by hand for an event: what all documents of a form have
in common is text, what a tag lends is text once a tag, and the rest stands in nested objects whose members are overwritten and
then serialised in one go. A document is ``head`` (agent and tag), ``text`` (what the shape says, up to its members of ``event``),
what the tag lends to ``event``, the event's own, of which ``event`` comes first and ``log`` last, and what the tag lends to
``log``. A renderer belongs to one thread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from collector.model import json
from collector.pipeline.nesting import nest

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from collector.model.event import Event
    from collector.model.shape import Shape

LENT = frozenset((
    *("agent.id", "agent.type", "agent.version", "ecs.version", "event.timezone", "host.id", "host.name", "input.type", "log.file.path", "process.name", "process.pid"),
    *("log.syslog.appname", "log.syslog.priority", "log.syslog.facility.code", "log.syslog.facility.name", "log.syslog.severity.code", "log.syslog.severity.name"),
    *("service.name", "service.type"),
))  # fmt: skip
"""What agent and tags say in a form. An event with any other tag is rendered the plain way."""

FORMS = 2048
TAGS = 4096
"""How many are remembered; then all are forgotten and made anew."""

_LONG = 4096
"""A form does not hold on to texts of this size: 64 KiB of a stranger's text in each of them would be too much."""

_ROOTS = {name.partition(".")[0] for name in LENT} - {"event"}
_PLACES = {tuple(name.split(".")[:2]) for name in (*LENT, "@timestamp", "event.id")}
"""Where an event must say nothing itself to have a form."""

_OPENING = len('{"event":{')

Lent = tuple[bytes, bytes, bytes, "Mapping[str, Mapping[str, Any]]"]
"""Head, members of ``event``, the end of the document, and members of other objects that an event adds to."""


class Lending:
    """What tags lend to documents that add to the same objects, made once a tag. A tag is known by being the same object."""

    def __init__(self, agent: Mapping[str, Any], hidden: Collection[str], shared: Collection[str]) -> None:
        """``shared`` are the objects, ``agent`` is what every document says."""
        self.known: dict[int, Lent] = {}
        self._agent = agent
        self._hidden = hidden
        self._shared = shared
        self._held: list[Mapping[str, Any]] = []
        """While a tag is held no other object has its id."""

    def lend(self, tag: Mapping[str, Any]) -> Lent | None:
        """Make what a tag lends and remember it; None for a tag that says anything unknown."""
        flat = _without(self._hidden, {**self._agent, **tag})
        if not flat.keys() <= LENT:
            return None
        if len(self._held) >= TAGS:
            self.known.clear()
            self._held.clear()
        whole = nest(flat)
        shared = {root: whole.pop(root, {}) for root in ("event", *self._shared)}
        log = shared.get("log")
        end = b"}" if log is None else b"," + json.dumps(log)[1:] + b"}" if log else b"}}"
        lent = self.known[id(tag)] = (b"{" + _members(whole), _members(shared["event"]), end, shared)
        self._held.append(tag)
        return lent


class Form:
    """The documents of events of one shape with the same fields, in the same order."""

    __slots__ = ("_closing", "_event", "_places", "_shared", "_text", "_whole", "lending")

    def __init__(self, said: Mapping[str, Any], names: Sequence[str], hidden: Collection[str], lending: Lending, shared: Collection[str]) -> None:
        """``said`` is what the shape says, ``names`` are the fields of its events."""
        self.lending = lending
        shown = _without(hidden, dict.fromkeys(names))
        gathered = {"event", "message", *shared, *map(_root, shown)}
        event = {name: value for name, value in said.items() if _root(name) == "event" and name not in shown}
        apart = {name: value for name, value in said.items() if _root(name) not in gathered}
        self._text = _members(nest(apart)) + b'"event":{' + _members(nest(event).get("event", {}))
        within = {name: value for name, value in said.items() if _root(name) in gathered and name not in event}
        self._whole = nest({"event.id": "", "@timestamp": "", **within, **shown})
        self._event = self._whole["event"]
        self._places = [self._place(name) if name in shown else ({}, name) for name in names]
        if "log" in shared:
            self._whole["log"] = self._whole.pop("log")
        self._closing = -2 if "log" in shared else -1
        self._shared = [(root, self._whole[root]) for root in shared if root != "log"]

    def _place(self, name: str) -> tuple[dict[str, Any], str]:
        *path, leaf = name.split(".")
        place = self._whole
        for part in path:
            place = place[part]
        return place, leaf

    def fill(self, event: Event, time: str, lent: Lent) -> bytes:
        """Return the document of an event."""
        head, of_event, end, shared = lent
        whole = self._whole
        whole["@timestamp"] = time
        self._event["id"] = event.id
        for (place, leaf), value in zip(self._places, event.dynamic.values()):  # noqa: B905 - saying it costs a third of the loop
            place[leaf] = value
        for root, own in self._shared:
            whole[root] = {**shared[root], **own}
        text = json.scratch(whole)[_OPENING : self._closing]
        if len(text) > _LONG:
            for place, leaf in self._places:
                place[leaf] = None
        return b"".join((head, self._text, of_event, text, end))


class Forms:
    """All forms of one renderer. ``agent`` is what every document says, ``said`` what those of a shape say."""

    def __init__(self, agent: Mapping[str, Any], said: Callable[[Shape], Mapping[str, Any]], hidden: Collection[str]) -> None:
        self._agent = agent
        self._said = said
        self._hidden = hidden
        self._known: dict[tuple[Any, ...], Form] = {}
        self._lendings: dict[frozenset[str], Lending] = {}

    def document(self, event: Event, time: str) -> bytes | None:
        """Return the document of an event; None for one that says what is not an event's to say: it has no form."""
        form = self._known.get((event.shape, *event.dynamic)) or self._form(event)
        if form is None:
            return None
        lent = form.lending.known.get(id(event.tag)) or form.lending.lend(event.tag)
        return None if lent is None else form.fill(event, time, lent)

    def _form(self, event: Event) -> Form | None:
        said = _without(self._hidden, self._said(event.shape))
        names = {*said, *_without(self._hidden, event.dynamic)}
        if not _PLACES.isdisjoint(tuple(name.split(".")[:2]) for name in names):
            return None
        if len(self._known) >= FORMS:
            self._known.clear()
        shared = frozenset(map(_root, names)) & _ROOTS
        lending = self._lendings.setdefault(shared, Lending(self._agent, self._hidden, shared))
        form = self._known[event.shape, *event.dynamic] = Form(said, tuple(event.dynamic), self._hidden, lending, shared)
        return form


def _members(whole: Mapping[str, Any]) -> bytes:
    """Return the members of an object as text, each with a comma behind it."""
    return json.dumps(whole)[1:-1] + b"," if whole else b""


def _root(name: str) -> str:
    return name.partition(".")[0]


def _without(hidden: Collection[str], fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in hidden}
