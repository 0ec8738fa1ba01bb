import gzip
from zlib import crc32

import pytest

from collector.model.document import AlertRow, Batch, Document, LapPart
from collector.spool.packing import compress, decompress, pack


def test_a_batch_is_packed_once_and_the_same_each_time(batch):
    made = batch(["a1"], postfix=["p1", "p2"], deltas={"windows": b"{}", "sessions": b""}, positions={"mail.log": b"12"}, tallies={(1, "d", "k"): 2}, keep={"ring": 3})
    packed = pack(made)
    assert pack(made) == packed
    (blob,) = packed.documents
    assert (blob.stream, blob.count, blob.crc) == ("logs-mail.postfix-default", 2, crc32(blob.body))
    assert gzip.decompress(blob.body) == b'{"create":{"_id":"p1"}}\n{"id":"p1"}\n{"create":{"_id":"p2"}}\n{"id":"p2"}\n'
    assert [(owner, decompress(delta)) for owner, delta in packed.deltas] == [("windows", b"{}")]
    ((row, alert),) = packed.alerts
    assert (row.id, row.body) == ("a1", b"")
    assert gzip.decompress(alert.body) == b'{"create":{"_id":"a1"}}\n{"alert":"a1"}\n'
    assert (packed.positions, packed.tallies, packed.keep) == ({"mail.log": b"12"}, {(1, "d", "k"): 2}, {"ring": 3})


def test_an_end_of_a_lap_stays_empty():
    packed = pack(Batch(laps=[LapPart("o", b"{}", first=True, last=False), LapPart("o", b"", first=False, last=True)]))
    assert [decompress(part.blob) if part.blob else b"" for part in packed.laps] == [b"{}", b""]


def test_without_a_sink_for_events_no_document_is_kept_but_alerts_are(batch):
    packed = pack(batch(["a1"], postfix=["p1"]), events=False)
    assert packed.documents == ()
    assert len(packed.alerts) == 1


def test_documents_and_alerts_do_not_change_places():
    with pytest.raises(ValueError, match="alerts belong"):
        pack(Batch(documents={"logs-mail.alert-default": [Document("x", b"{}")]}))
    with pytest.raises(ValueError, match="alerts belong"):
        pack(Batch(alerts=[AlertRow("x", 0, "r", 1, "", "logs-mail.postfix-default", b"{}")]))


def test_equal_bytes_give_equal_members_and_damage_is_never_taken_for_data():
    data = bytes(range(256)) * 4
    member = compress(data)
    assert member == compress(data)
    assert decompress(member) == data
    seen = set()
    for place in range(10, len(member)):
        seen.add(decompress(member[:place] + bytes([member[place] ^ 0x40]) + member[place + 1 :]))
    assert None in seen
    assert seen <= {None, data}
    assert decompress(member[:-3]) is None
