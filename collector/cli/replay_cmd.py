"""In: paths of logs. Out: documents as NDJSON, or a table of alerts, and a summary on stderr."""

from __future__ import annotations

import sys
from argparse import ArgumentTypeError
from datetime import MAXYEAR, MINYEAR, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from collector.agent import assembly
from collector.cli import output
from collector.config import load
from collector.config.settings import zone
from collector.errors import ConfigError
from collector.model.alert import Alert
from collector.model.identity import Identity
from collector.model.moment import iso, since_epoch
from collector.model.record import SourceInfo
from collector.pipeline.replay import Summary, replay
from collector.sources.docker_lines import joined
from collector.sources.whole import read_whole

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterable

    from collector.model.record import Record


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("paths", nargs="+", metavar="PATH", help="a log file, plain or .gz; - for standard input")
    parser.add_argument("--format", choices=["ndjson", "table"], help="one ECS document a line, or a table of alerts; default: a table on a terminal, else ndjson")
    parser.add_argument("--overlay", type=Path, metavar="DIR", help="folder with parsers/, rules/, exceptions/ and overlay.yaml of its own")
    parser.add_argument("--since", type=_time, metavar="TIME", help="print nothing older (2026-11-24T10:00:00+00:00); older lines are judged all the same")
    parser.add_argument("--year", type=_year, help="the year of stamps that name none; default: from the file's time")
    parser.add_argument("--timezone", default="UTC", help="of stamps that name none (default: UTC)")
    parser.add_argument("--host", help="host.name of lines that name none")


def _time(text: str) -> int:
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{error}: write 2026-11-24T10:00:00+00:00") from error
    if time.tzinfo is None:
        raise ArgumentTypeError(f"{text} names no zone: write 2026-11-24T10:00:00+00:00")
    return since_epoch(time)


def _year(text: str) -> int:
    if not text.isdecimal() or not MINYEAR < int(text) < MAXYEAR:
        raise ArgumentTypeError(f"{text!r} is no year")
    return int(text)


def near(year: int, timezone: str) -> int:
    """Return a reference clock by which every stamp without a year falls into ``year``: at most a day before its end."""
    return since_epoch(datetime(year, 12, 31, tzinfo=ZoneInfo(timezone)) - timedelta(milliseconds=1))


def timezone_of(options: Namespace) -> str:
    """Return the zone that was named; raises ConfigError for one that does not exist."""
    try:
        return zone(options.timezone)
    except ValueError as error:
        raise ConfigError(f"--timezone: {error}") from error


def records(options: Namespace) -> dict[str, Iterable[Record]]:
    """Open every path as a source of its own."""
    timezone = timezone_of(options)
    clock = None if options.year is None else near(options.year, timezone)
    found: dict[str, Iterable[Record]] = {}
    for path in options.paths:
        if path in found:
            raise ConfigError(f"{path} is named twice", hint="its events would have the same ids")
        info = SourceInfo(path, timezone, options.host, path=None if path == "-" else path, input="stdin" if path == "-" else "file")
        found[path] = joined(read_whole(path, info, clock))
    return found


def run(options: Namespace) -> int:
    """Replay."""
    as_table = options.format == "table" or (options.format is None and sys.stdout.isatty())
    overlay = None if options.overlay is None else load.overlay(options.overlay)
    loaded = assembly.load_content(() if options.overlay is None else (options.overlay,), overlay)
    pipeline = assembly.road(loaded, Identity(), live=False)
    summary, alerts = Summary(), []
    for subject, rendered in replay(pipeline, records(options), summary):
        if options.since is not None and subject.time < options.since:
            continue
        if not as_table:
            sys.stdout.buffer.write(rendered.document.body + b"\n")
        elif isinstance(subject, Alert) and subject.step == "0":
            alerts.append(subject)
    sys.stdout.flush()
    if as_table:
        print_alerts(alerts)
    say_summary(summary, loaded.rules.unknown)
    read_to_the_end(summary)
    return 0


def read_to_the_end(summary: Summary) -> None:
    """Raise SourceError where something could not be read, or not to its end."""
    for error in summary.errors[1:]:
        output.say(error.with_hint, error=True)
    if summary.errors:
        raise summary.errors[0]


def print_alerts(alerts: list[Alert]) -> None:
    """Print opening statements, in order of time."""
    rows = [(iso(one.time), output.level(one.rule.level), one.rule.name, one.message, one.playbook.id if one.playbook else "") for one in alerts]
    output.table(None, ("time", "level", "rule", "what", "playbook"), rows)


def say_summary(summary: Summary, unknown: Iterable[str]) -> None:
    """Say in a few lines on stderr what was read and found."""
    counts = summary.counts
    known = counts["lines"] - counts["irrelevant"] - counts["debug"]
    share = f"{1000 * (known - counts['unparsed']) // known / 10:.1f} % parsed" if known else "no mail line"
    output.say(f"{counts['lines']:,} lines, {share}, {counts['unparsed']:,} unknown, {counts['debug']:,} debug, {counts['irrelevant']:,} of other programs", error=True)
    output.say(f"{summary.events:,} events, {sum(summary.alerts.values()):,} alerts ({summary.statements:,} statements)", error=True)
    for name in unknown:
        output.say(f"unknown rule in the overlay: {name}", error=True)
