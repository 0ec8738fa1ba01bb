"""In: parser files. Out: a list of them, what is wrong with their samples, or the source and the documents that they are compiled to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from collector.agent import assembly
from collector.cli import output
from collector.config import load
from collector.errors import ConfigError
from collector.model import json
from collector.model.identity import Identity
from collector.model.strict_yaml import did_you_mean
from collector.parse import samples
from collector.parse.engine import Engine
from collector.pipeline.render import Renderer

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterable

    from collector.model.catalogue import Catalogue
    from collector.parse.loader import Parsers


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("what", choices=["list", "test", "dump"], help="list: programs and shapes of each file; test: every sample; dump: the source that a file is compiled to")
    parser.add_argument("name", nargs="?", help="dump: the parser as its file names it, with --render the shape; without it all")
    parser.add_argument("--render", action="store_true", help="dump: the documents of shapes, with every field but those of agent and envelope")
    parser.add_argument("--overlay", type=Path, action="append", default=[], metavar="DIR", help="folder with parsers/ of its own")
    parser.add_argument("--json", action="store_true", help="one JSON document")


def run(options: Namespace) -> int:
    """List, test or dump."""
    for folder in options.overlay:
        load.overlay(folder)
    catalogue = assembly.load_catalogue()
    parsers = assembly.load_parsers(catalogue, options.overlay)
    if options.what == "dump":
        return _documents(parsers, catalogue, options) if options.render else _sources(parsers, options)
    return _test(parsers, catalogue, options) if options.what == "test" else _list(parsers, options)


def _documents(parsers: Parsers, catalogue: Catalogue, options: Namespace) -> int:
    shapes = {shape.name: shape for shape in parsers.shapes}
    renderer = Renderer(catalogue, {})
    found = {name: renderer.dump(shapes[name]) for name in _chosen("shape", options.name, shapes)}
    if options.json:
        output.as_json({name: json.loads(text) for name, text in found.items()})
    else:
        output.say("\n".join(f"{name} {text}" for name, text in found.items()))
    return 0


def _sources(parsers: Parsers, options: Namespace) -> int:
    names = [program.name for program in parsers.programs]
    sources = {name: parsers.compiled.made(name).source for name in _chosen("parser", options.name, names)}
    if options.json:
        output.as_json([{"parser": name, "source": source} for name, source in sources.items()])
    else:
        for source in sources.values():
            output.say(source)
    return 0


def _chosen(kind: str, name: str | None, names: Iterable[str]) -> list[str]:
    known = list(names)
    if name is None:
        return known
    if name not in known:
        raise ConfigError(f"no {kind} {name}{did_you_mean(name, known)}", hint="parsers dump without a name shows all")
    return [name]


def _list(parsers: Parsers, options: Namespace) -> int:
    rows = [(program.product, program.globs, len(program.entries)) for program in parsers.programs]
    if options.json:
        output.as_json([{"product": product, "programs": globs, "shapes": shapes} for product, globs, shapes in rows])
    else:
        output.table(None, ("product", "programs", "shapes"), [(product, " ".join(globs), shapes or "none: unparsed-line") for product, globs, shapes in rows])
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
