"""What every sink must do. A subclass gives the fixture ``place``; three lines are enough where the place is there already.

A place: ``open()`` gives the sink as it is after a restart, ``received(stream)`` the ids that arrived in their order, with
``unavailable()`` and ``refusing()`` around a block it is away, or will not have it. The fixtures ``stream`` and ``other``
may name streams of the test's own, where a place cannot be made anew for each.
"""

import pytest

from collector.errors import SinkRefused, SinkUnavailable
from collector.model.document import Delivery, Parcel
from tests.support.parcels import STREAM, documents, ids, parcel

OTHER = "logs-mail.dovecot-default"


class SinkSuite:
    ordered = True

    @pytest.fixture
    def stream(self):
        return STREAM

    @pytest.fixture
    def other(self):
        return OTHER

    @pytest.fixture
    def sink(self, place):
        sink = place.open()
        yield sink
        sink.close()

    def arrived(self, place, stream, wanted):
        got = place.received(stream)
        assert (got if self.ordered else sorted(got)) == wanted

    def send_all(self, sink, parcels, token=None):
        """Send as a shipper does; the tokens, from the one before the first on."""
        tokens = [token]
        sink.resume(parcels[0].stream, token)
        for one in parcels:
            delivery = sink.send(one)
            assert isinstance(delivery, Delivery)
            assert (delivery.again, delivery.rejected) == (frozenset(), ())
            tokens.append(delivery.token)
        return tokens

    def test_everything_arrives_once_and_in_order(self, place, sink, stream):
        members = [documents(0, 3), documents(3, 4), documents(4, 50)]
        self.send_all(sink, [parcel(1, members[0], stream=stream), parcel(3, members[1], members[2], stream=stream)])
        self.arrived(place, stream, ids(*members))

    def test_resume_at_every_position_gives_the_same_rest(self, place, sink, stream):
        parcels = [parcel(seq, documents(seq * 5, seq * 5 + 5), stream=stream) for seq in range(4)]
        wanted = [one.id for each in parcels for one in each.documents()]
        tokens = self.send_all(sink, parcels)
        for position in range(1, len(parcels)):
            again = place.open()
            assert self.send_all(again, parcels[position:], tokens[position])[-1] == tokens[-1]
            again.close()
            self.arrived(place, stream, wanted)

    @pytest.mark.parametrize("size", [1, 3, 12, 30])
    def test_what_comes_again_may_be_cut_elsewhere(self, place, sink, stream, size):
        """The first of two parcels was committed; the crash came after the second had been sent."""
        every = documents(0, 30)
        tokens = self.send_all(sink, [parcel(1, every[:10], stream=stream), parcel(2, every[10:22], stream=stream)])
        again = place.open()
        self.send_all(again, [parcel(2 + start, every[start : start + size], stream=stream) for start in range(10, 30, size)], tokens[1])
        again.close()
        self.arrived(place, stream, ids(every))

    def test_streams_stand_apart(self, place, sink, stream, other):
        mine, others = documents(0, 4), documents(0, 4, "o")
        first = self.send_all(sink, [parcel(1, mine[:2], stream=stream)])
        self.send_all(sink, [parcel(2, others, stream=other)])
        sink.resume(stream, first[-1])
        sink.send(parcel(3, mine[2:], stream=stream))
        self.arrived(place, stream, ids(mine))
        self.arrived(place, other, ids(others))

    def test_closing_twice_is_allowed_and_sending_opens_again(self, place, sink, stream):
        self.send_all(sink, [parcel(1, documents(0, 2), stream=stream)])
        sink.close()
        sink.close()
        sink.send(parcel(2, documents(2, 4), stream=stream))
        self.arrived(place, stream, ids(documents(0, 4)))

    def test_who_is_away_gets_it_later(self, place, sink, stream):
        every = documents(0, 6)
        self.send_all(sink, [parcel(1, every[:2], stream=stream)])
        with place.unavailable(), pytest.raises(SinkUnavailable) as away:
            sink.send(parcel(2, every[2:], stream=stream))
        assert away.value.hint
        sink.send(parcel(2, every[2:4], every[4:], stream=stream))
        self.arrived(place, stream, ids(every))

    def test_who_will_not_have_it_gets_it_when_he_will(self, place, sink, stream):
        every = documents(0, 6)
        with place.refusing(), pytest.raises(SinkRefused) as refused:
            self.send_all(sink, [parcel(1, every[:3], stream=stream)])
        assert refused.value.hint
        self.send_all(sink, [parcel(1, every[:3], stream=stream), parcel(2, every[3:], stream=stream)])
        self.arrived(place, stream, ids(every))

    def test_a_damaged_parcel_is_nobodys_fault_but_the_disks(self, place, sink, stream):
        whole = parcel(7, documents(0, 20), stream=stream)
        sink.resume(stream, None)
        with pytest.raises(SinkRefused, match="damaged"):
            sink.send(Parcel(7, stream, 20, whole.blob[: len(whole.blob) // 2]))
        self.send_all(sink, [whole])
        self.arrived(place, stream, ids(documents(0, 20)))

    def test_facts_are_told_once(self, place, sink, stream):
        self.send_all(sink, [parcel(1, documents(0, 2), stream=stream)])
        sink.facts()
        assert sink.facts() == ()
