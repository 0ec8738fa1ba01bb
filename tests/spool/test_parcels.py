import gzip

import pytest

from collector.spool.cursors import SinkSpec

POSTFIX, ALERT = "logs-mail.postfix-default", "logs-mail.alert-default"


@pytest.fixture
def spool(house, batch):
    found = house.open()
    found.configure([SinkSpec("es"), SinkSpec("file")])
    for n in range(4):
        made = batch([f"a{n}x", f"a{n}y"], postfix=[f"p{n}x", f"p{n}y", f"p{n}z"])
        found.commit(found.pack(made), 0)
    return found


def test_blobs_are_joined_byte_by_byte(spool):
    parcel = spool.next("es", POSTFIX)
    stored = spool._db.rows("select body from document where stream = ? order by seq", POSTFIX)
    assert parcel.blob == b"".join(body for (body,) in stored)
    assert (parcel.seq, parcel.stream, parcel.count) == (4, POSTFIX, 12)
    assert [document.id for document in parcel.documents()] == [f"p{n}{x}" for n in range(4) for x in "xyz"]


@pytest.mark.parametrize(("limits", "seq", "count"), [((7, 1 << 20), 2, 6), ((6, 1 << 20), 2, 6), ((1, 1 << 20), 1, 3), ((100, 1), 1, 3)])
def test_a_parcel_keeps_within_both_limits_and_never_splits_a_commit(spool, limits, seq, count):
    parcel = spool.next("es", POSTFIX, *limits)
    assert (parcel.seq, parcel.count) == (seq, count)


def test_alerts_come_by_the_same_way_in_their_order(spool):
    parcel = spool.next("es", ALERT, max_documents=5)
    assert (parcel.seq, parcel.count, [document.id for document in parcel.documents()]) == (2, 4, ["a0x", "a0y", "a1x", "a1y"])


def test_a_stream_without_rows_gives_nothing(spool):
    assert spool.next("es", "logs-mail.dovecot-default") is None


def test_a_damaged_blob_is_set_aside_for_all_sinks_and_told(spool):
    (body,) = spool._db.one("select body from document where seq = 2 and stream = ?", POSTFIX)
    broken = body[:20] + bytes([body[20] ^ 1]) + body[21:]
    spool._db.run("update document set body = ? where seq = 2 and stream = ?", broken, POSTFIX)
    spool._db.run("update alert set body = x'00' where id = 'a1x'")
    for sink in ("es", "file"):
        parcel = spool.next(sink, POSTFIX)
        assert (parcel.seq, parcel.count) == (4, 9)
        assert gzip.decompress(parcel.blob).count(b"create") == 9
        assert spool.next(sink, ALERT).count == 7
        assert spool.pending(sink).documents == 16
    reported = [(fact.fields["mail.agent.count"], fact.fields["event.reason"]) for fact in spool.facts()]
    assert reported == [(3, f"damaged on the disk, set aside: {POSTFIX}"), (1, f"damaged on the disk, set aside: {ALERT}")]
    letters = spool.dead_letters()
    assert [(letter.sink, letter.stream, letter.document()) for letter in letters] == [("damaged", ALERT, None), ("damaged", POSTFIX, None)]
    assert letters[1].body == broken


def test_where_only_damage_is_left_there_is_no_parcel(spool):
    spool._db.run("update document set crc = crc + 1")
    assert spool.next("es", POSTFIX) is None
    assert spool.dead_letter_count() == 4
