"""Events born whole are checked like a parser's."""

import pytest

from collector import content
from collector.errors import ContentError, Location
from collector.model import catalogue
from collector.model.finding import Births, Finding, Receipt

FACTS = {"network.protocol": "imap", "network.direction": "inbound"}


@pytest.fixture(scope="module")
def vocabulary():
    return catalogue.load(content.package_text("model/fields.yaml"), content.package_text("model/actions.yaml"))


@pytest.fixture
def births(vocabulary):
    return Births(vocabulary, {"host.name": "mx1", "service.name": "mailvigil"})


def test_an_event_carries_the_facts_of_its_action_and_the_tag(births):
    event = births.event("0" * 32, 5, "auth-failure", {**FACTS, "service.type": "dovecot", "source.ip": "203.0.113.9"})
    assert (event.id, event.time, event.shape.stream) == ("0" * 32, 5, "dovecot")
    assert event.fields | FACTS == event.fields
    assert event.get("event.category") == ["authentication"]
    assert event.get("event.outcome") == "failure"
    assert event.get("host.name") == "mx1"


@pytest.mark.parametrize(("product", "stream"), [("postfix", "postfix"), ("dovecot", "dovecot"), ("roundcube", "filter"), (None, "postfix")])
def test_the_product_chooses_the_stream(births, product, stream):
    event = births.event("0" * 32, 0, "auth-failure", FACTS if product is None else {**FACTS, "service.type": product})
    assert event.shape.stream == stream
    assert event.get("event.dataset") == f"mail.{stream}"


def test_shapes_are_made_once(births):
    one, two = (births.event(str(number) * 32, 0, "auth-failure", FACTS) for number in range(2))
    assert one.shape is two.shape


@pytest.mark.parametrize(
    ("action", "fields", "complaint"),
    [
        ("auth-failur", FACTS, "unknown action auth-failur, did you mean auth-failure?"),
        ("auth-failure", {**FACTS, "source.pi": "203.0.113.9"}, "unknown field source.pi, did you mean source.ip?"),
        ("auth-failure", {**FACTS, "mail.dsn": "5.7.1"}, "auth-failure may not carry mail.dsn"),
        ("auth-failure", {"network.protocol": "imap"}, "auth-failure lacks network.direction"),
        ("auth-failure", {**FACTS, "source.port": "25"}, "source.port: '25' is no long"),
        ("auth-failure", {**FACTS, "source.port": True}, "source.port: True is no long"),
        ("auth-failure", {**FACTS, "tls.established": 1}, "tls.established: 1 is no boolean"),
        ("auth-failure", {**FACTS, "user.name": ["alice"]}, "user.name must not be a list"),
        ("auth-failure", {**FACTS, "related.ip": "203.0.113.9"}, "related.ip must be a list"),
        ("auth-failure", {**FACTS, "mail.auth.reason": "bad-luck"}, "mail.auth.reason: 'bad-luck' is no keyword of its closed list"),
    ],
)
def test_what_the_vocabulary_does_not_allow_is_refused_with_its_place(births, action, fields, complaint):
    with pytest.raises(ContentError) as raised:
        births.event("0" * 32, 0, action, fields, Location("rule.yaml", 7))
    assert str(raised.value) == f"rule.yaml:7: {complaint}"


def test_the_tag_may_give_what_is_sure(vocabulary):
    event = Births(vocabulary, FACTS).event("0" * 32, 0, "auth-failure", {})
    assert event.get("network.protocol") == "imap"


def test_what_is_given_is_not_shared(births):
    fields = dict(FACTS)
    event = births.event("0" * 32, 0, "auth-failure", fields)
    fields["network.protocol"] = "pop3"
    assert event.get("network.protocol") == "imap"


def test_a_finding_has_a_receipt_only_if_there_is_something_to_do(births):
    event = births.event("0" * 32, 0, "auth-failure", FACTS)
    assert Finding(event).receipt is None
    assert Finding(event, Receipt("reports", b"7")).receipt == Receipt("reports", b"7")
