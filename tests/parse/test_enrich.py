"""What events mean at a site: clients, accounts, messages, moments, and the collector's own probes."""

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.agent import assembly
from collector.model.event import Event
from collector.model.shape import Carried, Shape
from collector.model.site import OwnProbes, Site
from collector.parse import enrich
from collector.parse.enrich import FOLLOWS, GEO, PROBED, Enricher, direction

NOON = 1_795_521_600_000  # 2026-11-24T12:00:00Z, a Tuesday
SITE = Site(
    domains=("example.org", "Bücher.example"),
    networks=("192.0.2.0/24", "2001:db8::/64"),
    trusted_clients=("198.51.100.7/32",),
    honeypots=("Admin@Example.org", "root"),
    maintenance=("Tue 11:00-13:00",),
    known_monitors=("203.0.113.99/32",),
    probes=OwnProbes(range(61000, 61100), ("127.0.0.77",)),
)


def place(ip):
    return {"source.geo.country_iso_code": "AT", "source.as.number": 64500} if ip.startswith("203.0.113.") else {}


@cache
def catalogue():
    return assembly.load_catalogue()


@cache
def shape(action, stream=None):
    definition = catalogue().actions[action]
    carried = (*definition.fields.sure, *definition.fields.may, *enrich._CLIENT[:3], "mail.probe.own", "mail.maintenance")
    carried = [name for name in carried if catalogue().allowed(action, name)]
    return catalogue().shape(action, action, stream or definition.stream[0], carried=carried)


def enriched(action, fields, site=SITE, lookup=place, time=NOON):
    event = Event("1", time, shape(action), dict(fields), {})
    Enricher(site, lookup).enrich(event)
    return {name: value for name, value in event.dynamic.items() if name not in fields}


QUIET = Site(networks=SITE.networks, trusted_clients=SITE.trusted_clients)


@pytest.mark.parametrize(
    ("ip", "internal", "trusted", "network"),
    [
        ("192.0.2.9", True, False, "192.0.2.0/24"),
        ("198.51.100.7", False, True, "198.51.100.0/24"),
        ("2001:db8::9", True, False, "2001:db8::/64"),
        ("2001:db8:0:1::9", False, False, "2001:db8:0:1::/64"),
        ("203.0.113.200", False, False, "203.0.113.0/24"),
    ],
)
def test_a_client_is_placed_by_its_address(ip, internal, trusted, network):
    found = enriched("smtp-connect", {"source.ip": ip}, QUIET, enrich.nowhere)
    assert found == {"mail.client.internal": internal, "mail.client.trusted": trusted, "mail.client.network": network}


def test_places_and_monitors_stand_where_the_site_knows_them():
    known = enriched("smtp-connect", {"source.ip": "203.0.113.99"})
    assert known["mail.client.monitor"] is True
    assert (known["source.geo.country_iso_code"], known["source.as.number"]) == ("AT", 64500)
    assert enriched("smtp-connect", {"source.ip": "203.0.113.98"})["mail.client.monitor"] is False
    assert not enriched("smtp-connect", {"source.ip": "198.51.100.9"}).keys() & set(GEO)


def test_an_action_gets_only_what_it_may_carry():
    found = enriched("delivery-sent", {"source.ip": "203.0.113.99", "user.name": "root"}, SITE)
    assert found.keys() == {"mail.client.internal", "mail.client.trusted", "mail.client.monitor", "mail.maintenance"}
    for action in catalogue().actions:
        given = dict.fromkeys(("source.ip", "user.name", "mail.from.domain", "mail.to.domain"), "203.0.113.9")
        given = {name: value for name, value in given.items() if name in shape(action).fields}
        assert all(catalogue().allowed(action, name) for name in enriched(action, given))


def test_what_is_no_address_has_no_place():
    assert enriched("smtp-connect", {"source.ip": "unknown"}) == {"mail.maintenance": True}
    assert enriched("smtp-connect", {}) == {"mail.maintenance": True}


