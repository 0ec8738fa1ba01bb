import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector import content
from collector.model import catalogue as vocabulary
from collector.model.shape import Carried, Shape
from collector.parse import convert

CATALOGUE = vocabulary.load(content.package_text("model/fields.yaml"), content.package_text("model/actions.yaml"))


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("source.ip", "203.0.113.7", "203.0.113.7"),
        ("source.ip", "::ffff:192.0.2.7", "192.0.2.7"),
        ("source.ip", "2001:DB8:0::1", "2001:db8::1"),
        ("source.ip", "fe80::1%eth0", "fe80::1"),
        ("source.ip", "unknown", None),
        ("source.ip", "1" * 100, None),
        ("source.port", "25", 25),
        ("source.port", "x", None),
        ("source.port", "9" * 19, None),
        ("source.port", "\u0661", None),
        ("mail.log.skew_seconds", "1.5", 1.5),
        ("mail.log.skew_seconds", "nan", None),
        ("mail.log.skew_seconds", "1e999", None),
        ("tls.established", "yes", True),
        ("tls.established", "false", False),
        ("tls.established", "maybe", None),
        ("email.delivery_timestamp", "2026-11-24T10:00:00+01:00", "2026-11-24T09:00:00.000Z"),
        ("email.delivery_timestamp", "today", None),
        ("user.name", "Bob@Example.ORG", "bob@example.org"),
        ("error.code", "0a00c1", "0A00C1"),
        ("source.domain", "MX1.Example.org.", "mx1.example.org"),
        ("source.domain", "b\u00fccher.example", "xn--bcher-kva.example"),
        ("source.domain", "b\u00fc..x", "b\u00fc..x"),
        ("email.to.address", "A@example.org", ["a@example.org"]),
        ("email.to.address", "", None),
        ("email.from.address", "", [""]),
        ("user.name", "", None),
        ("mail.tls.fault", "OURS", "ours"),
        ("mail.tls.fault", "nobody", None),
        ("error.type", "made up", "other"),
    ],
)
def test_text_becomes_what_the_catalogue_says(catalogue, name, text, expected):
    assert convert.value(catalogue, name, text) == expected


@given(st.text(max_size=300))
def test_any_text_of_any_field_gives_a_value_that_fits_or_none(text):
    for name, definition in CATALOGUE.fields.items():
        value = convert.value(CATALOGUE, name, text)
        if value is not None and value != [""]:
            assert convert.fits(definition, value) or definition.normaliser == "domain", name


@pytest.mark.parametrize(
    ("name", "value", "fits"),
    [
        ("source.port", 25, True),
        ("source.port", True, False),
        ("source.port", "25", False),
        ("tls.established", False, True),
        ("tls.established", "false", False),
        ("user.name", "bob", True),
        ("user.name", "Bob", False),
        ("user.name", ["bob"], False),
        ("email.to.address", ["bob@example.org"], True),
        ("email.to.address", "bob@example.org", False),
        ("source.ip", "192.0.2.1", True),
        ("source.ip", "nowhere", False),
        ("mail.tls.fault", "ours", True),
        ("mail.tls.fault", "nobody", False),
        ("mail.log.skew_seconds", 1, True),
        ("mail.log.skew_seconds", float("inf"), False),
        ("mail.log.skew_seconds", float("nan"), False),
        ("mail.size", (1 << 63) - 1, True),
        ("mail.size", 1 << 63, False),
        ("mail.size", -(1 << 63) - 1, False),
    ],
)
def test_a_ready_value_is_checked(catalogue, name, value, fits):
    assert convert.fits(catalogue.fields[name], value) is fits


@pytest.mark.parametrize("value", [1 << 63, -(1 << 63) - 1, float("nan"), float("-inf"), [1, 1 << 64]])
def test_a_number_that_no_document_can_hold(value):
    assert not convert.storable(value)


@pytest.mark.parametrize("value", [(1 << 63) - 1, -(1 << 63), True, 0.5, "9" * 30, ["x"], []])
def test_all_else_can_be_stored(value):
    assert convert.storable(value)


def finished(fields, *without):
    names = {name for follows in convert.FOLLOWS.values() for name in follows} - set(without)
    convert.finish(fields, Shape("x", "x", "x", {}, {name: Carried("keyword", sure=False) for name in names}))
    return fields


def test_what_follows_is_added():
    found = finished({
        "source.ip": "203.0.113.7",
        "destination.ip": "203.0.113.7",
        "source.domain": "a.example",
        "user.name": "bob@example.org",
        "email.from.address": ["x@a.example"],
        "email.to.address": ["y@b.example", "z@c.example"],
        "file.hash.sha256": "ab",
    })
    assert (found["source.address"], found["destination.address"]) == ("203.0.113.7", "203.0.113.7")
    assert (found["user.domain"], found["user.email"]) == ("example.org", "bob@example.org")
    assert (found["mail.from.domain"], found["mail.to.domain"]) == ("a.example", "b.example")
    assert (found["related.ip"], found["related.user"], found["related.hosts"], found["related.hash"]) == (["203.0.113.7"], ["bob@example.org"], ["a.example"], ["ab"])


def test_only_what_the_shape_may_carry_is_added():
    assert finished({"source.ip": "203.0.113.7"}, "related.ip") == {"source.ip": "203.0.113.7", "source.address": "203.0.113.7"}


def test_what_is_there_stays():
    assert finished({"source.ip": "203.0.113.7", "source.address": "mx.example"})["source.address"] == "mx.example"


@pytest.mark.parametrize("name", ["bob", "@example.org", "bob@", "bob@exam...", "alice>, rip=192.0.2.8, user=<root@x, y", "a@b c", "a@<script>"])
def test_a_name_without_a_plausible_domain_gives_none(name):
    found = finished({"user.name": name})
    assert "user.domain" not in found
    assert found["related.user"] == [name]


def test_the_null_sender_has_no_domain():
    assert finished({"email.from.address": [""]}) == {"email.from.address": [""]}
