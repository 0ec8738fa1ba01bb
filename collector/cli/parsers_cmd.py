"""In: parser files. Out: a list of them, what is wrong with their samples, or the source that they are compiled to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from collector.agent import assembly
from collector.cli import output
from collector.config import load
from collector.errors import ConfigError
from collector.model.identity import Identity
from collector.model.strict_yaml import did_you_mean
from collector.parse import samples
from collector.parse.engine import Engine

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from collector.model.catalogue import Catalogue
    from collector.parse.loader import Parsers


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "what", choices=["list", "test", "dump"], help="list: programs and shapes; test: every sample; dump: the source that a file is compiled to"
    )
    parser.add_argument("name", nargs="?", help="dump: the parser, as its file names it; without it all")
    parser.add_argument("--overlay", type=Path, action="append", default=[], metavar="DIR", help="folder with parsers/ of its own")
    parser.add_argument("--json", action="store_true", help="one JSON document")


def run(options: Namespace) -> int:
    """List, test or dump."""
    for folder in options.overlay:
        load.overlay(folder)
    catalogue = assembly.load_catalogue()
    parsers = assembly.load_parsers(catalogue, options.overlay)
    if options.what == "dump":
        return _dump(parsers, options)
    return _test(parsers, catalogue, options) if options.what == "test" else _list(parsers, options)


def _list(parsers: Parsers, options: Namespace) -> int:
    rows = [(program.product, program.globs, len(program.entries)) for program in parsers.programs]
    if options.json:
        output.as_json([{"product": product, "programs": globs, "shapes": shapes} for product, globs, shapes in rows])
    else:
        output.table(None, ("product", "programs", "shapes"), [(product, " ".join(globs), shapes or "none: unparsed-line") for product, globs, shapes in rows])
    return 0


def _dump(parsers: Parsers, options: Namespace) -> int:
    names = [program.name for program in parsers.programs]
    if options.name is not None and options.name not in names:
        raise ConfigError(f"no parser {options.name}{did_you_mean(options.name, names)}", hint="parsers list names them")
    sources = {name: parsers.compiled.made(name).source for name in ([options.name] if options.name else names)}
    if options.json:
        output.as_json([{"parser": name, "source": source} for name, source in sources.items()])
    else:
        for source in sources.values():
            output.say(source)
    return 0


def _test(parsers: Parsers, catalogue: Catalogue, options: Namespace) -> int:
    failures = list(samples.run(parsers, lambda: Engine(parsers, catalogue, Identity())))
    number = sum(len(entry.samples) for entry in parsers.entries)
    if options.json:
        rows = [{"shape": one.shape, "sample": one.number, "at": str(one.at), "message": one.message} for one in failures]
        output.as_json({"samples": number, "failures": rows})
    else:
        for one in failures:
            output.say(str(one))
        output.say(f"{number} samples, {len(failures)} failures")
    return 1 if failures else 0
