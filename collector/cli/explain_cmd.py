"""In: one line of a log. Out: how it is read, which events it is, and what each rule makes of them, condition by condition."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from collector.agent import assembly
from collector.cli import output
from collector.cli.replay_cmd import read_to_the_end, timezone_of
from collector.config import load
from collector.errors import ConfigError
from collector.model.identity import Identity
from collector.model.moment import iso
from collector.model.record import Position, Record, SourceInfo
from collector.parse import explain
from collector.pipeline.replay import Summary, replay
from collector.sources.whole import read_whole

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Mapping

    from collector.detect.explain import Verdict
    from collector.parse.explain import Explanation
    from collector.pipeline.pipeline import Pipeline


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("line", nargs="?", help="the line, envelope and all; without it standard input is read")
    parser.add_argument("--after", type=Path, metavar="PATH", help="a log that is walked first: sessions and windows then stand as they would")
    parser.add_argument("--overlay", type=Path, metavar="DIR", help="folder with parsers/, rules/, exceptions/ and overlay.yaml of its own")
    parser.add_argument("--timezone", default="UTC", help="of stamps that name none (default: UTC)")
    parser.add_argument("--json", action="store_true", help="one JSON document")


def run(options: Namespace) -> int:
    """Explain."""
    text = sys.stdin.buffer.readline().rstrip(b"\r\n") if options.line is None else options.line.encode("utf-8", "surrogateescape")
    if not text:
        raise ConfigError("there is no line to explain", hint="give it as one argument in quotes, or on standard input")
    overlay = None if options.overlay is None else load.overlay(options.overlay)
    loaded = assembly.load_content(() if options.overlay is None else (options.overlay,), overlay)
    pipeline = assembly.road(loaded, Identity(), live=False)
    # Sessions never join across sources: the line stands in the log that it comes after.
    info = SourceInfo("explain" if options.after is None else str(options.after), timezone_of(options))
    if options.after is not None:
        summary = Summary()
        for _ in replay(pipeline, {info.name: read_whole(info.name, info)}, summary):
            pass
        read_to_the_end(summary)
    record = Record(info, text, assembly.clock(), Position((b"explain", bytes(8)), b""))
    explanation = explain.explain(pipeline.engine, record)
    verdicts = _judge(pipeline, explanation)
    hidden = loaded.catalogue.hidden
    if options.json:
        output.as_json(_as_json(explanation, verdicts, hidden))
    else:
        _print(explanation, verdicts, hidden)
    return 0


def _shipped(fields: Mapping[str, Any], hidden: frozenset[str]) -> dict[str, Any]:
    """Leave out what may not leave the host: the key of its digests is public here, and a digest of a few bits is soon guessed."""
    return {name: value for name, value in fields.items() if name not in hidden}


def _judge(pipeline: Pipeline, explanation: Explanation) -> list[tuple[Verdict, ...]]:
    verdicts = []
    for event in explanation.events:
        pipeline.enricher.enrich(event)
        pipeline.detector.advance(event.time)
        pipeline.detector.see(event)
        verdicts.append(pipeline.detector.explain(event))
    return verdicts


def _as_json(explanation: Explanation, verdicts: list[tuple[Verdict, ...]], hidden: frozenset[str]) -> dict[str, Any]:
    pairs = zip(explanation.events, verdicts, strict=True)
    events = [{"id": event.id, "time": iso(event.time), "fields": _shipped(event.fields, hidden), "rules": [asdict(one) for one in given]} for event, given in pairs]
    plain = {name: getattr(explanation, name) for name in ("verdict", "envelope", "message", "service", "shape", "place", "redacted")}
    plain |= {name: _shipped(getattr(explanation, name), hidden) for name in ("parts", "lent")}
    return plain | {"tried": [asdict(one) for one in explanation.tried], "events": events}


VERDICTS = {
    "taken": "taken by {shape} ({place})",
    "unparsed": "a line of a mail program that no shape takes: unparsed-line",
    "irrelevant": "of no mail program: counted and left in peace",
    "debug": "a debug line: counted",
}


def _print(explanation: Explanation, verdicts: list[tuple[Verdict, ...]], hidden: frozenset[str]) -> None:
    output.say("Envelope", style="bold")
    envelope = {name: iso(value) if name == "time" and value is not None else value for name, value in explanation.envelope.items()}
    output.table(None, ("", ""), [(name, value) for name, value in envelope.items() if value is not None])
    output.say(f"\n{VERDICTS[explanation.verdict].format(shape=explanation.shape, place=explanation.place)}", style="bold")
    if explanation.parts:
        output.table(None, ("", ""), list(_shipped(explanation.parts, hidden).items()))
    if explanation.redacted:
        output.say(f"masked: {', '.join(explanation.redacted)}")
    for tried in explanation.tried if explanation.verdict == "unparsed" else ():
        output.say(f"  not {tried.shape}: {f'it lacks {tried.literal!r}' if tried.failed == 'literal' else 'its pattern does not take the whole message'}")
    for number, (event, given) in enumerate(zip(explanation.events, verdicts, strict=True)):
        output.say(f"\nEvent {number}: {event.shape.action}", style="bold")
        output.table(None, ("", ""), [(name, value) for name, value in sorted(_shipped(event.fields, hidden).items()) if name not in ("event.original", "message")])
        for verdict in given:
            _print_verdict(verdict)


def _print_verdict(verdict: Verdict) -> None:
    output.say(f"  {'yes' if verdict.matched else 'no '} {verdict.rule} ({verdict.level}{'' if verdict.speaks else ', feeds others only'})")
    for text, holds in verdict.leaves:
        output.say(f"        {'true ' if holds else 'false'} {text}")
    for text in (*verdict.windows, *verdict.excepted, *verdict.suppressed):
        output.say(f"        {text}")
