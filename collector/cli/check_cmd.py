"""In: settings and content. Out: whether all of it loads and agrees, and what to do where it does not."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from collector.agent import assembly, inputs, roster, twins
from collector.cli import output
from collector.config import load
from collector.errors import ContentError, SourceError
from collector.model.record import SourceInfo
from collector.sources.base import Start
from collector.sources.file import FileSource
from collector.sources.names import expand

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterable, Iterator

    from collector.config.settings import FileSettings, Settings


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--config", type=Path, metavar="FILE", help=f"default: {load.DEFAULT}, where it is there")
    parser.add_argument("--json", action="store_true", help="one JSON document")


def run(options: Namespace) -> int:
    """Load everything as the service does; exit 1 if there is a remark, 3 if content of the host does not load."""
    loaded = load.load(options.config)
    settings = loaded.settings
    content = assembly.settled_content(settings)
    assembly.load_geo(settings.site.geo)
    remarks = [*_sources(settings), *_state(settings), *(f"unknown rule in the settings: {name}" for name in content.rules.unknown)]
    faults = [fault for some in content.faults.values() for fault in some]
    sinks = [sink.name for sink, _ in assembly.sinks(settings)]
    names = roster.names(roster.configured(settings))
    if options.json:
        output.as_json({"sources": names, "sinks": sinks, "rules": len(content.rules.active), "origins": loaded.origins, "remarks": remarks, "faults": output.faults(faults)})
    else:
        output.say(f"sources: {', '.join(names) or 'none'}")
        output.say(f"sinks: {', '.join(sinks)}")
        output.say(f"{len(content.parsers.shapes)} shapes, {len(content.rules.active)} rules are on")
        for remark in remarks:
            output.say(f"! {remark}")
        output.say_faults(faults)
    return ContentError.exit_code if faults else 1 if remarks else 0


def _sources(settings: Settings) -> Iterator[str]:
    chosen = roster.configured(settings)
    if not chosen.any:
        yield "no mail log was found on this host: name one in [[source.file]]"
    for one in chosen.journal:
        try:
            empty = not inputs.journal(one).newest(1)
        except SourceError as error:
            yield f"{one.name}: {error.with_hint}"
        else:
            if empty:
                yield f"{one.name} holds no entry of {' '.join(one.match)} yet"
    yield from (roster.twice(journal, log) for journal, log in roster.doubled(chosen).items())
    yield from _files(chosen.file)


def _files(files: Iterable[FileSettings]) -> Iterator[str]:
    lineages: dict[bytes, Path] = {}
    for file in files:
        paths = expand(file.path)
        if not paths:
            yield f"{file.path}: nothing matches yet"
        for path in paths:
            source = FileSource(SourceInfo(str(path), path=str(path)), path, start=Start.BEGINNING, clock=assembly.clock)
            try:
                source.read(1)
            except SourceError as error:
                yield error.with_hint
            else:
                if not roster.there(path):
                    yield f"{path}: there is no such file yet"
                elif source.lineage is not None and _same(path, lineages.setdefault(source.lineage, path), source.lineage):
                    yield f"{path} holds the same lines as {lineages[source.lineage]}: only one of them is read"
            finally:
                source.close()


def _same(path: Path, other: Path, lineage: bytes) -> bool:
    """Say whether two files of one lineage are the same as far as both go."""
    common = twins.compare(path, other, lineage) if path != other else None
    return path != other and (common is None or not common.apart)


def _state(settings: Settings) -> Iterator[str]:
    folder = Path(settings.state_dir)
    place = next((one for one in (folder, *folder.parents) if roster.there(one)), Path("/"))
    if not os.access(place, os.W_OK, effective_ids=True):
        yield f"{folder}: this user may not write there (state_dir)"
