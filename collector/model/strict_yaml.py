"""In: YAML text from a file. Out: plain values with the place of every key, or an error that names the place.

YAML 1.2 scalars only (``no``, ``on``, ``010``, ``22:22`` are not what PyYAML makes of them), a key that stands twice is
refused, and so are anchors' merges. The only door for PyYAML.
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from collector.errors import ContentError, Location

if TYPE_CHECKING:
    from collections.abc import Iterable

Model = TypeVar("Model", bound=BaseModel)


class Strict(BaseModel):
    """Base of every content model: no unknown key, no change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Document(dict[str, Any]):
    """The top mapping of one YAML document, and where the keys of it and of what lies below stand."""

    def __init__(self, values: dict[str, Any], origin: str, line: int, places: dict[tuple[Any, ...], tuple[int, int]]) -> None:
        """Keep the values; ``places`` maps a path of keys and indexes to (line, column), from 1."""
        super().__init__(values)
        self.origin = origin
        self.line = line
        self._places = places

    def at(self, *path: Any) -> Location:
        """Return the place of a path, or of the nearest part above it that has one."""
        for length in range(len(path), 0, -1):
            place = self._places.get(tuple(path[:length]))
            if place is not None:
                return Location(self.origin, *place)
        return Location(self.origin, self.line)


class _Loader(yaml.CSafeLoader):
    """CSafeLoader with the scalars of YAML 1.2's core schema."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own protocol


for _tag, _regex, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"null|Null|NULL|~|", ["n", "N", "~", ""]),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", "-+0123456789."),
    ("timestamp", r"[0-9]{4}-[0-9]{2}-[0-9]{2}", "0123456789"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_regex})\\Z"), list(_first))


def _integer(loader: _Loader, node: yaml.ScalarNode) -> int:
    text = loader.construct_scalar(node)
    return int(text, 0) if text[:2] in ("0o", "0x") else int(text)


_Loader.add_constructor("tag:yaml.org,2002:int", _integer)


def documents(text: str, origin: str, error: type[ContentError] = ContentError) -> list[Document]:
    """Return the mappings of a multi-document text; raises ``error`` with file, line and column."""
    loader = _Loader(text)
    found = []
    try:
        while loader.check_node():
            node = loader.get_node()
            if node is None or (isinstance(node, yaml.ScalarNode) and node.value == ""):
                continue
            if not isinstance(node, yaml.MappingNode):
                raise error("a mapping is expected at the top", Location(origin, node.start_mark.line + 1))
            places: dict[tuple[Any, ...], tuple[int, int]] = {}
            _survey(node, (), places, origin, error)
            found.append(Document(loader.construct_document(node), origin, node.start_mark.line + 1, places))
    except yaml.MarkedYAMLError as e:
        mark = e.problem_mark or e.context_mark
        at = Location(origin, mark.line + 1, mark.column + 1) if mark is not None else Location(origin)
        raise error(f"no YAML: {e.problem or e.context}", at) from e
    except (yaml.YAMLError, ValueError, RecursionError) as e:
        raise error(f"no YAML: {e}", Location(origin)) from e
    finally:
        loader.dispose()
    return found


def document(text: str, origin: str, error: type[ContentError] = ContentError) -> Document:
    """Return the one mapping of a text; raises ``error`` if there is none or more than one."""
    found = documents(text, origin, error)
    if len(found) != 1:
        raise error(f"one YAML document is expected, there are {len(found)}", Location(origin))
    return found[0]


def _survey(node: yaml.Node, path: tuple[Any, ...], places: dict[tuple[Any, ...], tuple[int, int]], origin: str, error: type[ContentError]) -> None:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            at = (key.start_mark.line + 1, key.start_mark.column + 1)
            if not isinstance(key, yaml.ScalarNode):
                raise error("a key must be plain text", Location(origin, *at))
            if key.value in seen:
                raise error(f"key {key.value} stands twice", Location(origin, *at))
            if key.tag == "tag:yaml.org,2002:merge" or key.value == "<<":
                raise error("merge keys are not read", Location(origin, *at), "write the keys out")
            seen.add(key.value)
            places[(*path, key.value)] = at
            _survey(value, (*path, key.value), places, origin, error)
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            places[(*path, number)] = (value.start_mark.line + 1, value.start_mark.column + 1)
            _survey(value, (*path, number), places, origin, error)


def validate(model: type[Model], source: Document, error: type[ContentError] = ContentError, *, part: Any = None, path: tuple[Any, ...] = ()) -> Model:
    """Check a document (or the ``part`` of it that stands at ``path``) against a model.

    Raises ``error`` in the product's own words with the place of the first fault; never pydantic's text alone.
    """
    try:
        return model.model_validate(dict(source) if part is None else part)
    except ValidationError as e:
        first = e.errors()[0]
        raise error(in_words(first, model), source.at(*path, *_path(first))) from e


_TAGS = frozenset({"str", "int", "float", "bool", "list[str]"})


def in_words(fault: Any, model: type[BaseModel]) -> str:
    """Say one fault of pydantic's in the product's own words, with the dotted key."""
    name = ".".join(map(str, _path(fault)))
    if fault["type"] == "extra_forbidden":
        return f"unknown key {name}{did_you_mean(str(_path(fault)[-1]), keys(model))}"
    if fault["type"] == "missing":
        return f"key {name} is missing"
    return f"{name}: {fault['msg'].removeprefix('Value error, ')}"


def _path(fault: Any) -> tuple[Any, ...]:
    return tuple(step for step in fault["loc"] if not (isinstance(step, str) and step in _TAGS))


def keys(model: type[BaseModel], seen: frozenset[type[BaseModel]] = frozenset()) -> set[str]:
    """All key names of a model and of the models below it."""
    found: set[str] = set()
    for name, info in model.model_fields.items():
        found.add(info.alias or name)
        for inner in _models(info.annotation):
            if inner not in seen:
                found |= keys(inner, seen | {model})
    return found


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in getattr(annotation, "__args__", ()) for model in _models(argument)]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``, did you mean X?`` or nothing."""
    near = difflib.get_close_matches(word, sorted(known), 1)
    return f", did you mean {near[0]}?" if near else ""
