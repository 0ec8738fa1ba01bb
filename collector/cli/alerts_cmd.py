"""In: the local spool. Out: a list of alerts, or one of them with its evidence and the steps of its playbook. Works beside the service."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from collector.cli import output
from collector.config import load
from collector.errors import ConfigError
from collector.model import json
from collector.model.moment import iso, since_epoch, span
from collector.spool.store import Spool

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

LEVELS = {"low": 21, "medium": 47, "high": 73, "critical": 99}
NAMES = {number: name for name, number in LEVELS.items()}


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("what", choices=["list", "show"], help="list: the latest alerts; show: one of them")
    parser.add_argument("id", nargs="?", help="the alert's id, or its beginning (show)")
    parser.add_argument("--since", metavar="SPAN", help="not older than, for example 24h (list)")
    parser.add_argument("--rule", metavar="NAME", help="of one rule (list)")
    parser.add_argument("--level", choices=list(LEVELS), default="low", help="of this level or above (list)")
    parser.add_argument("--limit", type=int, default=50, help="how many at the most (list; default: 50)")
    parser.add_argument("--config", type=Path, metavar="FILE", help=f"default: {load.DEFAULT}, where it is there")
    parser.add_argument("--state-dir", type=Path, metavar="DIR", help="the folder of the spool, instead of the configured one")
    parser.add_argument("--json", action="store_true", help="one JSON document")


def run(options: Namespace) -> int:
    """List or show."""
    folder = options.state_dir or Path(load.load(options.config).settings.state_dir)
    return _show(folder, options) if options.what == "show" else _list(folder, options)


def _list(folder: Path, options: Namespace) -> int:
    try:
        since = None if options.since is None else since_epoch(datetime.now(UTC)) - span(options.since)
    except ValueError as error:
        raise ConfigError(f"--since: {error}") from error
    with Spool.read(folder) as spool:
        rows = spool.alerts(since, options.rule, LEVELS[options.level], options.limit)
    if options.json:
        output.as_json([{"id": row.id, "time": iso(row.time), "rule": row.rule, "severity": row.severity, "group": row.group} for row in rows])
    elif rows:
        columns = ("id", "time", "level", "rule", "of")
        output.table(None, columns, [(row.id[:12], iso(row.time), output.level(NAMES.get(row.severity, "")), row.rule, row.group) for row in rows])
    else:
        output.say("no alerts")
    return 0


def _show(folder: Path, options: Namespace) -> int:
    if not options.id:
        raise ConfigError("alerts show needs an id", hint="mailvigil alerts list shows them; the first characters are enough")
    with Spool.read(folder) as spool:
        body = spool.alert(options.id)
    if body is None:
        raise ConfigError(f"there is no alert {options.id}", hint="alerts are kept for 30 days")
    document = json.loads(body)
    if options.json:
        output.as_json(document)
    else:
        _print(document)
    return 0


def _print(document: dict[str, Any]) -> None:
    event, alert, playbook = document["event"], document["mail"]["alert"], document["mail"].get("playbook", {})
    output.say(document["message"], style="bold")
    output.say(event["reason"])
    facts = [
        ("id", document["event"]["id"]),
        ("level", NAMES.get(event["severity"], "")),
        ("rule", f"{document['rule']['id']} (version {document['rule']['version']})"),
        ("from", event["start"]),
        ("to", event["end"]),
        ("key", ", ".join(alert["group"])),
        ("step", {"0": "opens", "end": "has ended"}.get(alert["step"], f"repeat {alert['step']}")),
    ]
    output.table(None, ("", ""), facts)
    missing = alert.get("evidence_missing", 0)
    output.say(f"\nEvidence ({len(alert['evidence'])} lines{f', {missing} are kept no more' if missing else ''})", style="bold")
    for line in alert["evidence"]:
        output.say(f"  {output.plain(line)}")
    if playbook:
        output.say(f"\nPlaybook {playbook['id']}: {playbook['title']}", style="bold")
        output.say(playbook["rendered"])
