import pytest

from collector.parse import samples


@pytest.fixture
def failures(load, fresh_engine):
    def run(text, *more):
        parsers = load(text, *more)
        return [failure.message for failure in samples.run(parsers, lambda: fresh_engine(parsers))]

    return run


def test_good_samples_have_no_failure(smtpd, login, failures):
    assert failures(smtpd, login) == []


def test_earlier_lines_come_first(smtpd, failures):
    line = "2026-11-24T10:00:00+00:00 mx1 postfix/smtpd[12]: "
    lines = f"lines: ['{line}warning: unknown[203.0.113.9]: SASL LOGIN authentication failed: x', '{line}disconnect from unknown[203.0.113.9] auth=0/2']"
    alone = f"line: '{line}disconnect from unknown[203.0.113.9] auth=0/2'"
    assert failures(smtpd.replace(alone, lines)) == ["2 events (smtp-disconnect, auth-failure), expected 3"]
    assert failures(smtpd.replace(alone, lines).replace(", {}]", "]")) == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("{source.ip: 203.0.113.7, network.direction: inbound}", "{source.ip: 203.0.113.8}", "event 0: source.ip is '203.0.113.7', expected '203.0.113.8'"),
        ("{source.ip: 203.0.113.7, network.direction: inbound}", "{source.domain: a.example}", "event 0: source.domain is None, expected 'a.example'"),
        ("{source.ip: 203.0.113.7, network.direction: inbound}", "{source.domain: null}", None),
        ("{source.ip: 203.0.113.7, network.direction: inbound}", "[{}, {}]", "1 events (smtp-connect), expected 2"),
        ("source.ip: 203.0.113.9}, {}]", "source.ip: 203.0.113.8}, {}]", "event 1: source.ip is '203.0.113.9', expected '203.0.113.8'"),
    ],
)
def test_a_wrong_expectation_is_told(smtpd, failures, old, new, message):
    assert failures(smtpd.replace(old, new, 1)) == ([] if message is None else [message])


TWO = """
parser: postfix.two
program: ['*/two']
shapes:
  - name: narrow
    contains: 'out of '
    grok: 'out of %{REST:event.reason}'
    action: service-error
    samples: [{line: '2026-11-24T10:00:00+00:00 mx1 postfix/two[1]: out of order', expect: {event.reason: order}}]
  - name: wide
    contains: 'out '
    grok: 'out %{REST:event.reason}'
    action: service-error
    samples: [{line: '2026-11-24T10:00:00+00:00 mx1 postfix/two[1]: out to lunch', expect: {event.reason: to lunch}}]
"""


def test_a_line_that_two_shapes_take_is_told_unless_one_is_a_catch_all(failures):
    assert failures(TWO) == ["postfix.two.wide would take the line as well"]
    assert failures(TWO.replace("contains: 'out '", "catch_all: true\n    contains: 'out '")) == []


def test_a_failure_says_where(load, fresh_engine):
    parsers = load(TWO)
    (failure,) = samples.run(parsers, lambda: fresh_engine(parsers))
    assert str(failure) == "0.yaml:5:5: postfix.two.narrow sample 0: postfix.two.wide would take the line as well"


def test_strays_are_found_without_making_events(load):
    assert list(samples.strays(load(TWO))) == []
