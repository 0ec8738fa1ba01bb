"""In: a Shape, and what its renderer says of itself. Out: a Template: one generated function that writes the documents of its events.

The compiled twin of ``Renderer.plain``. What all events of a shape have in common is text before the first of them comes, what a
tag lends is text once a tag. The function puts the rest into nested objects, and they are serialised in one go: nothing is quoted
by hand. A document is made of four pieces: ``head`` (agent and tag), ``text`` (the shape, up to its members of ``event``), what
the tag lends to ``event``, and the event's own, of which ``event`` comes first.
"""

from __future__ import annotations

import linecache
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from collector.model import json
from collector.parse.binding import LINE
from collector.pipeline.nesting import nest

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from collector.model.event import Event
    from collector.model.shape import Shape

LENT = frozenset((
    *("agent.id", "agent.type", "agent.version", "ecs.version", "event.timezone", "host.id", "host.name", "input.type", "log.file.path", "process.name", "process.pid"),
    *("log.syslog.appname", "log.syslog.priority", "log.syslog.facility.code", "log.syslog.facility.name", "log.syslog.severity.code", "log.syslog.severity.name"),
    *("service.name", "service.type"),
))  # fmt: skip
"""What agent and tag say in a compiled document. An event with another tag is rendered the plain way."""

_ROOTS = sorted({name.partition(".")[0] for name in LENT} - {"event"})
_PLACES = {tuple(name.split(".")[:2]) for name in (*LENT, "@timestamp", "event.id")}
"""What no shape may fill itself: one that does is rendered the plain way."""

_OPENING = len('{"event":{')
_TAGS = 4096

Lent = tuple[Any, ...]
"""Head, members of ``event``, then the members of each object that the shape adds to."""


class Lending:
    """What tags lend to shapes that add to the same objects, made once a tag. A tag is shared by many events: it is known by being the same object."""

    def __init__(self, agent: Mapping[str, Any], hidden: Collection[str], shared: tuple[str, ...]) -> None:
        """``shared`` are the objects, ``agent`` what every tag says besides."""
        self.known: dict[int, Lent] = {}
        self.shared = shared
        self._agent = agent
        self._hidden = hidden
        self._held: list[Mapping[str, Any]] = []
        """While a tag is held no other object has its id."""

    def lend(self, tag: Mapping[str, Any]) -> Lent:
        """Make what a tag lends and remember it; () for a tag that is none of a line or a birth."""
        flat = {name: value for name, value in {**self._agent, **tag}.items() if name not in self._hidden}
        if not flat.keys() <= LENT:
            return ()
        if len(self._held) >= _TAGS:
            self.known.clear()
            self._held.clear()
        whole = nest(flat)
        of_event = _members(whole.pop("event", {}))
        parts = [{name: json.fragment(json.dumps(value)) for name, value in whole.pop(root, {}).items()} for root in self.shared]
        lent = self.known[id(tag)] = (b"{" + _members(whole), of_event, *parts)
        self._held.append(tag)
        return lent


@dataclass(frozen=True, slots=True)
class Template:
    """How events of one shape become documents: ``write(event, @timestamp, what lending has for the event's tag)``."""

    lending: Lending
    write: Callable[[Event, str, Lent], bytes]
    source: str


class Compiler:
    """Compiles shapes for one renderer. ``agent`` is what every document says, ``plain`` the slow way, for events that are not as declared."""

    def __init__(self, agent: Mapping[str, Any], hidden: Collection[str], plain: Callable[[Event], bytes]) -> None:
        self._agent = agent
        self._hidden = hidden
        self._plain = plain
        self._lendings: dict[tuple[str, ...], Lending] = {}

    def compile(self, shape: Shape, static: Mapping[str, Any]) -> Template:
        """Compile a shape; ``static`` is what each of its documents says."""
        said = {name: value for name, value in static.items() if name not in self._hidden}
        names = [*shape.fields, *(name for name in said if name in LINE)]
        shown = [name for name in names if name not in self._hidden]
        roots = {_root(name) for name in (*said, *shown)}
        shared = tuple(root for root in _ROOTS if root in roots)
        lending = self._lendings.setdefault(shared, Lending(self._agent, self._hidden, shared))
        if _PLACES.isdisjoint(tuple(name.split(".")[:2]) for name in (*said, *shown)):
            text, body = _template(shape, said, shown, shared)
        else:
            text, body = b"", iter(["    return plain(event)"])
        source = "\n".join((f"def write(event, time, lent):  # {shape.name!r}", *body, ""))
        write = _function(f"<render {shape.name}>", source, {"plain": self._plain, "names": frozenset(names), "join": b"".join, "dumps": json.scratch, "text": text})
        return Template(lending, write, f"text = {text!r}\n{source}")


