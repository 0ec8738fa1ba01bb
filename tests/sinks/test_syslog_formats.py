"""What a receiver parses equals what was meant, whatever strangers wrote."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.model import json
from collector.model.document import Document
from collector.sinks import syslog_formats
from collector.sinks.syslog_formats import FACILITIES, LEAST, SEVERITIES, Origin, cut, rfc5424, rfc5424_json
from tests.support import syslog_parser

STREAM = "logs-mail.alert-default"
SEVERITY = {"low": "notice", "medium": "warning", "high": "err", "critical": "crit"}
HOSTILE = ['"', "\\", "]", "[", '\\"]', "a\r\nb", "\n<0>1 - - - - - -", "\x00", "\x1b[2J", "\x7f", "\x85", "\u2028", "\u202e", "ü€😀", "é" * 300, "\\" * 300, " ", "", "\ufeff"]


def origin(limit=8192, **changes):
    given = {"facility": "local0", "severities": SEVERITY, "enterprise": 32473, "host": "mx1", "process": "77", "limit": limit}
    return Origin(**given | changes)


def alert(**fields):
    body = {
        "@timestamp": "2026-11-24T03:42:33.000Z", "host": {"name": "mx1.example.org"}, "message": "Brute Force From One Address: source.ip 203.0.113.9",
        "event": {"kind": "alert", "action": "rule-match", "severity": 73, "risk_score": 80, "reason": "10 events within 153 s."},
        "rule": {"id": "bf_ip", "name": "Brute Force From One Address"}, "source": {"ip": "203.0.113.9"}, "user": {"name": "bob@example.org"},
        "mail": {"alert": {"count": 10, "step": "0", "group": ["source.ip=203.0.113.9", "user.name=bob"], "evidence": ["line one", "line two"]},
                 "playbook": {"id": "PB-AUTH-01", "rendered": "# Steps\n1. look\n"}},
    }  # fmt: skip
    for path, value in fields.items():
        *above, leaf = path.split("__")
        place = body
        for part in above:
            place = place[part]
        place[leaf] = value
    return Document("0e70bd88", json.dumps(body))


def parsed(document, write=rfc5424, **changes):
    chosen = origin(**changes)
    raw = write(chosen, STREAM, document)
    assert len(raw) <= chosen.limit
    return syslog_parser.parse(raw)


def test_an_alert_says_all_that_a_receiver_routes_and_searches_by():
    message = parsed(alert())
    assert (message.facility, message.severity) == (16, 3)
    assert (message.timestamp, message.host, message.app, message.process, message.msgid) == ("2026-11-24T03:42:33.000Z", "mx1.example.org", "mailvigil", "77", "alert")
    assert message.data == {
        "mailvigil@32473": {
            "stream": STREAM, "event_id": "0e70bd88", "rule_id": "bf_ip", "rule_name": "Brute Force From One Address", "severity": "73", "risk_score": "80", "step": "0",
            "count": "10", "source_ip": "203.0.113.9", "user_name": "bob@example.org", "group": "source.ip=203.0.113.9 user.name=bob", "playbook_id": "PB-AUTH-01",
        }
    }  # fmt: skip
    assert message.text == "Brute Force From One Address: source.ip 203.0.113.9 - 10 events within 153 s."


def test_an_event_is_informational_and_names_its_action():
    body = {"@timestamp": "2026-11-24T03:42:33.000Z", "event": {"kind": "event", "action": "auth-failure", "outcome": "failure", "reason": "x"}, "message": "imap: x"}
    message = parsed(Document("e1", json.dumps(body)))
    assert (message.severity, message.msgid, message.host, message.text) == (6, "auth-failure", "mx1", "imap: x")
    assert message.data["mailvigil@32473"] == {"stream": STREAM, "event_id": "e1", "outcome": "failure"}


@pytest.mark.parametrize(("number", "severity"), [(21, "notice"), (47, "warning"), (73, "err"), (99, "crit")])
def test_levels_become_severities_and_the_map_can_be_another(number, severity):
    assert parsed(alert(event__severity=number)).severity == SEVERITIES[severity]
    assert parsed(alert(event__severity=number), severities=dict.fromkeys(SEVERITY, "alert")).severity == 1


@pytest.mark.parametrize(("facility", "code"), [("kern", 0), ("mail", 2), ("authpriv", 10), ("local7", 23)])
def test_facility_and_enterprise_number_are_those_of_the_settings(facility, code):
    message = parsed(alert(), facility=facility, enterprise=4711)
    assert (message.facility, list(message.data)) == (code, ["mailvigil@4711"])
    assert len(FACILITIES) == 24


def test_no_name_holds_a_dot():
    assert not [name for name in syslog_formats.PARAMS if "." in name or "-" in name]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("limit", [LEAST, 8192])
def test_hostile_names_arrive_as_they_were_without_what_moves_terminals_and_cuts_lines(text, limit):
    message = parsed(alert(user__name=text, message=text, event__reason=""), limit=limit)
    shown = syslog_formats._line(text)
    assert message.text == shown
    got = message.data["mailvigil@32473"]["user_name"]
    assert got == shown or (got.endswith("...") and shown.startswith(got[:-3]) and len(shown.encode()) > 90)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_hosts_and_actions_cannot_leave_the_header(text):
    message = parsed(Document("1", json.dumps({"event": {"action": text}, "host": {"name": text}, "message": "x"})))
    assert message.text == "x"


def test_the_message_is_cut_between_characters_and_never_the_data():
    long = parsed(alert(message="€" * 10_000), limit=LEAST)
    assert long.text.endswith("€...")
    assert set(long.text[:-3]) == {"€"}
    assert long.data == parsed(alert(), limit=LEAST).data


@given(st.text(), st.integers(0, 300))
def test_a_cut_never_tears_a_character_and_never_exceeds(text, room):
    short = cut(text, room) if room >= 3 else cut(text, 3)
    assert len(short) <= max(room, 3)
    kept = short.decode()
    assert kept == text or (kept.endswith("...") and text.startswith(kept[:-3]))


TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=400)


@given(user=TEXT, message=TEXT, rule=TEXT, host=TEXT, group=st.lists(TEXT, max_size=3), limit=st.integers(LEAST, 9000))
def test_any_text_is_parsed_back(user, message, rule, host, group, limit):
    document = alert(user__name=user, message=message, rule__name=rule, host__name=host, mail__alert__group=group, event__reason="")
    got = parsed(document, limit=limit)
    meant = {"user_name": user, "rule_name": rule, "group": " ".join(group)}
    for name, text in meant.items():
        shown, value = syslog_formats._line(text), got.data["mailvigil@32473"][name]
        assert value == shown or (value.endswith("...") and shown.startswith(value[:-3]))
    shown = syslog_formats._line(message)
    assert got.text == shown or (got.text.endswith("...") and shown.startswith(got.text[:-3]))


@given(user=TEXT, message=TEXT, evidence=st.lists(TEXT, max_size=4), rendered=TEXT)
def test_json_is_parsed_back_to_the_document(user, message, evidence, rendered):
    document = alert(user__name=user, message=message, mail__alert__evidence=evidence, mail__playbook__rendered=rendered)
    got = parsed(document, rfc5424_json, limit=1 << 20)
    assert json.loads(got.text) == json.loads(document.body)
    assert "left_out" not in got.data["mailvigil@32473"]


@given(evidence=st.lists(TEXT, min_size=30, max_size=40), rendered=st.integers(0, 9000), limit=st.integers(LEAST, 8192))
def test_json_that_is_too_long_loses_its_longest_fields_and_says_which(evidence, rendered, limit):
    document = alert(mail__alert__evidence=evidence, mail__playbook__rendered="ü" * rendered)
    got = parsed(document, rfc5424_json, limit=limit)
    body, whole = json.loads(got.text), json.loads(document.body)
    left_out = got.data["mailvigil@32473"].get("left_out", "")
    for path in filter(None, left_out.split(",")):
        *above, leaf = path.split(".")
        place = whole
        for part in above:
            place = place[part]
        del place[leaf]
    assert body == whole


def test_json_that_fits_only_without_everything_still_says_what_it_was():
    body = {f"f{n}": "x" * 300 for n in range(40)} | {"event": {"action": "x" * 200}}
    message = parsed(Document("e1", json.dumps(body)), rfc5424_json, limit=LEAST)
    assert message.data["mailvigil@32473"]["event_id"] == "e1"
    assert json.loads(message.text)["event"]


@given(st.lists(TEXT.map(lambda text: syslog_formats._line(text).encode()).filter(len), max_size=5))
def test_frames_are_taken_apart_again(messages):
    assert syslog_parser.counted(b"".join(map(syslog_formats.counted, messages))) == (messages, b"")
    assert syslog_parser.terminated(b"".join(map(syslog_formats.terminated, messages))) == (messages, b"")
