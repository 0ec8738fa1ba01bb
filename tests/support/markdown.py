"""In: the project's Markdown files. Out: their fenced blocks, command lines, anchors and links, each with its place."""

import re
from dataclasses import dataclass
from pathlib import Path

from collector import content

ROOT = content.root()
_FENCE = re.compile(r"^```([a-z]*)(?: file=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#{1,6} +(.*)$", re.MULTILINE)
_LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\(([^()\s]+)\)")
_COMMAND = re.compile(r" {4}((?:mailvigil|make|python3|pip|git|systemctl|curl|sudo|cd|cp|sh|bash|apt-get|docker|setfacl|export) .*)")
_NEEDS = re.compile(r"<!-- needs ([a-z]+): .+ -->")


def pages():
    """Return every Markdown file of the project's own, generated ones too."""
    found = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "parsers").glob("*.md"), *(ROOT / "rules").rglob("*.md"), *(ROOT / "changelog.d").glob("*.md")]
    return sorted(found)


def name(path):
    return str(path.relative_to(ROOT))


@dataclass(frozen=True)
class Block:
    path: Path
    line: int
    kind: str
    text: str
    file: str | None = None
    """Where the page wants it written (``file=`` behind the kind)."""

    def __str__(self):
        return f"{name(self.path)}:{self.line}"


def blocks(path, *kinds):
    """Return the fenced blocks of some kinds; of all, without one."""
    text = path.read_text("utf-8")
    found = [Block(path, text.count("\n", 0, match.start()) + 2, match[1], match[3], match[2]) for match in _FENCE.finditer(text)]
    return [block for block in found if block.kind in kinds or not kinds]


def commands(path):
    """Return the indented command lines that begin with mailvigil, without the explanation behind the #."""
    return [line.text for line in command_lines(path) if line.text.startswith("mailvigil ")]


@dataclass(frozen=True)
class Command:
    path: Path
    line: int
    text: str
    needs: str | None

    def __str__(self):
        return f"{name(self.path)}:{self.line}"


def command_lines(path):
    """Return the indented lines that a shell would run, without the explanation behind the #, and what a comment before them says that they need."""
    found, needs = [], None
    for number, line in enumerate(_FENCE.sub(lambda match: "\n" * match[0].count("\n"), path.read_text("utf-8")).split("\n"), 1):
        comment, command = _NEEDS.fullmatch(line), _COMMAND.fullmatch(line)
        if comment is not None:
            needs = comment[1]
        elif command is not None:
            found.append(Command(path, number, command[1].partition("  #")[0].strip(), needs))
        elif line or (found and found[-1].line == number - 1):
            needs = None
    return found


def anchors(path):
    """Return what a heading can be reached by: lower case, blanks as hyphens, other signs left out."""
    text = _FENCE.sub("", path.read_text("utf-8"))
    return {re.sub(r"[^\w\- ]", "", match[1].strip().lower()).replace(" ", "-") for match in _HEADING.finditer(text)}


def links(path):
    """Return (target, anchor) of every link, code left out."""
    text = re.sub(r"`[^`\n]*`", "", _FENCE.sub("", path.read_text("utf-8")))
    return [tuple(match[1].partition("#")[::2]) for match in _LINK.finditer(text)]
