import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from collector.report.alerts import LEVELS, LINE, NAME, alerts, shown
from tests.support.hostile import NAMES


def test_the_worst_level_comes_first():
    assert LEVELS == ("critical", "high", "medium", "low")


def test_later_statements_of_an_episode_only_add_to_it(document):
    opening = document(episode="e", time="2026-11-24T06:00:00.000Z")
    end = document(episode="e", time="2026-11-24T08:00:00.000Z", seen="2026-11-24T07:00:00.000Z", step="end", count=48)
    for order in ([opening, end], [end, opening]):
        [one] = alerts(order)
        assert (one.id, one.count, one.last - one.first) == (opening["event"]["id"], 48, 3_600_000)


def test_alerts_are_numbered_in_order_of_time(document):
    found = alerts([document(rule="b", time="2026-11-24T07:00:00.000Z"), document(rule="a", time="2026-11-24T06:00:00.000Z")])
    assert [(one.number, one.rule) for one in found] == [(1, "a"), (2, "b")]


def test_the_key_is_told_by_values_where_they_speak_for_themselves(document):
    [one] = alerts([document(group=("user.name=carol@example.org", "user.id=33"))])
    assert one.who == "carol@example.org, user.id 33"
    assert (one.account, one.address) == ("carol@example.org", None)


def test_an_account_outside_the_key_is_known_too(document):
    [one] = alerts([document() | {"user": {"name": "frank@example.org"}}])
    assert (one.account, one.address) == ("frank@example.org", "203.0.113.9")


def test_a_technique_is_named_by_its_part(document):
    technique = {"id": ["T1110", "T1078"], "name": ["Brute Force", "Valid Accounts"], "subtechnique": {"id": ["T1110.001"], "name": ["Password Guessing"]}}
    [one] = alerts([document() | {"threat": {"technique": technique}}])
    assert one.techniques == ("T1078 Valid Accounts", "T1110.001 Password Guessing")


def test_text_of_attackers_is_safe_to_look_at_and_short(hostile_day):
    for one in hostile_day.alerts:
        for text in (one.title, one.reason, one.about, one.who, one.host, *one.evidence):
            assert len(text) <= LINE * 10
            assert not any(unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp") for character in text)


@given(st.text())
def test_nothing_that_is_shown_moves_anything(text):
    assert not any(unicodedata.category(character)[0] == "C" for character in shown(text))
    assert shown(text[:NAME]) == shown(shown(text[:NAME]), 10 * NAME)


def test_names_are_cut():
    assert len(shown(NAMES[4])) == NAME
    assert shown(NAMES[4]).endswith("…")
