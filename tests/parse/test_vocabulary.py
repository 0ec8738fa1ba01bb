import pytest

from collector.errors import Location, ParserError
from collector.parse.vocabulary import Vocabulary, stream_of

AT = Location("p.yaml", 3, 5)


@pytest.fixture
def vocabulary(catalogue):
    return Vocabulary(catalogue, "postfix")


@pytest.mark.parametrize(("product", "stream"), [("postfix", "postfix"), ("dovecot", "dovecot"), ("opendkim", "filter"), ("acme", "filter")])
def test_a_product_has_a_stream(product, stream):
    assert stream_of(product) == stream


@pytest.mark.parametrize(
    ("action", "name", "may"),
    [
        ("smtp-connect", "source.ip", True),
        ("smtp-connect", "network.transport", True),
        ("smtp-connect", "user.name", False),
        ("smtp-connect", "event.outcome", False),
        ("bounce", "event.outcome", True),
        ("smtp-connect", "event.kind", False),
        ("smtp-connect", "related.ip", False),
        ("smtp-connect", "log.offset", False),
    ],
)
def test_an_action_allows_its_own_fields_and_common_ones_that_no_station_owns(vocabulary, action, name, may):
    assert vocabulary.may(action, name) is may


@pytest.mark.parametrize(
    ("check", "message"),
    [
        (lambda v: v.check_action("smtp-conect", AT), "did you mean smtp-connect?"),
        (lambda v: v.check_action("imap-disconnect", AT), "no event of stream postfix"),
        (lambda v: v.check_field("smtp-connect", "user.nam", AT), "did you mean user.name?"),
        (lambda v: v.check_field("smtp-connect", "user.name", AT), "may not carry user.name"),
        (lambda v: v.check_value("event.id", "x", AT), "not for a parser to say"),
        (lambda v: v.check_value("network.direction", "up", AT), "no keyword of its closed list"),
        (lambda v: v.check_value("email.to.address", "a@example.org", AT), "no list of keyword"),
        (lambda v: v.check_given("smtp-connect", ("user.name",), AT), "may carry nothing"),
    ],
)
def test_each_refusal_has_its_place(vocabulary, check, message):
    with pytest.raises(ParserError) as error:
        check(vocabulary)
    assert message in str(error.value)
    assert str(error.value).startswith("p.yaml:3:5: ")


def test_a_shape_must_be_able_to_have_what_is_sure(vocabulary, catalogue):
    shape = catalogue.shape("x", "smtp-connect", "postfix", {"network.protocol": "smtp"}, ("source.ip",))
    with pytest.raises(ParserError, match=r"never has source\.address, network\.direction"):
        vocabulary.check_shape(shape, (), AT)


def test_nothing_is_said_twice(vocabulary, catalogue):
    shape = catalogue.shape("x", "bounce", "postfix", {"email.local_id": "A1"}, ("event.reason",))
    with pytest.raises(ParserError, match=r"says email\.local_id twice"):
        vocabulary.check_shape(shape, ("email.local_id",), AT)


def test_of_a_files_facts_an_action_gets_what_it_allows(vocabulary):
    assert vocabulary.allowed("smtp-connect", {"network.protocol": "smtp", "user.name": "x"}) == {"network.protocol": "smtp"}


def test_functions_may_give_parts_alone(vocabulary):
    vocabulary.check_given("smtp-connect", ("user.name", "_n"), AT)
