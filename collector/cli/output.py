"""In: what a verb found. Out: text for a terminal, tables, JSON. The only door for rich, and the only place where log text meets a terminal."""

from __future__ import annotations

import sys
import unicodedata
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from collector.model import json

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from collector.errors import CollectorError

LEVELS = {"critical": "bold white on red", "high": "bold red", "medium": "yellow", "low": "cyan"}
_UNSAFE = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
"""Control, format (bidi, zero width), private, surrogate, line and paragraph separators."""


def plain(text: str, *, lines: bool = False) -> str:
    """Return text in which nothing can move the cursor, change colours or turn the reading direction; ``lines`` keeps line feeds."""
    return "".join(character if _safe(character, lines=lines) else _escaped(character) for character in text)


def _safe(character: str, *, lines: bool) -> bool:
    return unicodedata.category(character) not in _UNSAFE or (lines and character == "\n")


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def console(*, error: bool = False) -> Console:
    """Return a console; colours and width only where a terminal is."""
    stream = sys.stderr if error else sys.stdout
    return Console(file=stream, highlight=False, emoji=False, soft_wrap=not stream.isatty())


def table(title: str | None, columns: Sequence[str], rows: Iterable[Sequence[Any]], *, styles: Sequence[str | None] = ()) -> None:
    """Print a table; every cell is escaped."""
    drawn = Table(title=title, title_justify="left", header_style="bold", show_header=any(columns), box=None, pad_edge=False, show_edge=False)
    for number, column in enumerate(columns):
        drawn.add_column(column, style=styles[number] if number < len(styles) else None, overflow="fold")
    for row in rows:
        drawn.add_row(*(cell if isinstance(cell, Text) else Text(plain("" if cell is None else str(cell), lines=True)) for cell in row))
    out = console()
    if not sys.stdout.isatty():
        out.width = 200
    out.print(drawn)


def level(name: str) -> Text:
    """Return a level in its colour."""
    return Text(name, style=LEVELS.get(name, ""))


def say(text: str = "", *, style: str | None = None, error: bool = False) -> None:
    """Print a line or several; log text in it is escaped."""
    console(error=error).print(escape(plain(text, lines=True)), style=style)


def as_json(value: Any) -> None:
    """Print one JSON document."""
    sys.stdout.buffer.write(json.pretty(value) + b"\n")
    sys.stdout.buffer.flush()


def faults(found: Iterable[CollectorError]) -> list[dict[str, str | None]]:
    """Return errors as --json shows them."""
    return [{"at": str(fault.at) if fault.at else None, "message": fault.message, "hint": fault.hint} for fault in found]


def say_faults(found: Iterable[CollectorError]) -> None:
    """Print each content file that does not load, with its place and what to do."""
    for fault in found:
        say(f"! {fault}", error=True)
        if fault.hint:
            say(f"  {fault.hint}", error=True)