@dataclass(slots=True)
class _Object:
    """An object of a document: members that are always the same, members by the field that gives them, objects inside."""

    static: dict[str, Any] = field(default_factory=dict)
    dynamic: dict[str, str] = field(default_factory=dict)
    inner: dict[str, _Object] = field(default_factory=dict)

    def at(self, path: Iterable[str]) -> _Object:
        """Return the object at the end of a path."""
        place = self
        for part in path:
            place = place.inner.setdefault(part, _Object())
        return place


def _template(shape: Shape, said: Mapping[str, Any], shown: Collection[str], shared: tuple[str, ...]) -> tuple[bytes, Iterator[str]]:
    """Return the text of a shape, and the body of its function."""
    gathered = {"event", "message", *shared, *map(_root, shown)}
    event = {name: value for name, value in said.items() if _root(name) == "event" and name not in shown}
    text = _members(nest({name: value for name, value in said.items() if _root(name) not in gathered})) + b'"event":{' + _members(nest(event).get("event", {}))
    whole = _Object()
    for name, value in {"message": shape.action, **said}.items():
        if _root(name) in gathered and name not in event:
            *path, leaf = name.split(".")
            whole.at(path).static[leaf] = value
    for name in shown:
        *path, leaf = name.split(".")
        whole.at(path).dynamic[leaf] = name
    return text, _body(whole, shared)


def _body(whole: _Object, shared: tuple[str, ...]) -> Iterator[str]:
    yield "    e = event.dynamic"
    yield "    if not lent or not names.issuperset(e):"
    yield "        return plain(event)"
    yield f"    {', '.join(('head', 'of_event', *(f'lent_{root}' for root in shared)))} = lent"
    event = whole.inner.pop("event", _Object())
    yield "    _event = " + _display("'id': event.id", *_literals(event.static))
    yield "    whole = " + _display("'event': _event", "'@timestamp': time", *_literals(whole.static))
    yield from _filled(event, "_event", {})
    for root in shared:
        whole.at((root,))
    yield from _filled(whole, "whole", {root: f"**lent_{root}" for root in shared})
    yield f"    return join((head, text, of_event, dumps(whole)[{_OPENING}:]))"


def _filled(place: _Object, variable: str, lent: Mapping[str, str]) -> Iterator[str]:
    """Put an object's own members into the variable that holds it, then the objects inside that have any."""
    for leaf, name in place.dynamic.items():
        yield f"    if {name!r} in e: {variable}[{leaf!r}] = e[{name!r}]"
    for leaf, inner in place.inner.items():
        its = f"_{leaf}" if variable == "whole" else f"{variable}__{leaf}"
        begun = [*([lent[leaf]] if leaf in lent else []), *_literals(inner.static)]
        if not begun and not inner.inner and len(inner.dynamic) == 1:
            ((only, name),) = inner.dynamic.items()
            yield f"    if {name!r} in e: {variable}[{leaf!r}] = {{{only!r}: e[{name!r}]}}"
            continue
        yield f"    {its} = {_display(*begun)}"
        yield from _filled(inner, its, {})
        yield f"    if {its}: {variable}[{leaf!r}] = {its}"


def _literals(members: Mapping[str, Any]) -> Iterator[str]:
    return (f"{leaf!r}: {value!r}" for leaf, value in members.items())


def _display(*members: str) -> str:
    return f"{{{', '.join(members)}}}"


def _members(whole: Mapping[str, Any]) -> bytes:
    """Return the members of an object as text, each with a comma behind it."""
    return json.dumps(whole)[1:-1] + b"," if whole else b""


def _root(name: str) -> str:
    return name.partition(".")[0]


def _function(file: str, source: str, known: dict[str, Any]) -> Callable[[Event, str, Lent], bytes]:
    """Run the source; tracebacks show its lines."""
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    exec(compile(source, file, "exec"), known)  # noqa: S102 - the text is made here, of names and values of the catalogue, each as a literal
    write: Callable[[Event, str, Lent], bytes] = known["write"]
    return write
