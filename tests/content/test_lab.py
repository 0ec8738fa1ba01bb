"""Logs of real servers under labelled attacks, scored as tests/lab/README.md says: what is shipped finds its scenarios and cries wolf at nobody."""

from collections import Counter
from functools import cache

import pytest

from collector.agent import assembly
from collector.model import json
from collector.model.identity import Identity
from collector.model.record import Position, Record, SourceInfo
from tests.support import ecs, lab

SHIPPED = frozenset(assembly.load_content().rules.rules)
VERBOSE = [run for run in lab.RUNS if run.endswith("verbose")]
FORGED, FORGED_ACCOUNT = lab.forged()
RELOAD = {"cert.rotate_ok": "service-reload"}
"""The vocabulary has a name of its own for what expected.yaml still calls a start."""
ENVELOPE = ("log", "event.original", "event.id", "event.timezone", "@timestamp")
"""What an envelope says of itself."""
DAEMON = ("service.name", "process.name", "postfix", "network.protocol")
"""What RFC 5424 loses: its program name ends at the slash."""


@cache
def scored(run):
    return lab.score(run, SHIPPED)


@pytest.mark.parametrize("run", lab.RUNS)
def test_nothing_is_missed_that_a_shipped_rule_should_find(run):
    assert scored(run).missed == {}
    assert len(scored(run).found) > 40


@pytest.mark.parametrize("run", lab.RUNS)
def test_what_is_benign_stays_clean(run):
    assert scored(run).not_clean == []


@pytest.mark.parametrize("run", lab.RUNS)
def test_at_least_95_of_100_alerts_are_right_and_there_are_not_too_many(run):
    score = scored(run)
    opened = [document for document in lab.documents(run) if document["event"]["kind"] == "alert" and document["mail"]["alert"]["step"] != "end"]
    assert len(opened) == score.alerts > 60
    assert 1 - len(score.false) / len(opened) >= 0.95, score.false
    malicious = sum(row.get("malicious") is True for row in lab.rows(run))
    assert score.alerts <= 3 * malicious


@pytest.mark.parametrize("run", lab.RUNS)
def test_every_row_that_is_an_event_has_its_event(run):
    events = [document for document in lab.documents(run) if document["event"]["kind"] == "event"]
    place = lab.Places()
    missing = []
    for row in lab.rows(run):
        wanted = RELOAD.get(row["scenario"], lab.entry(row).get("event"))
        inside = {event["event"]["action"] for event in events if place.inside(event, row)} if wanted else set()
        if wanted and wanted not in inside:
            missing.append((row["scenario"], wanted))
    assert missing == []


@pytest.mark.parametrize("run", lab.RUNS)
def test_what_attackers_wrote_into_the_logs_is_nobodys_address_and_nobodys_login(run):
    for document in lab.documents(run):
        assert document.get("source", {}).get("ip") not in FORGED
        assert document.get("destination", {}).get("ip") not in FORGED
        if document["event"]["action"] == "auth-success":
            assert document["user"]["name"] != FORGED_ACCOUNT
        if document["event"]["kind"] == "alert":
            groups = {group.partition("=")[2] for group in document["mail"]["alert"]["group"]}
            assert not groups & FORGED


@pytest.mark.parametrize("run", lab.RUNS)
def test_every_mail_line_that_is_no_debug_line_is_at_least_one_event(run):
    engine = assembly.road(lab.content(), Identity(), live=False).engine
    for name in lab.RUNS[run]:
        path = lab.LAB / run / name
        of_lines = [document["log"] for document in lab.documents(run) if "offset" in document.get("log", {})]
        given = Counter(log["offset"] for log in of_lines if log["file"]["path"] == str(path))
        offset, silent = 0, []
        for raw in lab.unpacked(path).split(b"\n")[:-1]:
            opened = engine.open(Record(SourceInfo(name), raw, lab.NEAR, Position((b"", b""), b"")))
            mail = opened.name is None or engine.lookup(opened.origin) is not None
            if mail and opened.level != "debug" and not given[offset]:
                silent.append(raw)
            offset += len(raw) + 1
        assert silent == []
        assert given


@pytest.mark.parametrize("run", lab.RUNS)
def test_no_line_of_a_mail_program_is_unknown(run):
    unknown = [document["event"]["original"] for document in lab.documents(run) if document["event"]["action"] == "unparsed-line"]
    assert unknown == []
    counts = lab.bodies(run)[1].counts
    assert counts["unparsed"] == 0
    assert counts["lines"] > 3800


@pytest.mark.parametrize("run", VERBOSE)
def test_debug_lines_change_no_alert(run):
    counted, shipped = ([document for document in lab.documents(run, how) if document["event"]["kind"] == "alert"] for how in ("count", "ship"))
    assert counted == shipped
    assert len(lab.bodies(run, "ship")[0]) > len(lab.bodies(run)[0])


def events(name, *without):
    bodies, _ = lab.replayed("bookworm-syslog-default", (name,))
    found = [ecs.flat(document) for document in map(json.loads, bodies) if document["event"]["kind"] == "event"]
    return [{field: value for field, value in one.items() if not field.startswith((*ENVELOPE, *without))} for one in found]


def test_three_envelopes_of_the_same_lines_give_the_same_events():
    assert events("rsyslog-traditional.log.gz") == events("rsyslog-rfc3339.log.gz")
    assert events("rsyslog-rfc5424.log.gz", *DAEMON) == events("rsyslog-rfc3339.log.gz", *DAEMON)