@pytest.mark.parametrize(
    ("name", "honeypot"),
    [
        ("admin@example.org", True), ("ADMIN@example.ORG", True), ("admin", False), ("admin@example.net", False),
        ("root", True), ("root@example.net", True), ("root@a@b", False), ("", False),
    ],
)  # fmt: skip
def test_an_account_is_a_honeypot_by_its_name(name, honeypot):
    for action in ("auth-failure", "auth-success"):
        assert enriched(action, {"user.name": name})["mail.auth.honeypot"] is honeypot
    assert "mail.auth.honeypot" not in enriched("auth-failure", {"user.name": name}, QUIET)
    assert "mail.auth.honeypot" not in enriched("imap-session-end", {"user.name": name})


@pytest.mark.parametrize(
    ("domain", "internal"),
    [("example.org", True), ("lists.example.org", True), ("badexample.org", False), ("example.org.example.net", False), ("xn--bcher-kva.example", True), ("org", False)],
)
def test_a_domain_is_the_sites_own_with_all_below_it(domain, internal):
    found = enriched("delivery-sent", {"mail.from.domain": domain, "mail.to.domain": "example.net"})
    assert found["mail.from.internal"] is internal
    assert found["mail.to.internal"] is False
    assert found["network.direction"] == found["email.direction"] == "outbound"


def test_a_site_without_domains_knows_no_direction():
    assert enriched("delivery-sent", {"mail.from.domain": "example.org", "mail.to.domain": "example.net"}, QUIET) == {}


OURS, THEIRS = {"mail.to.internal": True}, {"mail.to.internal": False}


@pytest.mark.parametrize(
    ("fields", "way"),
    [
        ({}, None),
        ({"mail.from.internal": True, "user.name": "bob"}, None),
        (THEIRS, "outbound"),
        (THEIRS | {"mail.from.internal": False, "mail.client.trusted": False}, "outbound"),
        (OURS | {"user.name": "bob"}, "internal"),
        (OURS | {"user.name": "bob", "mail.from.internal": False}, "internal"),
        (OURS | {"mail.origin": "local"}, "internal"),
        (OURS | {"mail.origin": "pipe", "mail.from.internal": False}, "inbound"),
        (OURS | {"mail.origin": "smtp", "mail.client.trusted": True, "mail.from.internal": True}, "internal"),
        (OURS | {"mail.origin": "smtp", "mail.client.trusted": True, "mail.from.internal": False}, "inbound"),
        (OURS | {"mail.origin": "smtp", "mail.client.trusted": False, "mail.from.internal": True}, "inbound"),
        (OURS | {"mail.from.internal": False}, "inbound"),
        (OURS | {"mail.from.internal": True}, None),
        (OURS, None),
    ],
)
def test_the_recipient_decides_whether_a_message_leaves_and_whoever_handed_it_in_whether_it_came_from_outside(fields, way):
    assert direction(fields) == way


def test_what_the_daemon_says_about_a_connection_stays():
    found = enriched("smtp-reject", {"network.direction": "inbound", "source.ip": "203.0.113.9", "mail.to.domain": "example.net"})
    assert "network.direction" not in found
    assert found["email.direction"] == "outbound"


def test_a_moment_is_inside_a_window_or_not_and_is_neither_without_windows():
    enricher = Enricher(SITE)
    assert enricher.at(NOON) == {"mail.maintenance": True}
    assert enricher.at(NOON + 3_600_000) == {"mail.maintenance": False}
    assert enriched("heartbeat", {}, time=NOON + 3_600_000) == {"mail.maintenance": False}
    assert Enricher().at(NOON) == {}


@pytest.mark.parametrize(
    ("ip", "port", "own"),
    [
        ("192.0.2.1", 61000, True),
        ("192.0.2.1", 61099, True),
        ("192.0.2.1", 61100, False),
        ("192.0.2.1", None, False),
        ("203.0.113.9", 61000, False),
        ("127.0.0.77", 61000, True),
        ("127.0.0.77", None, True),
        ("127.0.0.77", 50000, False),
    ],
)
def test_a_probe_is_known_by_an_own_address_with_its_port_or_by_an_address_of_its_own(ip, port, own):
    fields = {"source.ip": ip} if port is None else {"source.ip": ip, "source.port": port}
    for action in PROBED:
        assert ("mail.probe.own" in enriched(action, fields)) is own
    for action in catalogue().actions.keys() - PROBED:
        assert "mail.probe.own" not in enriched(action, fields)


