import pytest

from collector.errors import SpoolError
from collector.model.document import Delivery
from collector.spool import dead_letters
from collector.spool.cursors import SinkSpec

POSTFIX = "logs-mail.postfix-default"


def refuse(spool, batch, *ids, now=0, **delivery):
    spool.commit(spool.pack(batch(postfix=[*ids, f"good{now}"])), now)
    parcel = spool.next("es", POSTFIX)
    spool.delivered("es", parcel, Delivery(rejected=tuple((one, "document_parsing_exception: " + one) for one in ids), **delivery), now)


@pytest.fixture
def spool(house):
    found = house.open(dead_letter_bytes=1000)
    found.configure([SinkSpec("es")])
    return found


def test_what_a_sink_refused_is_kept_whole_and_the_cursor_moves_on(spool, batch):
    refuse(spool, batch, "bad1", "bad2", now=7)
    assert spool.next("es", POSTFIX) is None
    assert spool.dead_letter_count() == 2
    second, first = spool.dead_letters()
    assert (first.time, first.sink, first.stream, first.document_id, first.reason) == (7, "es", POSTFIX, "bad1", "document_parsing_exception: bad1")
    assert (first.document(), second.document()) == (b'{"id":"bad1"}', b'{"id":"bad2"}')
    assert spool.dead_letters(limit=1, offset=1) == [first]


def test_the_oldest_go_when_there_are_too_many_and_that_is_told(spool, batch):
    for n in range(60):
        refuse(spool, batch, f"bad{n:02}", now=n)
    count, size, oldest = dead_letters.count(spool._db)
    assert 900 < size <= 1000
    assert [letter.document_id for letter in spool.dead_letters()] == [f"bad{n:02}" for n in range(59, 59 - count, -1)]
    assert oldest == 60 - count
    (fact,) = spool.facts()
    assert (fact.fields["mail.agent.sink"], fact.fields["mail.agent.count"]) == ("es", 1)


def test_a_document_larger_than_the_limit_goes_at_once(house, batch):
    spool = house.open(dead_letter_bytes=10)
    spool.configure([SinkSpec("es")])
    refuse(spool, batch, "bad")
    assert spool.dead_letter_count() == 0
    assert len(spool.facts()) == 1


def test_the_total_is_right_after_a_transaction_that_failed(spool, batch, monkeypatch):
    spool.commit(spool.pack(batch(postfix=["bad"])), 0)
    parcel = spool.next("es", POSTFIX)
    rejected = Delivery(rejected=(("bad", "x" * 10_000),))
    with monkeypatch.context() as patch:
        patch.setattr(spool._retention, "passed", lambda stream, most: (_ for _ in ()).throw(SpoolError("torn")))
        with pytest.raises(SpoolError):
            spool.delivered("es", parcel, rejected, 0)
    assert spool.dead_letter_count() == 0
    assert spool.next("es", POSTFIX) == parcel
    spool.delivered("es", parcel, rejected, 0)
    assert spool._dead_letters._bytes == dead_letters.count(spool._db)[1]
    assert len(spool.dead_letters()[0].reason) == 4096


def test_the_cursor_does_not_move_while_something_is_to_be_sent_again(spool, batch):
    with pytest.raises(SpoolError, match="again"):
        refuse(spool, batch, "bad", again=frozenset({"bad"}))
    assert spool.next("es", POSTFIX).count == 2
    assert spool.dead_letter_count() == 0
