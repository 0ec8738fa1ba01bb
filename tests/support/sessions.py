"""In: the console blocks of a page. Out: each command with what it should print and what it did, typed in one shell in a folder of its own.

A page reads as a session: ``$`` begins a command (``>`` continues it), below it stands its output, standard error included. A
line ``...`` stands for any lines, ``...`` within a line for any text, and ``[3]`` at the end for an exit code that is not 0.
Blocks with ``file=NAME`` behind their kind are written before what follows them.
"""

import os
import re
import subprocess
import sys
from dataclasses import dataclass

from tests.support.markdown import ROOT, Block, blocks

MARK = "\x1e"
EXIT = re.compile(r"\[([0-9]+)\]")


@dataclass
class Typed:
    block: Block
    command: str
    expected: list[str]
    code: int = 0
    printed: str = ""
    ended: int | None = None

    @property
    def as_documented(self):
        return self.ended == self.code and fits(self.expected, self.printed)


def fits(expected, printed):
    """Say whether a text is what was expected; how many blanks pad a column makes no difference, nor do empty lines at both ends."""
    gaps = "".join(r"(?:.*\n)*" if line == "..." else ".*".join(map(re.escape, padded(line).split("..."))) + r"\n" for line in expected)
    return re.fullmatch(gaps, "".join(f"{padded(line)}\n" for line in printed.strip("\n").splitlines())) is not None


def padded(line):
    return re.sub(" {2,}", "  ", line.rstrip())


def commands_of(block):
    """Cut a console block into commands with their output."""
    found = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            found.append(Typed(block, line[2:], []))
        elif line.startswith("> ") and not found[-1].expected:
            found[-1].command += f"\n{line[2:]}"
        elif EXIT.fullmatch(line):
            found[-1].code = int(EXIT.fullmatch(line)[1])
        else:
            found[-1].expected.append(line.rstrip())
    for one in found:
        while one.expected and not one.expected[-1]:
            one.expected.pop()
    return found


def environment(folder, **more):
    """Return an environment in which ``mailvigil`` is this tree's, with no settings of the host."""
    program = folder / "bin" / "mailvigil"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m collector.cli.main "$@"\n')
    program.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MAILVIGIL_", "PYTEST_", "XDG_"))}
    return kept | {"PATH": f"{program.parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "HOME": str(folder), "LC_ALL": "C.UTF-8"} | more


def type_page(path, folder):
    """Type every command of a page in its order; return what came."""
    script, typed, side = [], [], folder / "blocks"
    side.mkdir()
    (folder / "here").mkdir()
    for number, block in enumerate(blocks(path)):
        if block.file is not None:
            (side / str(number)).write_text(block.text)
            script.append(f"mkdir -p $(dirname '{block.file}') && cp '{side / str(number)}' '{block.file}'")
        if block.kind == "console":
            for one in commands_of(block):
                typed.append(one)
                script.append(f"{{ {one.command}\n}} 2>&1 </dev/null; printf '{MARK}%d{MARK}' $?")
    done = subprocess.run(["sh", "-c", "\n".join(script)], cwd=folder / "here", env=environment(folder), capture_output=True, text=True, check=False, timeout=600)
    parts = done.stdout.split(MARK)
    assert len(parts) == 2 * len(typed) + 1, (done.stdout, done.stderr)
    for one, printed, code in zip(typed, parts[::2], parts[1::2], strict=False):
        one.printed, one.ended = printed, int(code)
    return typed