def test_an_address_alone_is_enough_where_no_ports_are_named():
    site = Site(probes=OwnProbes(addresses=("127.0.0.77",)))
    assert enriched("imap-no-auth", {"source.ip": "127.0.0.77", "source.port": 50000}, site)["mail.probe.own"] is True
    assert "mail.probe.own" not in enriched("imap-no-auth", {"source.ip": "127.0.0.1", "source.port": 50000}, site)


def test_no_login_and_no_message_is_ever_a_probes():
    assert not any(action.startswith(("auth", "mfa", "delivery", "queue", "content")) or action == "smtp-reject" for action in PROBED)


def test_a_shape_that_nothing_follows_from_is_bound_to_nothing():
    assert Enricher(SITE).bind(Shape("x", "heartbeat", "agent", {}, {"event.reason": Carried("keyword", sure=False)})) is None
    message = {"mail.to.domain": Carried("keyword", sure=False), "mail.to.internal": Carried("boolean", sure=False)}
    assert Enricher().bind(Shape("x", "delivery-sent", "postfix", {}, message)) is None


def test_new_answers_are_asked_for_when_the_old_are_forgotten():
    answers = {"source.as.number": 1}
    enricher = Enricher(SITE, lambda _ip: dict(answers))
    seen = []
    for number in (1, 2, 2):
        event = Event("1", NOON, shape("smtp-connect"), {"source.ip": "203.0.113.9"}, {})
        enricher.enrich(event)
        seen.append(event.dynamic["source.as.number"])
        answers["source.as.number"] = 2
        if number == 2:
            enricher.forget()
    assert seen == [1, 1, 2]


SHIPPED = [one for one in assembly.load_parsers(catalogue()).shapes if any(name in one.fields for name in FOLLOWS)]
VALUES = {
    "source.ip": st.sampled_from(("192.0.2.1", "127.0.0.77", "203.0.113.9", "203.0.113.99", "2001:db8::1", "::1", "198.51.100.7")),
    "source.port": st.sampled_from((61000, 61100, 25)),
    "user.name": st.sampled_from(("admin@example.org", "root", "bob@example.net", "x" * 300)),
    "mail.from.domain": st.sampled_from(("example.org", "example.net", "a.example.org")),
    "mail.to.domain": st.sampled_from(("example.org", "example.net", "a.example.org")),
    "mail.origin": st.sampled_from(("smtp", "local")),
}


def fields_of(one):
    return st.fixed_dictionaries({}, optional={name: values for name, values in VALUES.items() if name in one.fields})


TIMES = st.integers(NOON - 7_200_000, NOON + 7_200_000)
EVENTS = st.lists(st.sampled_from(SHIPPED).flatmap(lambda one: st.builds(Event, st.just("1"), TIMES, st.just(one), fields_of(one), st.just({}))), max_size=30)


@given(EVENTS, st.integers(0, 30))
def test_an_event_gets_the_same_whatever_came_before_it_and_only_what_its_shape_declares(events, cut):
    alone = []
    for event in events:
        fresh = Event(event.id, event.time, event.shape, dict(event.dynamic), event.tag)
        Enricher(SITE, place).enrich(fresh)
        assert event.dynamic.items() <= fresh.dynamic.items()
        assert fresh.dynamic.keys() <= event.shape.fields.keys()
        alone.append(fresh.dynamic)
    enricher, together = Enricher(SITE, place), []
    for number, event in enumerate(events):
        if number == cut:
            enricher = Enricher(SITE, place)
        fresh = Event(event.id, event.time, event.shape, dict(event.dynamic), event.tag)
        enricher.enrich(fresh)
        together.append(fresh.dynamic)
    assert together == alone


def test_a_flood_of_clients_is_remembered_within_bounds_and_answered_right(monkeypatch):
    monkeypatch.setattr(enrich, "LIMIT", 16)
    enricher = Enricher(SITE, place)
    for number in range(600):
        ip = f"203.0.113.{number % 256}"
        event = Event("1", NOON, shape("smtp-connect"), {"source.ip": ip}, {})
        enricher.enrich(event)
        assert event.dynamic["mail.client.monitor"] is (ip == "203.0.113.99")
        assert all(len(known) <= 16 for known in enricher._clients.values())
    assert enricher._clients
