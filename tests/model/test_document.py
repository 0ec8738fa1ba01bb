"""What crosses to the spool and the sinks."""

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.model import json
from collector.model.document import Batch, Delivery, Document, LapPart, Parcel, bulk

BODIES = st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=20), max_size=3), max_size=8)


@given(BODIES, st.integers(0, 8))
def test_a_parcel_of_joined_members_unpacks_to_its_documents(bodies, cut):
    documents = [Document(f"{number:032x}", json.dumps(body)) for number, body in enumerate(bodies)]
    parcel = Parcel(3, "logs-mail.dovecot-default", len(documents), bulk(documents[:cut]) + bulk(documents[cut:]))
    assert list(parcel.documents()) == documents


def test_packing_is_reproducible():
    documents = [Document("0" * 32, b'{"message":"x"}')]
    assert bulk(documents) == bulk(documents)
    assert gzip.decompress(bulk(documents)) == b'{"create":{"_id":"' + b"0" * 32 + b'"}}\n{"message":"x"}\n'


def test_what_a_delivery_does_not_name_was_delivered():
    assert Delivery() == Delivery(frozenset(), (), None, 0)


def test_a_damaged_parcel_says_so():
    with pytest.raises(gzip.BadGzipFile):
        list(Parcel(1, "s", 1, b"no gzip").documents())


def test_a_batch_is_empty_until_something_must_be_written():
    assert Batch().empty
    assert Batch(counts={"lines": 3}, keep={"ring": 2}).empty
    for filled in (
        Batch(documents={"s": [Document("0", b"{}")]}),
        Batch(positions={"f": b"x"}),
        Batch(deltas={"o": b"x"}),
        Batch(laps=[LapPart("o", b"", first=True, last=True)]),
        Batch(tallies={(1, "a", "b"): 1}),
    ):
        assert not filled.empty


def test_batches_share_nothing():
    Batch().documents["s"] = [Document("0", b"{}")]
    assert Batch().documents == {}
