"""In: Markdown texts with YAML front matter. Out: Playbook, and its body filled in for one alert.

Headings are those that Elastic's guides use, in their order. Values come from attackers: quoted for a shell in
commands, escaped in Markdown, control and bidirectional characters shown, cut at 256 characters.
"""

from __future__ import annotations

import re
import shlex
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from collector.errors import Location, PlaybookError
from collector.model import strict_yaml
from collector.model.strict_yaml import Strict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from collector.content import Text
    from collector.model.catalogue import Catalogue

LENGTH = 256
"""The most characters of a value that a rendered playbook shows."""

_PLACEHOLDER = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_HEADING = re.compile(r"^(#{1,6}) +(.*?) *#* *$", re.MULTILINE)
_FENCE = re.compile(r"^(```|~~~).*?^\1\s*$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"(^(?:```|~~~).*?^(?:```|~~~)[ \t]*$)|(`[^`\n]+`)", re.MULTILINE | re.DOTALL)
_SHOWN = (
    "## Triage and analysis",
    "### Investigating ",
    "### Possible investigation steps",
    "### False positive analysis",
    "### Response and remediation",
    "## Setup",
)
_ID = re.compile(r"PB-[A-Z0-9]+(?:-[A-Z0-9]+)*")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+!|<>&~-]|:(?=//)|(?<=www)\.)", re.IGNORECASE)
_QUOTED = re.compile(r"'[^']*'|\"(?:[^\"\\]|\\.)*\"")
_LINK = re.compile(r"\]\(#([^)\s]+)\)")


class Command(Strict):
    """A command that people run; mailvigil runs none."""

    label: str
    run: str
    where: str = Field(min_length=1)
    effect: Literal["reads", "changes"]


class _Front(Strict):
    id: str
    title: str
    version: int = Field(ge=1)
    owner: str
    csf: tuple[str, ...] = ()
    react: tuple[str, ...] = ()
    applies_to: tuple[str, ...]
    inputs: tuple[str, ...]
    severity_guide: dict[str, str] = Field(default_factory=dict)
    time_targets: dict[str, str] = Field(default_factory=dict)
    commands: tuple[Command, ...] = ()


@dataclass(frozen=True)
class Playbook:
    """One playbook; ``note`` is the body up to ``## Setup``, ``setup`` what stands below that."""

    id: str
    title: str
    version: int
    owner: str
    csf: tuple[str, ...]
    react: tuple[str, ...]
    applies_to: tuple[str, ...]
    inputs: tuple[str, ...]
    severity_guide: Mapping[str, str]
    time_targets: Mapping[str, str]
    commands: tuple[Command, ...]
    note: str
    setup: str
    at: Location

    @cached_property
    def template(self) -> tuple[str | _Blank, ...]:
        """The whole text, cut at its placeholders."""
        parts = list(_prose_and_code(self.note))
        if self.commands:
            parts.append("\n\n### Commands\n")
        for one in self.commands:
            parts += [f"\n- {one.label} ({one.where}, {one.effect}):\n\n      ", *_command(one.run)]
        if self.setup:
            parts += ["\n\n## Setup\n\n", *_prose_and_code(self.setup)]
        return tuple(_joined([*parts, "\n"]))


def load(texts: Iterable[Text], catalogue: Catalogue) -> dict[str, Playbook]:
    """Read playbooks by id. Raises PlaybookError with the place."""
    found: dict[str, Playbook] = {}
    for text, origin in texts:
        playbook = _read(text, origin, catalogue)
        if playbook.id in found:
            raise PlaybookError(f"playbook {playbook.id} stands twice, first in {found[playbook.id].at.file}", playbook.at)
        found[playbook.id] = playbook
    return found


def _read(text: str, origin: str, catalogue: Catalogue) -> Playbook:
    lines = text.split("\n")
    ends = [number for number, line in enumerate(lines) if line.rstrip() == "---"]
    if len(ends) < 2 or ends[0] != 0:  # noqa: PLR2004 - the two lines around the front matter
        raise PlaybookError("front matter between two lines --- is expected", Location(origin, 1))
    head = "\n".join(["", *lines[1 : ends[1]]])
    source = strict_yaml.document(head, origin, PlaybookError)
    front = strict_yaml.validate(_Front, source, PlaybookError)
    if not _ID.fullmatch(front.id):
        raise PlaybookError(f"{front.id} is no playbook id", source.at("id"), "PB-AREA-NN, for example PB-AUTH-01")
    for number, name in enumerate(front.inputs):
        catalogue.field(name, source.at("inputs", number), PlaybookError)
    body, first = "\n".join(lines[ends[1] + 1 :]), ends[1] + 2
    _check_headings(body, origin, first)
    _check_placeholders(body, origin, first, front.inputs)
    for number, command in enumerate(front.commands):
        for match in _PLACEHOLDER.finditer(command.run):
            _check_input(match[1], front.inputs, source.at("commands", number, "run"))
            _check_unquoted(command.run[: match.start()], source.at("commands", number, "run"))
    note, _, setup = body.partition("\n## Setup")
    settings = {name: getattr(front, name) for name in _Front.model_fields}
    return Playbook(**settings, note=note.strip(), setup=setup.strip(), at=Location(origin, 1))


def _line(body: str, position: int, first: int) -> int:
    return first + body.count("\n", 0, position)


def _check_headings(body: str, origin: str, first: int) -> None:
    plain = _FENCE.sub(lambda match: "\n" * match[0].count("\n"), body)
    wanted = list(_SHOWN)
    slugs = set()
    for match in _HEADING.finditer(plain):
        heading = f"{match[1]} {match[2]}"
        slugs.add(re.sub(r"[^\w -]", "", match[2].lower()).replace(" ", "-"))
        if len(match[1]) > 3:  # noqa: PLR2004 - deeper headings are the author's own
            continue
        if not wanted or not (heading == wanted[0] or (wanted[0].endswith(" ") and heading.startswith(wanted[0]))):
            expected = f"{wanted[0].strip()} is expected here" if wanted else "no more headings are expected"
            order = f"in this order: {'; '.join(one.strip() for one in _SHOWN)}"
            raise PlaybookError(f"heading {heading!r}: {expected}", Location(origin, _line(plain, match.start(), first)), order)
        wanted.pop(0)
    if wanted:
        raise PlaybookError(f"heading {wanted[0].strip()} is missing", Location(origin, first))
    for match in _LINK.finditer(plain):
        if match[1] not in slugs:
            raise PlaybookError(f"a link to #{match[1]}, which is no heading here", Location(origin, _line(plain, match.start(), first)))


def _check_placeholders(body: str, origin: str, first: int, inputs: tuple[str, ...]) -> None:
    for match in _PLACEHOLDER.finditer(body):
        _check_input(match[1], inputs, Location(origin, _line(body, match.start(), first)))
    for code in _CODE.finditer(body):
        for match in _PLACEHOLDER.finditer(code[0]):
            before = code[0][: match.start()].rpartition("\n")[2]
            _check_unquoted(before, Location(origin, _line(body, code.start() + match.start(), first)))


def _check_input(name: str, inputs: tuple[str, ...], at: Location) -> None:
    if name not in inputs:
        raise PlaybookError(f"{{{{{name}}}}} is none of the inputs{strict_yaml.did_you_mean(name, inputs)}", at, "name it in inputs")


def _check_unquoted(before: str, at: Location) -> None:
    """Quotes around a placeholder would undo those that its value gets: text inside double quotes is still expanded by a shell."""
    if _QUOTED.sub("", before).strip("`").count('"') + _QUOTED.sub("", before).count("'"):
        raise PlaybookError("a placeholder inside quotes", at, "take the quotes away: values are quoted when they are filled in")


@dataclass(frozen=True, slots=True)
class _Blank:
    """A placeholder and where it stands: in prose, in inline code or in a block of code; whether it begins a word of a command there."""

    name: str
    code: bool
    inline: bool = False
    begins_word: bool = False


def render(playbook: Playbook, fields: Mapping[str, Any]) -> str:
    """Return the playbook's text with the values of one alert; a field that it lacks reads ``<user.name>``."""
    return "".join([part if isinstance(part, str) else _filled(part, fields) for part in playbook.template])


def _joined(parts: Iterable[str | _Blank]) -> Iterator[str | _Blank]:
    """Yield each run of texts as one."""
    for literal, run in groupby(parts, lambda part: isinstance(part, str)):
        if literal:
            yield "".join(map(str, run))
        else:
            yield from run


def _prose_and_code(text: str) -> Iterator[str | _Blank]:
    position = 0
    for code in _CODE.finditer(text):
        yield from _prose(text[position : code.start()])
        yield from _command(code[0], inline=code[2] is not None)
        position = code.end()
    yield from _prose(text[position:])


def _prose(text: str) -> Iterator[str | _Blank]:
    position = 0
    for match in _PLACEHOLDER.finditer(text):
        yield text[position : match.start()]
        yield _Blank(match[1], code=False)
        position = match.end()
    yield text[position:]


def _command(text: str, *, inline: bool = False) -> Iterator[str | _Blank]:
    position = 0
    for match in _PLACEHOLDER.finditer(text):
        yield text[position : match.start()]
        yield _Blank(match[1], code=True, inline=inline, begins_word=not text[: match.start()].rstrip("`")[-1:].strip())
        position = match.end()
    yield text[position:]


def _filled(blank: _Blank, fields: Mapping[str, Any]) -> str:
    """Return a value as escaped text; in code as a single word of a shell.

    One that begins with a dash is kept from being an option; a backtick would end inline code.
    """
    value = _value(blank.name, fields)
    if value is None:
        return f"<{blank.name}>"
    if not blank.code:
        return _MARKDOWN.sub(r"\\\1", value)
    quoted = shlex.quote(value.replace("`", "\\x60") if blank.inline else value)
    return f"-- {quoted}" if value.startswith("-") and blank.begins_word else quoted


def _value(name: str, fields: Mapping[str, Any]) -> str | None:
    value = fields.get(name)
    if value is None or value in ([], ""):
        return None
    text = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
    return visible(text if len(text) <= LENGTH else text[: LENGTH - 1] + "…")


def visible(text: str) -> str:
    """Return text with control, format (bidirectional), separator and unassigned characters written as escapes."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if _harmless(char) else f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}" for char in text)  # noqa: PLR2004 - the end of the basic plane


def _harmless(char: str) -> bool:
    return char == " " or (unicodedata.category(char)[0] != "C" and unicodedata.category(char) not in ("Zl", "Zp", "Zs"))
