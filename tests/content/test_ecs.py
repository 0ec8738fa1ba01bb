"""Every document of the lab's runs, of the demo and of the agent itself is ECS, and what the vocabulary says of its action."""

from collections import Counter

import pytest

from collector import content
from collector.agent import assembly
from collector.cli import demo_cmd
from collector.config.settings import Overlay
from collector.detect import alerts
from collector.model.identity import Identity
from collector.model.json import loads
from collector.model.record import SourceInfo
from collector.pipeline.replay import Summary, replay
from collector.sources.whole import read_whole
from tests.support import ecs, lab
from tests.support.detection import catalogue
from tests.support.station import Station

ECS_TYPES = {"text": {"match_only_text"}, "match_only_text": {"text"}, "keyword": {"constant_keyword", "wildcard", "flattened"}, "wildcard": {"keyword"}, "float": {"scaled_float"}}
"""Types that another one may stand for (one family, or wider)."""
EXAMPLE = {
    "@timestamp": "2026-11-24T10:00:00.000Z",
    "ecs": {"version": "8.11.0"},
    "data_stream": {"type": "logs", "dataset": "mail.postfix", "namespace": "default"},
    "event": {"id": "0" * 32, "kind": "event", "category": ["network"], "type": ["connection", "start"], "action": "smtp-connect", "module": "mail", "dataset": "mail.postfix"},
    "host": {"name": "mx1"},
    "agent": {"id": "a", "type": "mailvigil", "version": "1"},
    "message": "connect from unknown[203.0.113.9]",
    "source": {"ip": "203.0.113.9", "address": "203.0.113.9"},
    "network": {"protocol": "smtp", "direction": "inbound"},
}


def faults(documents):
    found, number = Counter(), 0
    for document in documents:
        number += 1
        found.update(f"{document['event']['action']}: {fault}" for fault in ecs.violations(document))
    assert number
    return found


@pytest.mark.parametrize("run", lab.RUNS)
def test_every_document_of_a_run_is_right(run):
    assert faults(lab.documents(run)) == {}


def test_debug_lines_that_are_shipped_are_right():
    assert faults(document for document in lab.documents("bookworm-syslog-verbose", "ship") if document["event"]["action"] == "debug-line") == {}


def test_every_document_of_the_demo_is_right():
    rules = assembly.load_content().rules
    loaded = assembly.load_content(overlay=Overlay.model_validate({"site": {"domains": ["example.org"]}, "enable": sorted(rules.rules)}))
    path = str(content.root() / demo_cmd.LOG)
    road = assembly.road(loaded, Identity(), live=False)
    documents = [loads(rendered.document.body) for _, rendered in replay(road, {path: read_whole(path, SourceInfo(path, path=path))}, Summary())]
    assert {document["event"]["kind"] for document in documents} >= {"event", "alert"}
    assert faults(documents) == {}


def test_whatever_an_alert_may_tell_of_its_events_the_vocabulary_allows():
    rules = assembly.load_content().rules.rules
    told = {name for rule in rules.values() for name in alerts.told(rule)}
    assert {name for name in told if not catalogue().allowed("rule-match", name)} == set()


def test_what_the_agent_says_of_itself_is_right(tmp_path, monkeypatch):
    station = Station(tmp_path, monkeypatch)
    station.write(station.failure(ahead=3_600_000))
    station.start(once=True)
    station.parts.health.started()
    station.settle()
    for _ in range(70):
        station.round(1000)
    station.settle()
    station.stop()
    station.start(once=True)
    station.settle()
    station.crash()
    documents = station.documents("agent")
    assert {document["event"]["action"] for document in documents} == {"agent-start", "agent-stop", "heartbeat", "log-time-anomaly"}
    assert faults(documents) == {}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"event.created": "2026-11-24T10:00:00.000Z"}, "differs from run to run"),
        ({"event.outcome": "success"}, "has an outcome"),
        ({"event.type": ["user"]}, "is expected by none of"),
        ({"event.category": "network"}, "is no list"),
        ({"event.kind": "signal"}, "event.kind signal"),
        ({"source.ip": "203.0.113.999"}, "is no ip"),
        ({"source.port": "25"}, "is no long"),
        ({"network.direction": "sideways"}, "closed list"),
        ({"user.name": "bob"}, "may not carry user.name"),
        ({"mail.auth.password_hash": "x"}, "may not leave the host"),
        ({"host.name": None}, "host.name is missing"),
        ({"@timestamp": "2026-11-24T10:00:00Z"}, "is no date"),
        ({"event.action": "smtp-conect"}, "unknown action"),
        ({"data_stream.dataset": "mail.agent"}, "in the stream of"),
    ],
)
def test_the_checker_sees_faults(change, said):
    assert list(ecs.violations(EXAMPLE)) == []
    flat = {name: value for name, value in (ecs.flat(EXAMPLE) | change).items() if value is not None}
    document = {}
    for name, value in flat.items():
        place = document
        *path, leaf = name.split(".")
        for part in path:
            place = place.setdefault(part, {})
        place[leaf] = value
    assert any(said in fault for fault in ecs.violations(document))


@pytest.mark.skipif(ecs.fields() is None, reason="the list of ECS fields is not beside the checkout")
def test_the_catalogue_agrees_with_ecs():
    faults, known = [], ecs.fields() or {}
    for name, definition in catalogue().fields.items():
        field = known.get(name)
        if definition.source == "own":
            faults += [f"{name}: ECS has this name"] if field is not None else []
        elif field is None:
            faults.append(f"{name}: ECS has no such field")
        else:
            if definition.type != field["type"] and definition.type not in ECS_TYPES.get(field["type"], ()):
                faults.append(f"{name}: {definition.type}, in ECS {field['type']}")
            if definition.array != bool(field.get("array")):
                faults.append(f"{name}: {'a' if definition.array else 'no'} list, in ECS it is {'one' if field.get('array') else 'none'}")
    assert faults == []


@pytest.mark.skipif(ecs.fields() is None, reason="the list of ECS fields is not beside the checkout")
def test_the_values_written_out_for_the_checker_are_those_of_ecs():
    allowed = ecs.fields()["event.category"]["allowed"]
    assert {name: set(types) for name, types in allowed.items() if name in ecs.TYPES} == ecs.TYPES
    assert set(ecs.fields()["event.kind"]["allowed"]) >= ecs.KINDS
    assert set(ecs.fields()["event.outcome"]["allowed"]) == ecs.OUTCOMES
