"""Events and alerts as ECS documents: nested, without what may not ship, the same in every run."""

import json
from dataclasses import replace

from collector.detect import attack
from collector.model.alert import Alert, PlaybookFacts, RuleFacts
from collector.model.document import AlertRow
from collector.model.event import Event
from collector.pipeline.nesting import nest
from collector.pipeline.render import Renderer
from tests.support.detection import catalogue

NOON = 1_795_521_600_000
AGENT = {"agent.id": "a", "agent.type": "mailvigil", "agent.version": "1", "host.id": "h"}
TAGS = ("attack.credential-access", "attack.t1110")
RULE = RuleFacts("bf_ip", "uuid", "Too many failures", "About it", "medium", 47, 47, "stable", 3, "abc", "authentication", TAGS, ("mailvigil",))
ALERT = Alert(
    id="f" * 32, time=NOON, rule=RULE, step="0", episode="f" * 32, count=10, first=NOON - 60_000, last=NOON, threshold=10, window=600_000,
    group=(("source.ip", "203.0.113.9"),),
    reason="10 events", message="Too many failures: source.ip 203.0.113.9", cause=("authentication",), outcome="failure", fields={"host.name": "mx1", "source.ip": "203.0.113.9"},
    event_ids=("e" * 32,), evidence=("a line",), distinct={"user_name": 4}, playbook=PlaybookFacts("PB-AUTH-01", "Guessing", 2, "Look"),
)  # fmt: skip


def renderer(namespace="default"):
    return Renderer(catalogue(), AGENT, namespace)


def event(action="auth-failure", **fields):
    return Event("0" * 32, NOON, catalogue().shape("x", action, catalogue().actions[action].stream[0]), {"host.name": "mx1", **fields}, {})


def body(rendered):
    return json.loads(rendered.document.body)


def test_an_event_says_what_every_document_must():
    rendered = renderer("eu").event(event(**{"user.name": "bob"}))
    assert (rendered.stream, rendered.document.id, rendered.alert) == ("logs-mail.postfix-eu", "0" * 32, None)
    found = body(rendered)
    assert found["@timestamp"] == "2026-11-24T12:00:00.000Z"
    assert found["data_stream"] == {"type": "logs", "namespace": "eu", "dataset": found["event"]["dataset"]}
    assert found["ecs"]["version"] == "8.11.0"
    assert found["agent"] == {"id": "a", "type": "mailvigil", "version": "1"}
    assert found["host"] == {"id": "h", "name": "mx1"}
    assert (found["event"]["id"], found["event"]["kind"], found["event"]["outcome"], found["user"]["name"]) == ("0" * 32, "event", "failure", "bob")
    assert found["message"] == "auth-failure", "one that no line gave has its action as message"


def test_what_may_not_ship_does_not():
    hidden = catalogue().hidden
    assert hidden
    rendered = renderer().event(event(**{"mail.auth.password_hash": "secret", "message": "x"}))
    assert b"secret" not in rendered.document.body
    assert b"password_hash" not in rendered.document.body


def test_a_line_of_hostile_text_stays_one_line():
    rendered = renderer().event(event(**{"message": "a\nb\r\u2028\x00\x1b[2J\u202e", "user.name": "\ud7ff"}))
    assert b"\n" not in rendered.document.body
    assert body(rendered)["message"] == "a\nb\r\u2028\x00\x1b[2J\u202e"


def test_an_alert_has_a_row_and_a_document():
    rendered = renderer().alert(ALERT)
    assert rendered.stream == "logs-mail.alert-default"
    assert rendered.alert == AlertRow(ALERT.id, NOON, "bf_ip", 47, "source.ip=203.0.113.9", rendered.stream, rendered.document.body)
    found = body(rendered)
    assert found["event"] == {
        "kind": "alert", "category": ["authentication", "intrusion_detection"], "type": ["info"], "action": "rule-match", "module": "mail",
        "provider": "mailvigil", "id": ALERT.id, "severity": 47, "risk_score": 47, "start": "2026-11-24T11:59:00.000Z", "end": "2026-11-24T12:00:00.000Z",
        "reason": "10 events", "outcome": "failure", "dataset": "mail.alert",
    }  # fmt: skip
    assert found["rule"] == {
        "id": "bf_ip", "uuid": "uuid", "name": "Too many failures", "version": "3", "ruleset": "mailvigil-core", "category": "authentication", "license": "Apache-2.0",
        "description": "About it", "author": ["mailvigil"],
    }  # fmt: skip
    alert = found["mail"]["alert"]
    assert (alert["threshold"], alert["window_s"], alert["group"]) == (10, 600, ["source.ip=203.0.113.9"])
    assert (alert["distinct"], alert["evidence_missing"], alert["late"]) == ({"user_name": 4}, 0, False)
    assert found["mail"]["playbook"] == {"id": "PB-AUTH-01", "title": "Guessing", "version": 2, "rendered": "Look"}
    assert found["threat"] == nest(attack.threat(RULE.tags))["threat"]
    assert found["source"] == {"ip": "203.0.113.9"}


def test_what_a_rule_on_trial_says_is_an_event_of_its_own_stream():
    rendered = renderer().alert(replace(ALERT, rule=replace(RULE, status="test")))
    assert (rendered.stream, rendered.alert) == ("logs-mail.alert_test-default", None)
    found = body(rendered)
    assert (found["event"]["kind"], found["event"]["dataset"], found["data_stream"]["dataset"]) == ("event", "mail.alert_test", "mail.alert_test")


def test_what_an_alert_does_not_have_stays_away():
    found = body(renderer().alert(replace(ALERT, outcome=None, threshold=None, window=None, playbook=None, distinct={}, cause=(), rule=replace(RULE, description="", author=()))))
    assert "outcome" not in found["event"]
    assert found["event"]["category"] == ["intrusion_detection"]
    assert not {"description", "author"} & found["rule"].keys()
    assert not {"threshold", "window_s", "sum", "distinct"} & found["mail"]["alert"].keys()
    assert "playbook" not in found["mail"]


def test_an_alert_gathers_whom_it_is_about():
    fields = {"source.ip": "203.0.113.9", "destination.ip": "203.0.113.9", "user.name": "bob", "source.domain": "a.example", "destination.domain": "b.example"}
    assert body(renderer().alert(replace(ALERT, fields=fields)))["related"] == {"ip": ["203.0.113.9"], "user": ["bob"], "hosts": ["a.example", "b.example"]}
    assert "related" not in body(renderer().alert(replace(ALERT, fields={})))


def test_an_alert_by_action_keeps_its_own_action():
    found = body(renderer().alert(replace(ALERT, fields={"host.name": "mx1", "event.action": "auth-failure", "event.reason": "x", "message": "y"})))
    assert (found["event"]["action"], found["event"]["reason"], found["message"]) == ("rule-match", "10 events", ALERT.message)
