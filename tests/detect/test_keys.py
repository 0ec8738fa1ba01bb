"""Keys of windows: what counts as one client, and what people see of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.detect.keys import ELEMENTS, Keys, Parts, shown, widened
from collector.model.identity import Identity
from tests.support.detection import NOON, catalogue, event, failure


def keys(*fields):
    return Keys(fields, Parts(catalogue(), Identity()))


def key(ip):
    [found] = keys("source.ip").of(failure(NOON, ip), {})
    return found


def test_an_address_is_its_four_bytes_and_reads_as_itself():
    assert shown(key("203.0.113.9").narrow) == ("203.0.113.9",)
    assert len(key("203.0.113.9").narrow) == 6
    assert widened(key("203.0.113.9").narrow) is None


def test_ipv6_clients_are_counted_by_64_and_collapse_by_48():
    one, other = key("2001:db8:1:2::1"), key("2001:DB8:1:2:ffff::9")
    assert one.narrow == other.narrow
    assert shown(one.narrow) == ("2001:db8:1:2::/64",)
    wide = widened(one.narrow)
    assert shown(wide) == ("2001:db8:1::/48",)
    assert widened(wide) is None


def test_ipv4_inside_ipv6_is_the_ipv4_client():
    assert key("::ffff:203.0.113.9").narrow == key("203.0.113.9").narrow


def test_what_is_no_address_stays_text():
    assert shown(key("unknown").narrow) == ("unknown",)


def test_an_event_without_a_key_field_does_not_count():
    assert keys("source.ip", "user.name").of(event("auth-failure", NOON, {"source.ip": "203.0.113.9"}), {}) == []


def test_a_list_makes_a_key_for_each_element():
    found = list(keys("email.to.address", "source.ip").of(event("smtp-reject", NOON, {"email.to.address": ["a@example.org", "b@example.org"], "source.ip": "203.0.113.9"}), {}))
    assert [shown(one.narrow) for one in found] == [("a@example.org", "203.0.113.9"), ("b@example.org", "203.0.113.9")]
    assert found[1].values["email.to.address"] == "b@example.org"


def test_a_bound_field_has_one_element():
    [found] = keys("email.to.address").of(event("smtp-reject", NOON, {"email.to.address": ["a@example.org", "b@example.org"]}), {"email.to.address": "b@example.org"})
    assert shown(found.narrow) == ("b@example.org",)


def test_a_long_list_makes_a_bounded_number_of_keys():
    many = [f"u{number}@example.org" for number in range(1000)]
    assert len(list(keys("email.to.address", "email.from.address").of(event("smtp-reject", NOON, {"email.to.address": many, "email.from.address": many}), {}))) == ELEMENTS


def test_a_long_value_is_cut_and_still_told_apart():
    one, other = (keys("user.name").of(failure(NOON, user="x" * 5000 + end), {})[0].narrow for end in "ab")
    assert one != other
    assert len(one) < 256


def test_a_field_that_never_leaves_the_host_is_only_a_digest():
    [found] = keys("mail.auth.password_hash").of(failure(NOON, **{"mail.auth.password_hash": "5baa6"}), {})
    assert b"5baa6" not in found.narrow
    assert shown(found.narrow) == (Identity().value("5baa6").hex(),)


def test_values_come_from_the_group_first_and_are_empty_where_nothing_is():
    found = keys("source.ip", "user.name", "user.domain").values(failure(NOON, "2001:db8::1"), {"user.name": "carol"})
    assert found == ("2001:db8::/64", "carol", "")


TEXTS = st.text(max_size=300)


@given(st.tuples(TEXTS, TEXTS), st.tuples(TEXTS, TEXTS))
def test_no_two_groups_have_one_key(one, other):
    made = keys("user.name", "user.domain")

    def of(values):
        [found] = made.of(failure(NOON, user=values[0], **{"user.domain": values[1]}), {})
        return found.narrow

    assert (of(one) == of(other)) == (one == other)
    assert len(shown(of(one))) == 2


@pytest.mark.parametrize("text", ["a\x00b", "t6w4", "\u202e", "é" * 150])
def test_a_text_reads_as_itself_or_its_head(text):
    [found] = keys("user.name").of(failure(NOON, user=text), {})
    assert shown(found.narrow)[0].startswith(text[:90])


def test_what_is_remembered_is_what_would_be_made_again(monkeypatch):
    monkeypatch.setattr("collector.detect.keys._REMEMBERED", 3)
    parts = Parts(catalogue(), Identity())
    for value in ("1", 1, True, 1.0, "true", "x" * 300, "é", *map(str, range(9)), "1"):
        assert parts.packed("user.name")[value] == Parts(catalogue(), Identity()).packed("user.name")[value]
        assert parts.shown("user.name")[value] == shown(parts.packed("user.name")[value])[0]
        assert len(parts.packed("user.name")) <= 3
    assert "x" * 300 not in parts.packed("user.name"), "a stranger chooses how long it is"
