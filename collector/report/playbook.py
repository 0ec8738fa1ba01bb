"""In: a playbook as an alert carries it, rendered Markdown. Out: its first steps, with the commands that they name.

Only what playbooks consist of is read: numbered lists, bold, emphasis and code. Everything else stays text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from collector.detect.playbooks import visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

STEPS = 3
"""How many steps a report shows: the whole playbook is a verb away."""
_SECTION = re.compile(r"^### Possible investigation steps\n(.*?)(?=^##|\Z)", re.MULTILINE | re.DOTALL)
_COMMANDS = re.compile(r"^- (?P<label>.+) \([^()\n]*\):\n\n {6}(?P<run>[^\n]+)", re.MULTILINE)
_ITEM = re.compile(r"^[0-9]+\. +(.*?)(?=^[0-9]+\. |\Z)", re.MULTILINE | re.DOTALL)
_RUN = re.compile(r"`(?P<code>[^`]+)`|\*\*(?P<strong>(?:\\.|[^*\\])+)\*\*|\*(?P<em>(?:\\.|[^*\\])+)\*|(?P<text>(?:\\.|[^`*\\])+|.)", re.DOTALL)
_ESCAPE = re.compile(r"\\([^A-Za-z0-9\s])")


@dataclass(frozen=True, slots=True)
class Run:
    """A piece of a sentence; ``kind`` is code, strong, em or text."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Step:
    """One step and the commands that it tells to run: (label, command line)."""

    runs: tuple[Run, ...]
    commands: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Playbook:
    """What a report shows of a playbook; ``further`` is the number of investigation steps that it leaves out."""

    id: str
    title: str
    steps: tuple[Step, ...]
    further: int


def read(carried: Mapping[str, Any] | None) -> Playbook | None:
    """Return the playbook that an alert carries (``mail.playbook``), None for none."""
    if carried is None:
        return None
    section = _SECTION.search(carried["rendered"])
    items = [match[1] for match in _ITEM.finditer(section[1])] if section is not None else []
    commands = {match["label"]: match["run"] for match in _COMMANDS.finditer(carried["rendered"])}
    return Playbook(carried["id"], carried["title"], tuple(_step(item, commands) for item in items[:STEPS]), max(0, len(items) - STEPS))


def _step(item: str, commands: Mapping[str, str]) -> Step:
    found = tuple(_runs(" ".join(item.split())))
    return Step(found, tuple((run.text, visible(commands[run.text])) for run in found if run.kind == "em" and run.text in commands))


def _runs(text: str) -> Iterator[Run]:
    for match in _RUN.finditer(text):
        kind = match.lastgroup or "text"
        yield Run(kind, visible(match[kind] if kind == "code" else _ESCAPE.sub(r"\1", match[kind])))
