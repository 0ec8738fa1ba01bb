"""What the collector's own probes leave in the log wakes no rule; an attack from the same address does."""

from functools import cache

import pytest

from collector.agent import assembly
from collector.model.alert import Alert
from collector.model.identity import Identity
from collector.model.moment import iso
from collector.model.record import Position, Record, SourceInfo
from collector.model.site import OwnProbes, Site
from collector.parse.dovecot_facts import session_port
from collector.pipeline.replay import Summary, replay

NOON = 1_795_521_600_000
SITE = Site(networks=("192.0.2.0/24",), probes=OwnProbes(range(61000, 61100), ("127.0.0.77",)))
SESSIONS = {61000: "ZGDrSARhSO7AAAIB", 50194: "ZGDrSARhEsTAAAIB"}
"""Session ids of 192.0.2.1 by the client's port."""


@cache
def shipped():
    return assembly.load_content()


def alerts(lines, site=SITE, every=1000):
    loaded = shipped()
    rules = assembly.load_rules(loaded.catalogue, site=site, enable=sorted(loaded.rules.rules))
    pipeline = assembly.road(assembly.Content(loaded.catalogue, loaded.parsers, rules, site), Identity(), live=False)
    texts = [f"{iso(NOON + number * every)} mx1 {line}" for number, line in enumerate(lines)]
    records = [Record(SourceInfo("log"), text.encode(), NOON, Position((b"log", number.to_bytes(8, "big")), b"")) for number, text in enumerate(texts)]
    found = list(replay(pipeline, {"log": records}, Summary()))
    own = [one.get("mail.probe.own") for one, _ in found if not isinstance(one, Alert)]
    return {one.rule.name for one, _ in found if isinstance(one, Alert)}, own


def postfix(client):
    return [f"postfix/smtpd[12]: {said} from {client}{rest}" for said, rest in (("connect", ""), ("SSL_accept error", ": -1"), ("lost connection after STARTTLS", ""))] * 40


def dovecot(port, ip="192.0.2.1"):
    said = f"user=<>, rip={ip}, lip=192.0.2.1, TLS handshaking: SSL_accept() failed: error:0A0000C1:SSL routines::no shared cipher, session=<{SESSIONS[port]}>"
    return [f"dovecot: imap-login: Disconnected: Connection closed: SSL_accept() failed: error:0A0000C1:SSL routines::no shared cipher (no auth attempts in 0 secs): {said}"] * 40


def failures(client_port):
    said = f"user=<bob@example.org>, method=PLAIN, rip=192.0.2.1, lip=192.0.2.1, TLS, session=<{SESSIONS[client_port]}>"
    return [f"dovecot: imap-login: Disconnected: Connection closed (auth failed, 1 attempts in 2 secs): {said}"] * 20


def test_the_session_ids_hold_these_ports():
    assert {port: session_port(text) for port, text in SESSIONS.items()} == {port: {"source.port": port} for port in SESSIONS}


@pytest.mark.parametrize("lines", [postfix("mx1.example.org[192.0.2.1]:61000"), postfix("localhost[127.0.0.77]"), dovecot(61000)], ids=["logged port", "address", "session id"])
def test_a_probes_handshakes_are_marked_and_wake_no_rule(lines):
    found, own = alerts(lines)
    assert found == set()
    assert all(own)
    assert len(own) >= 40


@pytest.mark.parametrize(
    "lines",
    [postfix("mx1.example.org[192.0.2.1]:50194"), postfix("unknown[203.0.113.9]:61000"), postfix("mx1.example.org[192.0.2.1]"), dovecot(50194)],
    ids=["other port", "other address", "no port", "session id"],
)
def test_the_same_handshakes_of_anybody_else_are_told(lines):
    found, own = alerts(lines)
    assert "tls_inbound_burst" in found
    assert not any(own)


def test_a_site_that_names_no_ports_marks_nothing():
    found, own = alerts(postfix("localhost[127.0.0.77]"), Site())
    assert "tls_inbound_burst" in found
    assert not any(own)


def test_guessing_from_a_probes_own_port_and_address_is_told():
    found, own = alerts(failures(61000))
    assert {"bf_ip", "bf_user"} <= found
    assert not any(own)
