"""In: the local spool, and what the agent left in it. Out: how all of it stands; exit 1 where something is not well. Works beside the service."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from collector.agent import assembly
from collector.agent.health import HEARTBEAT
from collector.cli import figures, output
from collector.cli.alerts_cmd import NAMES
from collector.config import load
from collector.model.moment import iso
from collector.spool.limits import LEVELS
from collector.spool.store import Spool

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterator

    from collector.config.settings import Settings

SILENT = 3 * HEARTBEAT
"""After so many ms without a commit a service that says that it runs does not: each heartbeat is one."""
DAY = 86_400_000
LASTING = {"unavailable", "refused", "full"}
"""States that are left by another one; what merely happened is a matter of one day."""
ALERTS = 5


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--config", type=Path, metavar="FILE", help=f"default: {load.DEFAULT}, where it is there")
    parser.add_argument("--state-dir", type=Path, metavar="DIR", help="the folder of the spool, instead of the configured one")
    parser.add_argument("--json", action="store_true", help="one JSON document")


def run(options: Namespace) -> int:
    """Gather, show, judge."""
    settings = load.load(options.config).settings
    now = assembly.clock()
    found = gather(options.state_dir or Path(settings.state_dir), settings, now)
    if options.json:
        output.as_json(found)
    else:
        _print(found)
    return 1 if found["problems"] else 0


def gather(folder: Path, settings: Settings, now: int) -> dict[str, Any]:
    """Return everything as plain values, times as text."""
    with Spool.read(folder) as reader:
        said, clean = reader.standing()
        spool = figures.spool(reader, folder, settings)
        health = (said or {}).get("health", [])
        sources = figures.sources(reader, (said or {}).get("sources", {}))
        sinks = figures.sinks(reader, spool["waiting"], health)
        alerts = [{"id": row.id, "time": iso(row.time), "rule": row.rule, "severity": row.severity, "group": row.group} for row in reader.alerts(limit=ALERTS)]
    found = {
        "state": "stopped" if clean else "silent" if said is None or now - said["time"] > SILENT else "running",
        "version": said and said["version"],
        "started": said and figures.when(said["started"]),
        "heard": said and figures.when(said["time"]),
        "lines": said and _lines(said["lines"]),
        "rules": said and said["rules"],
        "sources": sources,
        "sinks": sinks,
        "spool": {name: spool[name] for name in ("waiting_bytes", "max_bytes", "full_percent", "disk", "dead_letters")},
        "health": [one | {"time": iso(one["time"])} for one in health],
        "alerts": alerts,
    }
    return found | {"problems": list(_problems(found, [one for one in health if one["state"] in LASTING or now - one["time"] < DAY]))}


def _lines(counts: dict[str, Any] | None) -> dict[str, Any] | None:
    """Add the share of the mail programs' lines that nothing understood; debug lines and those of other programs are no part of it."""
    if counts is None:
        return None
    mail = counts["read"] - counts["irrelevant"] - counts["debug"]
    return counts | {"unparsed_percent": round(100 * counts["unparsed"] / mail, 2) if mail > 0 else 0.0}


def _problems(found: dict[str, Any], health: list[dict[str, Any]]) -> Iterator[str]:
    if found["state"] == "silent":  # one that was stopped in order is no fault: so ends every run --once
        yield f"the service was killed, or stands still: it was last heard of {found['heard'] or 'never'}"
    for source in found["sources"]:
        if source["error"]:
            yield f"{source['name']} cannot be read: {source['error']}"
    yield from (f"{one['subject']} {one['name']}: {one['state']}: {one['reason']}" for one in health if one["state"] != "ok" and not (one["subject"] == "source" and one["name"]))
    spool = found["spool"]
    if spool["full_percent"] >= LEVELS[-1]:
        yield f"the spool is at {spool['full_percent']} % of its limit"
    if not spool["disk"]["ballast"]:
        yield "the disk was full: nothing is read until there is room"
    if spool["dead_letters"]["count"]:
        yield f"{spool['dead_letters']['count']} documents were refused by a sink: mailvigil spool dead list"


def _print(found: dict[str, Any]) -> None:
    output.say(f"mailvigil {found['version'] or ''} {found['state']}; started {found['started'] or '-'}, last heard of {found['heard'] or 'never'}", style="bold")
    lines, spool = found["lines"], found["spool"]
    if lines is not None:
        pace = "" if lines["per_minute"] is None else f", {lines['per_minute']} a minute"
        output.say(f"lines: {lines['read']} read{pace}; {lines['irrelevant']} of other programs, {lines['debug']} debug; {lines['unparsed_percent']} % of the rest unparsed")
    output.say(f"rules: {found['rules'] if found['rules'] is not None else '-'} on")
    output.say(f"spool: {figures.size(spool['waiting_bytes'])} of {figures.size(spool['max_bytes'])} wait, {spool['dead_letters']['count']} dead letters")
    output.table("\nSources", ("source", "at byte", "behind", "state"), [(one["name"], one["offset"], one["behind"], _state(one)) for one in found["sources"]])
    columns = ("sink", "state", "waiting", "bytes", "oldest", "last delivery", "why")
    rows = [(one["name"], one["state"], one["documents"], figures.size(one["bytes"]), one["oldest"], one["last_delivery"], _why(one)) for one in found["sinks"]]
    output.table("\nSinks", columns, rows)
    if found["alerts"]:
        shown = [(one["id"][:12], one["time"], output.level(NAMES.get(one["severity"], "")), one["rule"], one["group"]) for one in found["alerts"]]
        output.table("\nLast alerts", ("id", "time", "level", "rule", "of"), shown)
    output.say()
    for problem in found["problems"]:
        output.say(f"! {problem}")
    if not found["problems"]:
        output.say("all is well")


def _state(source: dict[str, Any]) -> str:
    if source["error"]:
        return f"unreadable: {source['error']}"
    return {True: "at its end", False: "being read", None: ""}[source["at_end"]]


def _why(sink: dict[str, Any]) -> str | None:
    return None if sink["state"] == "ok" else sink["reason"]
