"""Commits in the order of submission, each batch until it is committed."""

import pytest

from collector.agent.compressor import WAITING, Compressor
from collector.errors import SpoolFull
from collector.model.document import Batch, Document
from collector.sources.wake import Bell
from collector.spool.limits import Limits
from collector.spool.store import SinkSpec, Spool

STREAM = "logs-mail.postfix-default"


@pytest.fixture
def spool(tmp_path):
    made = Spool.open(tmp_path / "state", limits=Limits(ballast=64 << 10, min_free=0))
    made.configure([SinkSpec("es")])
    yield made
    made.close()


def batch(number):
    return Batch(documents={STREAM: [Document(f"d{number}", b"{}")]}, positions={"mail.log": b"%d" % number})


def stored(spool):
    parcel = spool.next("es", STREAM)
    return [] if parcel is None else [document.id for document in parcel.documents()]


def test_batches_are_committed_in_order_one_a_step_and_the_bells_ring(spool):
    bells = [Bell(), Bell()]
    compressor = Compressor(spool, lambda: 7, bells)
    assert compressor.idle
    assert not compressor.step()
    assert compressor.submit(batch(1))
    assert compressor.submit(batch(2))
    assert not compressor.idle
    assert compressor.step()
    assert stored(spool) == ["d1"]
    assert [bell.wait(0) for bell in bells] == [True, True]
    assert not compressor.idle
    assert compressor.step()
    assert stored(spool) == ["d1", "d2"]
    assert (compressor.idle, compressor.step()) == (True, False)


def test_there_is_room_for_so_many_and_no_more(spool):
    compressor = Compressor(spool, lambda: 7)
    assert [compressor.submit(batch(n)) for n in range(WAITING + 1)] == [True] * WAITING + [False]
    assert not compressor.submit(batch(9), timeout=0.001)
    assert compressor.step()
    assert compressor.submit(batch(9))


def test_what_cannot_be_committed_is_tried_again_and_nothing_overtakes_it(spool):
    compressor = Compressor(spool, lambda: 7)
    compressor.submit(batch(1))
    compressor.submit(batch(2))
    spool._ballast.give()
    spool._limits = Limits(ballast=64 << 10, min_free=1 << 60)
    for _ in range(3):
        with pytest.raises(SpoolFull):
            compressor.step()
        assert not compressor.idle
    assert (stored(spool), spool.position("mail.log")) == ([], None)
    spool._limits = Limits(ballast=64 << 10, min_free=0)
    while not compressor.idle:
        compressor.step()
    assert (stored(spool), spool.position("mail.log")) == (["d1", "d2"], b"2")
