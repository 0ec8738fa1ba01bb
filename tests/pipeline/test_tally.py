"""Counts of hours: the same as asking every event for every dimension."""

from hypothesis import given
from hypothesis import strategies as st

from collector.model.alert import Alert, RuleFacts
from collector.model.event import Event
from collector.model.shape import Carried, Shape
from collector.pipeline.tally import DIMENSIONS, HOUR, KEY, Tally

TEXT = Carried("keyword", sure=False)
LOGIN = Shape("login", "auth-failure", "dovecot", {"event.action": "auth-failure"}, {"user.name": TEXT, "source.ip": TEXT, "tls.version": TEXT})
FIXED = Shape("fixed", "tls-failure", "postfix", {"event.action": "tls-failure", "service.name": "postfix/tlsproxy", "tls.version": "1.2"}, {"destination.domain": TEXT})
TAGS = ({}, {"service.name": "dovecot/imap-login"}, {"service.name": "postfix/smtpd", "process.pid": 7})
ALERT = Alert(
    id="f" * 32, time=HOUR, rule=RuleFacts("bf_ip", "uuid", "Guessing", "", "high", 73, 73, "stable", 1, "abc", "authentication", (), ()), step="0", episode="", count=1, first=0,
    last=0, threshold=None, window=None, group=(), reason="", message="", cause=(), outcome=None, fields={}, event_ids=(), evidence=(), distinct={}, playbook=None,
)  # fmt: skip
VALUES = st.sampled_from(["bob", "eve", "x" * 200, "x" * 201])


@st.composite
def events(draw):
    shape = draw(st.sampled_from([LOGIN, FIXED]))
    fields = draw(st.dictionaries(st.sampled_from([*shape.fields, *(["service.name"] if shape is LOGIN else [])]), VALUES))
    return Event("i", draw(st.integers(0, 3 * HOUR)), shape, fields, draw(st.sampled_from(TAGS)))


@given(st.lists(events()))
def test_every_event_counts_in_its_hour_once_for_each_dimension_that_it_has(given_events):
    tally, wanted = Tally(), {}
    for event in given_events:
        tally.event(event)
        for dimension in DIMENSIONS:
            if event.get(dimension) is not None:
                key = (event.time // HOUR, dimension, event.get(dimension)[:KEY])
                wanted[key] = wanted.get(key, 0) + 1
    assert tally.take() == wanted
    assert tally.take() == {}


def test_an_alert_counts_when_it_opens():
    tally = Tally()
    for step in ("0", "1", "end"):
        tally.alert(Alert(**{name: getattr(ALERT, name) for name in Alert.__dataclass_fields__} | {"step": step}))
    assert tally.take() == {(1, "rule.name", "bf_ip"): 1}


def test_an_attackers_long_name_is_cut():
    tally = Tally()
    tally.event(Event("i", 0, LOGIN, {"user.name": "x" * 5000}, {}))
    assert max(len(key) for _, _, key in tally.take()) == KEY
