"""Dead letters are marked and deleted beside a service that goes on, and without one."""

import pytest

from collector.errors import SpoolError
from collector.model.document import Delivery
from collector.spool import dead_letters
from collector.spool.clerk import Clerk
from collector.spool.cursors import SinkSpec
from collector.spool.store import Spool

POSTFIX, DOVECOT = "logs-mail.postfix-default", "logs-mail.dovecot-default"


@pytest.fixture
def spool(house, batch):
    found = house.open(dead_letter_bytes=2000)
    found.configure([SinkSpec("es"), SinkSpec("other")])
    found.commit(found.pack(batch(postfix=["p1", "p2", "p3"], dovecot=["d1"])), 10)
    for stream, ids in ((POSTFIX, ("p1", "p2")), (DOVECOT, ("d1",))):
        parcel = found.next("es", stream)
        found.delivered("es", parcel, Delivery(rejected=tuple((one, "no mapping") for one in ids)), 20)
    return found


def numbers(reader, **chosen):
    return reader.dead_letter_numbers(**chosen)


def test_marked_ones_come_one_stream_at_a_time_and_go_when_they_were_delivered(spool, house):
    assert spool.retry("es") is None
    with Clerk.open(house.folder) as clerk:
        assert clerk.retry(numbers(clerk)) == 3
        assert [letter.retry for letter in clerk.dead_letters()] == [True] * 3
    assert spool.retry("other") is None
    assert (spool.retrying("es"), spool.retrying("other")) == (True, False)
    first = spool.retry("es")
    assert (first.parcel.stream, [document.id for document in first.parcel.documents()]) == (POSTFIX, ["p1", "p2"])
    assert [document.body for document in first.parcel.documents()] == [b'{"id":"p1"}', b'{"id":"p2"}']
    before = spool._cursors.after("es", POSTFIX)
    spool.retried("es", first, Delivery(rejected=(("p2", "still no mapping"),), duplicates=1), 30)
    assert [(letter.document_id, letter.time, letter.reason, letter.retry) for letter in spool.dead_letters()] == [
        ("d1", 20, "no mapping", True),
        ("p2", 30, "still no mapping", False),
    ]
    assert spool._cursors.after("es", POSTFIX) == before
    second = spool.retry("es")
    assert (second.parcel.stream, second.parcel.count) == (DOVECOT, 1)
    spool.retried("es", second, Delivery(), 40)
    assert spool.retry("es") is None
    assert not spool.retrying("es")
    assert spool.dead_letter_count() == 1


def test_a_mark_outlives_a_crash_and_what_is_purged_meanwhile_stays_away(spool, house):
    with Clerk.open(house.folder) as clerk:
        clerk.retry(numbers(clerk))
    spool = house.crash(spool, dead_letter_bytes=2000)
    spool.configure([SinkSpec("es"), SinkSpec("other")])
    retry = spool.retry("es")
    with Clerk.open(spool._folder) as clerk:
        assert clerk.purge(numbers(clerk)) == 3
    spool.retried("es", retry, Delivery(rejected=(("p1", "no"),)), 50)
    assert spool.dead_letter_count() == 0


def test_a_delivery_that_cannot_be_noted_leaves_the_marks(spool, house, monkeypatch):
    with Clerk.open(house.folder) as clerk:
        clerk.retry(numbers(clerk))
    retry = spool.retry("es")
    with monkeypatch.context() as patch:
        patch.setattr(spool._cursors, "move", lambda *_: (_ for _ in ()).throw(SpoolError("torn")))
        with pytest.raises(SpoolError):
            spool.retried("es", retry, Delivery(), 60)
    assert spool.retry("es") == retry


def test_the_service_sums_up_anew_when_somebody_else_has_deleted(spool, house, batch):
    """Otherwise it would take its own letters for too many, and at last look for a row in an empty table."""
    with Clerk.open(house.folder) as clerk:
        assert clerk.purge(numbers(clerk)) == 3
    spool.commit(spool.pack(batch(postfix=["p4"])), 70)
    spool._dead_letters._bytes = 1 << 30
    spool.delivered("es", spool.next("es", POSTFIX), Delivery(rejected=(("p4", "bad"),)), 80)
    assert [letter.document_id for letter in spool.dead_letters()] == ["p4"]
    assert spool._dead_letters._bytes == dead_letters.count(spool._db)[1]


def test_what_was_damaged_is_never_sent(spool, house):
    spool._db.run("update dead_letter set body = x'1f8b00' where document_id = 'p1'")
    spool._db.run("insert into dead_letter(time, sink, stream, document_id, reason, body) values(0, 'es', 'logs-mail.x-default', '', 'a blob', x'00')")
    with Clerk.open(house.folder) as clerk:
        assert clerk.retry(numbers(clerk)) == 3, "a damaged blob is no document"
    assert [document.id for document in spool.retry("es").parcel.documents()] == ["p2"]
    assert [(letter.retry, letter.reason) for letter in spool.dead_letters() if letter.document_id == "p1"] == [(False, "damaged on the disk: no mapping")]


def test_they_are_chosen_by_sink_and_age_and_many_go_in_steps(spool, house, batch, monkeypatch):
    monkeypatch.setattr("collector.spool.clerk.STEP", 2)
    with Clerk.open(house.folder) as clerk:
        assert numbers(clerk, sink="other") == numbers(clerk, before=20) == []
        every = numbers(clerk, sink="es", before=21)
        assert clerk.dead_letter(every[0]).document_id == "p1"
        assert clerk.dead_letter(99) is None
        assert clerk.purge([*every, 99]) == 3


def test_it_makes_no_spool_and_leaves_another_format_alone(tmp_path, house, spool):
    with pytest.raises(SpoolError, match="no spool"):
        Clerk.open(tmp_path)
    spool._db.run("pragma user_version = 1")
    for opened in (Clerk.open, Spool.read):
        with pytest.raises(SpoolError, match="format 1") as old:
            opened(house.folder)
        assert "start the service" in old.value.hint
