from collector.model.event import Event
from collector.model.shape import Shape
from collector.pipeline import tally

SHAPE = Shape("x", "auth-failure", "dovecot", {"event.action": "auth-failure"})


def test_each_dimension_counts_in_the_hour_of_the_event():
    tallies = {}
    for n in range(3):
        tally.count(tallies, Event("i", n * tally.HOUR // 2, SHAPE, {"user.name": "bob"}, {"service.name": "dovecot/imap-login"}))
    assert tallies == {
        (0, "event.action", "auth-failure"): 2,
        (0, "user.name", "bob"): 2,
        (0, "service.name", "dovecot/imap-login"): 2,
        (1, "event.action", "auth-failure"): 1,
        (1, "user.name", "bob"): 1,
        (1, "service.name", "dovecot/imap-login"): 1,
    }


def test_an_attackers_long_name_is_cut():
    tallies = {}
    tally.count(tallies, Event("i", 0, SHAPE, {"user.name": "x" * 5000}, {}))
    assert max(len(key) for _, _, key in tallies) == tally.KEY
