"""In: the bundled log of a bad day. Out: its alerts as a table, a report as one page, and what to do next. No root, no network, no state."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from collector import content
from collector.agent import assembly
from collector.agent.assembly import Content
from collector.cli import output
from collector.cli.replay_cmd import say_summary
from collector.errors import ReportError
from collector.model import json
from collector.model.alert import Alert
from collector.model.identity import Identity
from collector.model.moment import iso
from collector.model.record import SourceInfo
from collector.model.site import LOOPBACK, Site
from collector.pipeline import replay
from collector.pipeline.tally import Tally
from collector.report import html
from collector.report.summary import summarise
from collector.sources.whole import read_whole

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from collector.pipeline.tally import Tallies
    from collector.report.alerts import Told
    from collector.report.summary import Summary

LOG = "deploy/demo/bad-day.log"
TITLE = "A bad day of mx1.example.org"
SITE = Site(domains=("example.org",), networks=(*LOOPBACK, "192.0.2.0/27", "198.51.100.16/28"), known_monitors=("192.0.2.30/32",))
NEXT = """
Next:
  mailvigil demo --playbook                 what to do about the worst of them
  mailvigil explain LINE                    what becomes of a line, and how far each rule is from firing
  mailvigil replay --format table PATH...   the same for your own logs
  mailvigil check; mailvigil run            on a mail host: does the configuration hold; the service
  mailvigil alerts list; ... show ID        what the service found; one alert with its evidence and its playbook"""


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--output", type=Path, default=Path("demo-report.html"), metavar="FILE", help="where the report goes (default: demo-report.html in this folder)")
    parser.add_argument("--no-report", action="store_true", help="write no report")
    parser.add_argument("--playbook", action="store_true", help="print the steps for the worst alert as well")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of the table")


def run(options: Namespace) -> int:
    """Replay the day; the extended rules are on too."""
    began = time.monotonic()
    shipped = assembly.load_content()
    rules = assembly.load_rules(shipped.catalogue, site=SITE, enable=sorted(shipped.rules.rules))
    read, documents, tallies = walk(Content(shipped.catalogue, shipped.parsers, rules, SITE))
    summary = summarise(tallies, documents, shipped.catalogue)
    report = None if options.no_report else options.output
    if options.json:
        output.as_json({"lines": read.counts["lines"], "events": read.events, "alerts": list(map(_row, summary.alerts)), "report": report and str(report)})
    else:
        _print(summary)
        say_summary(read, ())
        output.say(f"{time.monotonic() - began:.1f} s", error=True)
        if options.playbook and summary.alerts:
            _print_playbook(next(one for one in documents if one["event"]["id"] == summary.alerts[0].id))
    if report is not None:
        write(report, html.page(summary, TITLE))
    if not options.json:
        if report is not None:
            output.say(f"\nOpen {report}: the day hour by hour, each alert with its evidence and first steps.", style="bold")
        output.say(NEXT)
    return 0


def walk(loaded: Content) -> tuple[replay.Summary, list[dict[str, Any]], Tallies]:
    """Replay the log; return what was read, the documents of all alerts, and the tallies that a spool would keep."""
    pipeline = assembly.road(loaded, Identity(), live=False)
    read, documents, tally = replay.Summary(), [], Tally()
    source = {LOG: read_whole(str(content.root() / LOG), SourceInfo(LOG, path=LOG))}
    for subject, rendered in replay.replay(pipeline, source, read):
        if isinstance(subject, Alert):
            documents.append(json.loads(rendered.document.body))
            tally.alert(subject)
        else:
            tally.event(subject)
    return read, documents, tally.take()


def write(path: Path, page: str) -> None:
    """Write a report; raises ReportError."""
    try:
        path.write_text(page, "utf-8")
    except OSError as error:
        raise ReportError(f"{path} cannot be written: {error.strerror}", hint="--output names another place, --no-report does without") from error


def _row(alert: Told) -> dict[str, Any]:
    facts = {"id": alert.id, "time": iso(alert.time), "level": alert.level, "rule": alert.rule, "title": alert.title, "key": dict(alert.key)}
    return facts | {"count": alert.count, "first": iso(alert.first), "last": iso(alert.last), "playbook": alert.playbook.id if alert.playbook else None}


def _print(summary: Summary) -> None:
    output.say(f"{TITLE}, {html.day(summary.start)}\n", style="bold")
    rows = [(_clock(one), output.level(one.level), one.rule, one.who, one.count, one.playbook.id if one.playbook else "") for one in summary.alerts]
    output.table(None, ("time", "level", "rule", "who", "events", "playbook"), rows)
    output.say("\nWhat belongs together (one address, one account or the same events):", style="bold")
    for story in summary.related:
        subjects = dict.fromkeys(value for one in story for _, value in one.key)
        output.say(f"  {', '.join(subjects)}: " + ", ".join(f"{_clock(one)} {one.rule}" for one in story))
    output.say()


def _clock(alert: Told) -> str:
    return iso(alert.time)[11:19]


def _print_playbook(document: dict[str, Any]) -> None:
    playbook = document["mail"]["playbook"]
    output.say(f"\n{document['message']}\n{playbook['id']}: {playbook['title']}\n", style="bold")
    output.say(playbook["rendered"])
