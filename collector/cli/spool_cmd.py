"""In: the local spool. Out: what waits and what was refused; dead letters marked to be sent again, or deleted. Works beside the service."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from collector.agent import assembly
from collector.cli import figures, output
from collector.config import load
from collector.errors import ConfigError
from collector.model import json
from collector.model.moment import span
from collector.spool.clerk import Clerk
from collector.spool.store import Spool

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable

    from collector.config.settings import Settings
    from collector.spool.dead_letters import DeadLetter
    from collector.spool.reader import Reader

_WIDTH = 80
"""How many characters of a reason a list shows."""


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("what", choices=["status", "dead"], help="status: what waits, limits, sizes; dead: the documents that a sink refused")
    parser.add_argument("do", nargs="?", choices=["list", "show", "retry", "purge"], default="list", help="dead letters: list them, show one, have them sent again, delete them")
    parser.add_argument("number", nargs="*", type=int, help="numbers of dead letters, as the list shows them")
    parser.add_argument("--all", action="store_true", help="all of them, instead of numbers (retry, purge)")
    parser.add_argument("--sink", metavar="NAME", help="only those that this sink refused (list; retry and purge with --all)")
    parser.add_argument("--older-than", metavar="SPAN", help="only those refused longer ago, for example 30d (retry and purge with --all)")
    parser.add_argument("--limit", type=int, default=50, help="how many at the most (list; default: 50)")
    parser.add_argument("--config", type=Path, metavar="FILE", help=f"default: {load.DEFAULT}, where it is there")
    parser.add_argument("--state-dir", type=Path, metavar="DIR", help="the folder of the spool, instead of the configured one")
    parser.add_argument("--json", action="store_true", help="one JSON document")


def run(options: Namespace) -> int:
    """Show, or see to dead letters."""
    settings = load.load(options.config).settings
    folder = options.state_dir or Path(settings.state_dir)
    if options.what == "status":
        return _status(folder, settings, options)
    verbs: dict[str, Callable[[Path, Namespace], int]] = {"list": _list, "show": _show, "retry": _retry, "purge": _purge}
    return verbs[options.do](folder, options)


def _status(folder: Path, settings: Settings, options: Namespace) -> int:
    with Spool.read(folder) as reader:
        found = figures.spool(reader, folder, settings)
    if options.json:
        output.as_json(found)
        return 0
    disk, files, dead = found["disk"], found["files"], found["dead_letters"]
    output.table(
        None,
        ("", ""),
        [
            ("waiting", f"{figures.size(found['waiting_bytes'])} of {figures.size(found['max_bytes'])} ({found['full_percent']} %); at the limit: {found['overflow']}"),
            ("disk", f"{figures.size(disk['free'])} free, {figures.size(disk['wanted'])} are left; ballast {'stands' if disk['ballast'] else 'was given up: nothing is read'}"),
            ("file", f"{figures.size(files['database'])}, of which {figures.size(files['unused'])} unused; write-ahead log {figures.size(files['log'])}"),
            ("kept", f"{found['documents']['rows']} batches of documents ({figures.size(found['documents']['bytes'])}), {found['alerts']} alerts"),
            ("dead letters", f"{dead['count']} ({figures.size(dead['bytes'])} of {figures.size(dead['max_bytes'])}), the oldest of {dead['oldest'] or '-'}"),
            ("commits", f"{found['commits']}, in run {found['runs']}"),
        ],
    )
    rows = [(one["sink"], one["stream"], one["documents"], figures.size(one["bytes"]), one["oldest"] or "") for one in found["waiting"]]
    output.table("\nWaiting", ("sink", "stream", "documents", "bytes", "oldest"), rows)
    memory = [(owner, figures.size(one["since_lap"]), figures.size(one["lap"])) for owner, one in found["memory"].items()]
    output.table("\nMemory", ("owner", "since its last lap", "that lap"), memory)
    return 0


def _list(folder: Path, options: Namespace) -> int:
    with Spool.read(folder) as reader:
        letters = reader.dead_letters(max(0, options.limit), sink=options.sink)
        every = reader.dead_letter_count()
    if options.json:
        output.as_json([_facts(letter) for letter in letters])
    elif letters:
        rows = [(letter.id, figures.when(letter.time), letter.sink, letter.stream, "again" if letter.retry else "", letter.reason[:_WIDTH]) for letter in letters]
        output.table(None, ("number", "time", "sink", "stream", "", "reason"), rows)
        if every > len(letters):
            output.say(f"{len(letters)} of {every}")
    else:
        output.say("no dead letters")
    return 0


def _facts(letter: DeadLetter) -> dict[str, Any]:
    names = ("id", "sink", "stream", "document_id", "reason", "retry")
    return {("number" if name == "id" else name): getattr(letter, name) for name in names} | {"time": figures.when(letter.time)}


def _show(folder: Path, options: Namespace) -> int:
    if len(options.number) != 1:
        raise ConfigError("spool dead show needs one number", hint="mailvigil spool dead list shows them")
    with Spool.read(folder) as reader:
        letter = reader.dead_letter(options.number[0])
    if letter is None:
        raise ConfigError(f"there is no dead letter {options.number[0]}", hint="mailvigil spool dead list shows them")
    document = letter.document()
    body = None if document is None else json.loads(document)
    if options.json:
        output.as_json(_facts(letter) | {"document": body})
        return 0
    output.table(None, ("", ""), list(_facts(letter).items()))
    output.say()
    output.say("the stored bytes are damaged: there is no document to show" if body is None else json.pretty(body).decode())
    return 0


def _chosen(reader: Reader, options: Namespace) -> list[int]:
    """Return the numbers that were named; all that are meant by --all."""
    if options.all == bool(options.number):
        raise ConfigError(f"spool dead {options.do} needs numbers, or --all", hint="mailvigil spool dead list shows them")
    if options.number:
        if options.sink or options.older_than:
            raise ConfigError("--sink and --older-than choose among --all", hint="leave the numbers out, or these options")
        return [number for number in options.number if reader.dead_letter(number) is not None]
    try:
        before = None if options.older_than is None else assembly.clock() - span(options.older_than)
    except ValueError as error:
        raise ConfigError(f"--older-than: {error}") from error
    return reader.dead_letter_numbers(options.sink, before)


def _retry(folder: Path, options: Namespace) -> int:
    with Clerk.open(folder) as clerk:
        marked = clerk.retry(_chosen(clerk, options))
    return _done(options, "marked", marked, f"{marked} are marked: the running service sends them again within a second or so, else the next run does")


def _purge(folder: Path, options: Namespace) -> int:
    with Clerk.open(folder) as clerk:
        gone = clerk.purge(_chosen(clerk, options))
    return _done(options, "deleted", gone, f"{gone} are deleted")


def _done(options: Namespace, word: str, number: int, sentence: str) -> int:
    if options.json:
        output.as_json({word: number})
    else:
        output.say(sentence)
    return 0
