"""In: a run of the lab. Out: its documents, and how its alerts compare with the truth (tests/lab/README.md, "How to score")."""

import gzip
import re
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import yaml

from collector.agent import assembly
from collector.config import load
from collector.model import json
from collector.model.identity import Identity
from collector.model.record import SourceInfo
from collector.pipeline.replay import Summary, replay
from collector.sources.whole import read_whole

LAB = Path(__file__).parents[1] / "lab"
RUNS = {
    "bookworm-syslog-default": ["rsyslog-rfc3339.log.gz"],
    "trixie-syslog-default": ["rsyslog-rfc3339.log.gz"],
    "bookworm-syslog-verbose": ["rsyslog-rfc3339.log.gz"],
    "bookworm-files-verbose": ["dovecot-logpath.log.gz", "postfix-maillog_file.log.gz", "rsyslog-traditional.log"],
}
NO_CLIENT = ("tls.outbound.", "delivery.", "cert.", "service.", "traffic.")
NO_CLIENT_TOO = {"smtp.process_limit", "pop3.process_limit", "smtp.queue_full", "compromise.web_app_sendmail"}
EXPECTED = yaml.safe_load((LAB / "expected.yaml").read_text())
NEAR = 1_798_675_199_999  # 2026-12-30T23:59:59.999Z: every stamp without a year is of 2026


@cache
def content():
    return assembly.load_content((LAB,), load.overlay(LAB))


@cache
def bodies(run, debug_lines="count"):
    """Replay a run from an empty state; return every document's body, and what was counted."""
    return replayed(run, RUNS[run], debug_lines)


def replayed(run, names, debug_lines="count"):
    """Replay some files of a run."""
    sources, summary = {}, Summary()
    for name in names:
        path = str(LAB / run / name)
        sources[path] = read_whole(path, SourceInfo(path, path=path, host="mx1"), NEAR)
    pipeline = assembly.road(content(), Identity(), live=False, debug_lines=debug_lines)
    return [rendered.document.body for _, rendered in replay(pipeline, sources, summary)], summary


def documents(run, debug_lines="count"):
    """Yield every document of a run."""
    for body in bodies(run, debug_lines)[0]:
        yield json.loads(body)


def line_starts(path):
    data = unpacked(Path(path))
    starts, at = [], 0
    for line in data.splitlines(keepends=True):
        starts.append(at)
        at += len(line)
    return starts


@dataclass
class Score:
    found: dict = field(default_factory=dict)
    """scenario -> rules that found it."""
    missed: dict = field(default_factory=dict)
    """scenario -> rules that should have."""
    false: list = field(default_factory=list)
    """(scenario, rule, message)."""
    not_clean: list = field(default_factory=list)
    """(benign scenario, rule)."""
    alerts: int = 0


def entry(row):
    one = EXPECTED[row["expected_detection"]]
    return one.get("scenarios", {}).get(row["scenario"], one)


class Places:
    """Finds the lines of events again."""

    def __init__(self):
        self._starts = {}

    def line(self, event):
        """Return the stem of the file and the number of the line, from 1."""
        path = event["log"]["file"]["path"]
        if path not in self._starts:
            self._starts[path] = line_starts(path)
        return Path(path).name.split(".log")[0], bisect_right(self._starts[path], event["log"]["offset"])

    def inside(self, event, row):
        """Say whether an event lies in a scenario's lines."""
        stem, line = self.line(event)
        first, last = row["log_lines"].get(stem, (0, -1))
        return first <= line <= last


def rows(run):
    """Return the truth: one row a scenario."""
    return [json.loads(line) for line in (LAB / run / "truth.jsonl").read_text().splitlines()]


def score(run, shipped):
    """Compare a run with the truth; only rules in ``shipped`` count as missing."""
    verbosity = "verbose" if run.endswith("verbose") else "default"
    truth = rows(run)
    events, alerts = {}, []
    for document in documents(run):
        if document["event"]["kind"] == "alert":
            alerts.append(document)
        else:
            events[document["event"]["id"]] = document
    inside = Places().inside

    def carries(event, alert, row):
        if row["scenario"].startswith(NO_CLIENT) or row["scenario"] in NO_CLIENT_TOO:
            return True
        known = {str(one).lower() for one in (*row["source_ips"], *row["users"])}
        values = {str(event.get("source", {}).get("ip")), str(event.get("user", {}).get("name"))} | {one.partition("=")[2] for one in alert["mail"]["alert"]["group"]}
        return bool(known & values)

    result = Score(alerts=sum(alert["mail"]["alert"]["step"] != "end" for alert in alerts))
    for alert in alerts:
        rule = alert["rule"]["id"]
        evidence = [events[one] for one in alert["mail"]["alert"]["event_ids"] if one in events]
        if not evidence or alert["mail"]["alert"]["step"] == "end":
            continue
        latest = max(evidence, key=lambda one: one["@timestamp"])
        right = [row for row in truth if any(inside(one, row) for one in evidence) and rule in (*entry(row).get("rules", ()), *entry(row).get("also", ()))]
        whose = [row for row in truth if inside(latest, row)]
        if len(whose) > 1:
            whose = [row for row in whose if carries(latest, alert, row)] or whose
        if not right:
            result.false.append((whose[0]["scenario"] if whose else "?", rule, alert["message"]))
        for row in whose:
            if row.get("malicious") is False and alert["event"]["severity"] >= 47 and not right:
                result.not_clean.append((row["scenario"], rule))
        for row in truth:
            if rule in entry(row).get("rules", ()) and any(inside(one, row) and carries(one, alert, row) for one in evidence):
                result.found.setdefault(row["scenario"], set()).add(rule)
    for row in truth:
        wanted = set(entry(row).get("rules", ())) & shipped
        if wanted and verbosity not in entry(row).get("blind", ()) and row["scenario"] not in result.found:
            result.missed[row["scenario"]] = wanted
    return result


def forged():
    """Return the addresses and the account that attackers wrote into user names, subjects, envelopes and certificate names."""
    said = re.search(r"Forged addresses in the injection scenarios are (.+?), the\s+forged account\s+`(.+?)`", (LAB / "README.md").read_text(), re.DOTALL)
    addresses = frozenset(re.split(r",\s+", said[1]))
    assert len(addresses) == 6, addresses
    return addresses, said[2]


def plain_lines(path):
    """Return the lines of a log, plain or .gz, as text."""
    return unpacked(path).decode().splitlines()


def unpacked(path):
    """Return the bytes of a log, plain or .gz."""
    data = path.read_bytes()
    return gzip.decompress(data) if path.suffix == ".gz" else data
