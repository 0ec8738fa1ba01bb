"""In: one parser file as text. Out: its definition, validated as to form; parsers/README.md says what each key means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field, field_validator, model_validator

from collector.errors import ParserError
from collector.model import strict_yaml
from collector.model.moment import span
from collector.model.strict_yaml import Strict

if TYPE_CHECKING:
    from collector.content import Text
    from collector.model.strict_yaml import Document

_NAME = r"[a-z0-9][a-z0-9_-]*"


class SessionDef(Strict):
    """A table: the fields of its key, and how long a row that nobody writes lives."""

    key: tuple[str, ...] = Field(min_length=1)
    age: str = "1d"

    @field_validator("age")
    @classmethod
    def _is_a_span(cls, age: str) -> str:
        span(age)
        return age


class UseDef(Strict):
    """One use of a session table by a shape."""

    of: str
    opens: bool = False
    gives: tuple[str, ...] = ()
    set: dict[str, Any] = Field(default_factory=dict)
    takes: tuple[str, ...] = ()
    counts: str | None = None
    closes: bool = False


class AlsoDef(Strict):
    """Further events of the same line."""

    action: str
    times: str | None = None
    less: str | None = None
    copies: tuple[str, ...] = ()
    set: dict[str, Any] = Field(default_factory=dict)


class Sample(Strict):
    """A line (or lines, the last of which is meant) and the fields of its events; None says that a field is absent."""

    line: str | None = None
    lines: tuple[str, ...] = ()
    expect: dict[str, Any] | list[dict[str, Any]]

    @model_validator(mode="after")
    def _has_one_of_both(self) -> Sample:
        if (self.line is None) == (not self.lines):
            raise ValueError("a sample has either line or lines")
        return self

    @property
    def all_lines(self) -> tuple[str, ...]:
        """Earlier lines first, the one that is meant last."""
        return self.lines if self.line is None else (self.line,)

    @property
    def events(self) -> list[dict[str, Any]]:
        """What each event of the last line must hold."""
        return self.expect if isinstance(self.expect, list) else [self.expect]


class ShapeDef(Strict):
    """What one kind of line looks like and which event it is."""

    name: str = Field(pattern=f"^{_NAME}$")
    contains: str
    grok: str = Field(min_length=1)
    action: str
    set: dict[str, Any] = Field(default_factory=dict)
    derive: dict[str, str] = Field(default_factory=dict)
    times: str | None = None
    session: tuple[UseDef, ...] = ()
    also: tuple[AlsoDef, ...] = ()
    catch_all: bool = False
    samples: tuple[Sample, ...] = ()

    @field_validator("session", mode="before")
    @classmethod
    def _one_use_is_a_list_of_one(cls, uses: Any) -> Any:
        return [uses] if isinstance(uses, dict) else uses

    @model_validator(mode="after")
    def _has_a_literal(self) -> ShapeDef:
        if not (self.contains or self.catch_all):
            raise ValueError("contains is empty: only a catch_all takes lines without a literal")
        return self


class ParserDef(Strict):
    """One parser file."""

    parser: str = Field(pattern=rf"^{_NAME}\.{_NAME}$")
    program: tuple[str, ...] = Field(min_length=1)
    set: dict[str, Any] = Field(default_factory=dict)
    service: dict[str, dict[str, Any]] = Field(default_factory=dict)
    sessions: dict[str, SessionDef] = Field(default_factory=dict)
    shapes: tuple[ShapeDef, ...] = ()

    @property
    def product(self) -> str:
        """What stands before the dot: service.type, and the choice of the stream."""
        return self.parser.partition(".")[0]


def define(text: str, origin: str) -> tuple[ParserDef, Document]:
    """Read one file; raises ParserError with the place of the first fault. The document knows where each key stands."""
    source = strict_yaml.document(text, origin, ParserError)
    return strict_yaml.validate(ParserDef, source, ParserError), source


def define_all(files: list[Text]) -> list[tuple[ParserDef, Document]]:
    """Read many files in their order; a parser's name is its own."""
    found: dict[str, tuple[ParserDef, Document]] = {}
    for text, origin in files:
        definition, source = define(text, origin)
        if definition.parser in found:
            raise ParserError(f"parser {definition.parser} stands in {found[definition.parser][1].origin} already", source.at("parser"))
        found[definition.parser] = (definition, source)
    return list(found.values())
