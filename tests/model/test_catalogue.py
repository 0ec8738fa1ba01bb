"""The vocabulary: complete, consistent, and what ECS allows."""

import json
from pathlib import Path

import pytest

from collector import content
from collector.errors import ContentError, Location, ParserError
from collector.model import catalogue

FIELDS = content.package_text("model/fields.yaml")
ACTIONS = content.package_text("model/actions.yaml")
VOCABULARY = catalogue.load(FIELDS, ACTIONS)

STREAMS = {"postfix", "dovecot", "filter", "certificate", "report", "host", "alert", "alert_test", "agent"}
KINDS = {"event", "metric", "state", "alert"}
TYPES_OF = {
    "authentication": {"start", "end", "info"},
    "configuration": {"access", "change", "creation", "deletion", "info"},
    "email": {"info"},
    "file": {"access", "change", "creation", "deletion", "info"},
    "host": {"access", "change", "end", "info", "start"},
    "intrusion_detection": {"allowed", "denied", "info"},
    "malware": {"info"},
    "network": {"access", "allowed", "connection", "denied", "end", "info", "protocol", "start"},
    "package": {"access", "change", "deletion", "info", "installation", "start"},
    "process": {"access", "change", "end", "info", "start"},
    "session": {"start", "end", "info"},
    "threat": {"indicator"},
    "vulnerability": {"info"},
}
"""The event types that ECS 8.11 expects of each category in use."""

REFERENCE = Path("/work/shared/reference/ecs_fields.json")
OWN = ("mail.", "postfix.", "dovecot.", "input.type", "log.offset", "log.flags")


@pytest.mark.parametrize("name", VOCABULARY.actions)
def test_an_action_is_what_ecs_allows(name):
    action = VOCABULARY.actions[name]
    assert action.kind in KINDS
    assert action.category
    assert action.type
    assert set(action.category) <= TYPES_OF.keys()
    assert set(action.type) <= set().union(*(TYPES_OF[category] for category in action.category))
    assert action.stream
    assert set(action.stream) <= STREAMS
    assert not (action.kind == "state" and action.outcome != "absent")
    assert (action.kind == "alert") == ("alert" in action.stream)
    assert action.doc
    assert action.producer


def test_names_of_actions_are_lower_case_words_with_hyphens():
    assert [name for name in VOCABULARY.actions if not all(part.isascii() and part.isalnum() and part == part.lower() for part in name.split("-"))] == []


def test_no_action_names_a_field_twice_or_one_that_all_have():
    for name, action in VOCABULARY.actions.items():
        carried = [*action.fields.sure, *action.fields.may]
        assert len(carried) == len(set(carried)), name


@pytest.mark.skipif(not REFERENCE.exists(), reason="the whole list of ECS fields is not part of the product")
def test_the_own_tables_agree_with_ecs():
    ecs = json.loads(REFERENCE.read_text())
    allowed = ecs["event.category"]["allowed"]
    assert all(set(allowed[category]) == types for category, types in TYPES_OF.items())
    assert set(ecs["event.kind"]["allowed"]) >= KINDS
    for name, field in VOCABULARY.fields.items():
        assert (name in ecs) == (field.source == "ecs"), name
        if field.source == "ecs":
            assert bool(ecs[name].get("array")) == field.array, name
            assert ecs[name]["type"] == field.type, name


def test_own_fields_have_names_of_our_own():
    assert [name for name, field in VOCABULARY.fields.items() if (field.source == "own") != name.startswith(OWN)] == []


def test_no_field_is_a_leaf_and_a_folder_at_once():
    names = set(VOCABULARY.fields)
    assert [name for name in names if any(other.startswith(f"{name}.") for other in names)] == []


def test_every_field_has_one_line_of_meaning():
    assert [name for name, field in VOCABULARY.fields.items() if not field.doc or "\n" in field.doc or len(field.doc) > 120] == []


def test_values_of_closed_lists_are_as_their_normaliser_writes_them():
    for name, field in VOCABULARY.fields.items():
        assert len(field.values) == len(set(field.values)), name
        if field.normaliser == "lower":
            assert [value for value in field.values if value != value.lower()] == [], name


def test_common_fields_exist():
    assert sorted(VOCABULARY.common - VOCABULARY.fields.keys()) == []


def test_the_password_hash_never_leaves_the_host():
    assert VOCABULARY.hidden == {"mail.auth.password_hash"}
    assert VOCABULARY.allowed("auth-failure", "mail.auth.password_hash")


def test_what_an_action_may_carry():
    assert VOCABULARY.allowed("auth-failure", "network.protocol")
    assert VOCABULARY.allowed("auth-failure", "source.ip")
    assert VOCABULARY.allowed("auth-failure", "event.original")
    assert not VOCABULARY.allowed("auth-failure", "mail.dsn")


def test_a_shape_has_the_facts_of_its_action():
    shape = VOCABULARY.shape("dovecot.login.failed", "auth-failure", "dovecot", {"network.protocol": "imap"})
    assert shape.static == {
        "event.kind": "event",
        "event.category": ["authentication"],
        "event.type": ["start"],
        "event.action": "auth-failure",
        "event.module": "mail",
        "event.dataset": "mail.dovecot",
        "event.outcome": "failure",
        "network.protocol": "imap",
    }
    assert "network.protocol" not in shape.fields
    assert shape.fields["network.direction"].sure
    assert shape.fields["source.ip"] == catalogue.Carried("ip", sure=False)


def test_an_outcome_that_hangs_on_the_text_is_not_fixed():
    assert "event.outcome" not in VOCABULARY.shape("x", "auth-verify", "dovecot").static
    assert "event.outcome" not in VOCABULARY.shape("x", "smtp-connect", "postfix").static


def test_a_shape_carries_what_it_says_and_no_more():
    shape = VOCABULARY.shape("x", "auth-failure", "dovecot", carried=["source.ip", "network.protocol"])
    assert list(shape.fields) == ["network.protocol", "source.ip"]


@pytest.mark.parametrize(("look", "word", "near"), [(VOCABULARY.field, "sorce.ip", "source.ip"), (VOCABULARY.action, "auth-failed", "auth-failure")])
def test_an_unknown_name_is_refused_with_the_nearest_one(look, word, near):
    with pytest.raises(ParserError) as raised:
        look(word, Location("p.yaml", 4), ParserError)
    assert str(raised.value).startswith("p.yaml:4: unknown ")
    assert str(raised.value).endswith(f"{word}, did you mean {near}?")
    assert raised.value.hint


@pytest.mark.parametrize(
    ("fields", "actions", "complaint"),
    [
        (FIELDS.replace("agent.id: {type: keyword", "agent.id: {type: word", 1), ACTIONS, r"fields\.yaml:\d+:\d+: type: "),
        (FIELDS + "\nagent.id: {}\n", ACTIONS, "key agent.id stands twice"),
        (FIELDS, ACTIONS.replace("kind: event", "kind: signal", 1), r"actions\.yaml:\d+:\d+: actions\.smtp-connect\.kind: "),
        (FIELDS, ACTIONS.replace("sure: [source.ip,", "sure: [source.pi,", 1), "smtp-connect carries source.pi, which fields.yaml does not name, did you mean source.ip?"),
    ],
    ids=["type", "twice", "kind", "unknown"],
)
def test_a_broken_vocabulary_is_refused(fields, actions, complaint):
    with pytest.raises(ContentError, match=complaint):
        catalogue.load(fields, actions)
