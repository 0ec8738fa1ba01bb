"""One sink's deliveries: what waits, what is sent again, what is told; the spool and the files are real, only the faults are made."""

from dataclasses import replace

import pytest

from collector.agent.backoff import FIRST, REFUSED, Backoff
from collector.agent.shipper import Shipper
from collector.errors import SpoolDamaged, SpoolError, SpoolFull
from collector.model.document import AlertRow, Batch, Delivery, Document
from collector.sinks.file import FileOptions
from collector.spool.clerk import Clerk
from collector.spool.limits import Limits
from collector.spool.store import SinkSpec, Spool
from tests.agent.test_health import Told
from tests.support.station import FaultySink, again, rejected

HOUR = 3_600_000
POSTFIX, DOVECOT, AGENT, ALERT = (f"logs-mail.{name}-default" for name in ("postfix", "dovecot", "agent", "alert"))


class Port:
    """A spool with one sink; ``now`` is set by hand, and jitter is at its longest."""

    def __init__(self, folder, **options):
        self.folder = folder
        self.now = 1_000_000
        self.told = Told()
        self.limits = Limits(ballast=64 << 10, min_free=0)
        self.spool = Spool.open(folder / "state", limits=self.limits)
        self.spool.configure([SinkSpec("file")])
        self.open(**options)

    def open(self, **options):
        self.sink = FaultySink("file", FileOptions(path=str(self.folder / "out")))
        self.shipper = Shipper(self.sink, self.spool, self.told, lambda: self.now, Backoff(chance=lambda: 1.0), **options)

    def commit(self, alerts=(), **documents):
        named = {f"logs-mail.{name}-default": [Document(one, b'{"id":"%s"}' % one.encode()) for one in ids] for name, ids in documents.items()}
        rows = [AlertRow(one, self.now, "rule", 47, "", ALERT, b'{"id":"%s"}' % one.encode()) for one in alerts]
        self.spool.commit(self.spool.pack(Batch(documents=named, alerts=rows)), self.now)

    def ship(self):
        """Step until nothing is delivered; the number of parcels."""
        return sum(1 for _ in iter(self.shipper.step, False))

    def arrived(self):
        lines = [line for file in sorted((self.folder / "out").glob("*.ndjson")) for line in file.read_text().splitlines()]
        return [line.split('"')[3] for line in lines]

    def disk_is_full(self, *, full):
        self.spool._limits = replace(self.limits, min_free=1 << 60 if full else 0)
        if full:
            self.spool._ballast.give()


@pytest.fixture
def port(tmp_path):
    made = Port(tmp_path)
    yield made
    made.spool.close()


def ids(*sent):
    return [one for _, found in sent for one in found]


def test_a_step_delivers_one_parcel_and_moves_the_cursor(port):
    assert not port.shipper.step()
    port.commit(postfix=["a", "b"])
    port.commit(postfix=["c"])
    assert port.shipper.step()
    assert port.arrived() == ["a", "b", "c"]
    assert not port.spool.pending("file")
    assert not port.shipper.step()
    assert port.told.facts == []


def test_alerts_and_the_agent_stand_before_any_backlog_and_the_others_take_turns(port):
    port.commit(postfix=[f"p{n}" for n in range(2000)], dovecot=["d"])
    port.commit(postfix=["last"], alerts=["alert"], agent=["own"])
    port.ship()
    assert [stream for stream, _ in port.sink.sent] == [ALERT, AGENT, DOVECOT, POSTFIX, POSTFIX]


def test_a_sink_that_is_away_is_waited_for_longer_and_longer_and_told_once(port):
    port.commit(postfix=["a"])
    port.sink.faults = ["unavailable"] * 3
    tries = []
    while not port.arrived():
        before = len(port.sink.sent)
        port.shipper.step()
        tries += [port.now] * (len(port.sink.sent) - before)
        port.now += 100
    assert [one - tries[0] for one in tries] == [0, FIRST, 3 * FIRST, 7 * FIRST]
    assert port.told.states() == [("unavailable", "failure"), ("ok", "success")]
    assert port.told.facts[0].fields["event.reason"] == "the server is away; wait"
    assert port.arrived() == ["a"]


def test_a_clock_that_is_set_back_does_not_prolong_the_wait(port):
    port.commit(postfix=["a"])
    port.sink.faults = ["refused"]
    assert not port.shipper.step()
    port.now -= HOUR
    assert port.shipper.step()


def test_a_refusal_is_tried_again_minutes_later(port):
    port.commit(postfix=["a"])
    port.sink.faults = ["refused", "refused"]
    assert not port.shipper.step()
    port.now += REFUSED - 1
    assert not port.shipper.step()
    assert len(port.sink.sent) == 1
    port.now += 1
    assert not port.shipper.step()
    port.now += REFUSED
    assert port.shipper.step()
    assert port.told.states() == [("refused", "failure"), ("ok", "success")]
    assert port.told.facts[0].fields["event.reason"] == "the key is not valid; make a new one"


def test_documents_that_were_put_off_go_alone_and_an_alert_does_not_wait_for_them(port):
    port.commit(postfix=["a", "b", "c"])
    port.sink.faults = [again(1)]
    assert not port.shipper.step()
    port.commit(alerts=["alert"], postfix=["d"])
    port.now += HOUR
    assert port.shipper.step()
    port.sink.faults = [again(1), again(0)]
    assert not port.shipper.step()
    assert port.told.facts == [], "now and then some are put off"
    port.now += HOUR
    assert not port.shipper.step()
    port.now += HOUR
    assert port.ship() == 2
    assert [found for _, found in port.sink.sent] == [["a", "b", "c"], ["alert"], ["b", "c"], ["c"], ["c"], ["d"]]
    assert port.told.states() == [("unavailable", "failure"), ("ok", "success")]


def test_a_stream_that_is_refused_holds_up_no_other(port):
    port.commit(postfix=["a"])
    port.sink.faults = ["refused"]
    assert not port.shipper.step()
    port.commit(alerts=["alert"])
    assert port.ship() == 1
    assert port.arrived() == ["alert"]
    port.now += REFUSED
    assert port.ship() == 1
    assert port.arrived() == ["alert", "a"]
    assert port.told.states() == [("refused", "failure"), ("ok", "success")]


def test_refused_documents_become_dead_letters_and_are_told_once_an_hour(port):
    for turn in range(3):
        port.commit(postfix=[f"a{turn}", f"b{turn}"])
        port.sink.faults = [rejected(1)]
        assert port.shipper.step()
    assert [(letter.document_id, letter.reason) for letter in port.spool.dead_letters()] == [(f"a{turn}", "mapping") for turn in (2, 1, 0)]
    assert port.told.states() == [("degraded", "failure")]
    port.now += HOUR
    port.commit(postfix=["a9"])
    port.sink.faults = [rejected(1)]
    assert port.shipper.step()
    assert [fact.fields["mail.agent.count"] for fact in port.told.facts] == [1, 3]


def test_refused_and_put_off_in_one_answer_are_not_mixed_up(port):
    port.commit(postfix=["a", "b", "c"])
    port.sink.faults = [lambda _: Delivery(again=frozenset({"c"}), rejected=(("a", "mapping"),))]
    assert not port.shipper.step()
    assert port.spool.dead_letter_count() == 0, "the cursor has not moved"
    port.now += HOUR
    assert port.shipper.step()
    assert [letter.document_id for letter in port.spool.dead_letters()] == ["a"]
    assert ids(port.sink.sent[-1]) == ["c"]


def test_a_cursor_that_cannot_be_committed_makes_it_send_again_without_writing_twice(port):
    port.commit(postfix=["a", "b"])
    port.sink.faults = [rejected(1)]
    port.disk_is_full(full=True)
    moves, port.spool._cursors.move = port.spool._cursors.move, _no_room
    assert not port.shipper.step()
    port.now += HOUR
    port.spool._cursors.move = moves
    port.disk_is_full(full=False)
    assert port.shipper.step()
    assert port.arrived() == ["a", "b"]
    assert port.spool.dead_letters() == [], "the second answer counts"
    assert port.told.states() == [("unavailable", "failure"), ("ok", "success")]


def test_the_sink_is_told_where_it_stands_after_a_cursor_that_could_not_be_committed(port):
    port.commit(postfix=["a"])
    port.ship()
    port.commit(postfix=["b"])
    port.disk_is_full(full=True)
    moves, port.spool._cursors.move = port.spool._cursors.move, _no_room
    assert not port.shipper.step()
    port.now += HOUR
    port.spool._cursors.move = moves
    port.disk_is_full(full=False)
    port.ship()
    assert port.arrived() == ["a", "b"]


def _no_room(*_):
    raise SpoolFull("no room")


def test_a_damaged_spool_ends_the_shipper(port):
    port.commit(postfix=["a"])

    def damaged(*_):
        raise SpoolDamaged("torn page")

    port.spool._cursors.move = damaged
    with pytest.raises(SpoolDamaged):
        port.shipper.step()


def _there_already(parcel):
    return Delivery(duplicates=parcel.count)


def test_what_was_there_before_it_was_sent_is_told_once_a_day(port):
    for turn in range(4):
        port.commit(postfix=[f"a{turn}", f"b{turn}"])
        port.sink.faults = [_there_already]
        port.now += 24 * HOUR if turn == 3 else 1
        assert port.shipper.step()
    assert [(fact.action, fact.fields["mail.agent.count"]) for fact in port.told.facts] == [("delivery-duplicate", 2), ("delivery-duplicate", 2)]


def test_what_may_have_been_sent_before_is_no_surprise(port):
    port.commit(postfix=["a"])
    port.sink.faults = [_there_already]
    assert port.shipper.step(), "the first parcel of a stream: a kill may have come before the cursor"
    port.commit(postfix=["b"])
    port.sink.faults = ["unavailable", _there_already]
    port.ship()
    port.now += HOUR
    assert port.shipper.step(), "the second try of a parcel"
    port.open(rereads=True)
    for one in "cd":
        port.commit(postfix=[one])
        port.sink.faults = [_there_already]
        assert port.shipper.step(), "the spool was lost"
    assert [fact.action for fact in port.told.facts if fact.action == "delivery-duplicate"] == []


def test_what_the_sink_has_to_tell_is_told_though_nothing_was_delivered(port):
    port.sink._troubles["x has aged but cannot be deleted"] = None
    port.sink.faults = ["unavailable"]
    port.commit(postfix=["a"])
    assert not port.shipper.step()
    assert [fact.fields["event.reason"] for fact in port.told.facts] == ["the server is away; wait", "x has aged but cannot be deleted"]


def test_a_shipper_that_is_made_anew_goes_on_where_the_cursor_is(port):
    port.commit(postfix=["a"])
    port.ship()
    port.commit(postfix=["b"])
    port.open()
    port.ship()
    assert port.arrived() == ["a", "b"]
    assert len(list((port.folder / "out").iterdir())) == 1


def test_a_stream_that_is_refused_for_hours_holds_no_alert_back(port):
    port.commit(postfix=["a"])
    port.sink.faults = ["refused"]
    assert not port.shipper.step()
    for n in range(3):
        port.commit(alerts=[f"alert{n}"], dovecot=[f"d{n}"])
        port.now += 1000
        assert port.ship() == 2
    assert port.arrived() == ["alert0", "alert1", "alert2", "d0", "d1", "d2"]
    assert port.told.states() == [("refused", "failure")]
    port.now += REFUSED
    assert port.ship() == 1
    assert port.told.states() == [("refused", "failure"), ("ok", "success")]


def test_a_spool_that_cannot_be_read_now_is_tried_again(port, monkeypatch):
    port.commit(postfix=["a"])

    def failing(*_):
        raise SpoolError("disk I/O error")

    with monkeypatch.context() as broken:
        broken.setattr(port.spool, "streams", failing)
        assert not port.shipper.step()
    port.now += HOUR
    assert port.ship() == 1


def test_another_sink_takes_over_between_two_parcels_and_what_was_refused_is_tried_at_once(port):
    port.commit(postfix=["p1"])
    port.ship()
    port.commit(postfix=["p2", "p3"], dovecot=["d1"])
    port.sink.faults = ["refused", "refused"]
    port.ship()
    assert port.arrived() == ["p1"]
    old, port.sink = port.sink, FaultySink("file", FileOptions(path=str(port.folder / "out")))
    port.shipper.renew(port.sink)
    assert port.shipper.sink is old
    port.ship()
    assert port.shipper.sink is port.sink
    assert sorted(port.arrived()) == ["d1", "p1", "p2", "p3"]
    assert port.told.states()[-1] == ("ok", "success")


def mark(port):
    with Clerk.open(port.folder / "state") as clerk:
        return clerk.retry(clerk.dead_letter_numbers())


def test_a_dead_letter_that_somebody_wants_again_goes_under_its_id_to_its_stream(port):
    port.commit(postfix=["a", "b"], dovecot=["c"])
    port.sink.faults = [rejected(1), rejected(2)]
    port.ship()
    assert port.spool.dead_letter_count() == 3
    assert mark(port) == 3
    port.sink.sent.clear()
    port.ship()
    assert sorted(port.sink.sent) == [(DOVECOT, ["c"]), (POSTFIX, ["a", "b"])]
    assert port.spool.dead_letter_count() == 0
    assert not port.spool.pending("file")


def test_alerts_go_before_dead_letters_and_dead_letters_before_a_backlog(port):
    port.commit(postfix=["a"])
    port.sink.faults = [rejected(1)]
    port.ship()
    port.commit(alerts=["alert"], dovecot=["d"])
    mark(port)
    port.sink.sent.clear()
    port.ship()
    assert [stream for stream, _ in port.sink.sent] == [ALERT, POSTFIX, DOVECOT]


def test_one_that_is_refused_again_waits_to_be_asked_for_again(port):
    port.commit(postfix=["a"])
    port.sink.faults = [rejected(1), rejected(1)]
    port.ship()
    mark(port)
    port.ship()
    assert [letter.retry for letter in port.spool.dead_letters()] == [False]
    port.sink.sent.clear()
    port.ship()
    assert port.sink.sent == []
    mark(port)
    port.ship()
    assert port.spool.dead_letter_count() == 0


@pytest.mark.parametrize("fault", ["unavailable", "refused", again(0)])
def test_one_that_does_not_get_through_is_tried_until_it_does(port, fault):
    port.commit(postfix=["a"])
    port.sink.faults = [rejected(1)]
    port.ship()
    mark(port)
    port.sink.faults = [fault]
    port.ship()
    port.commit(dovecot=["new"])
    port.now += REFUSED
    port.ship()
    assert port.arrived() == ["new", "a"] or port.arrived() == ["a", "new"]
    assert port.spool.dead_letter_count() == 0


def test_one_that_is_there_already_is_delivered_and_no_reason_to_worry(port):
    port.commit(postfix=["a"])
    port.sink.faults = [rejected(1)]
    port.ship()
    mark(port)
    port.told.facts.clear()
    port.sink.faults = [lambda parcel: Delivery(duplicates=parcel.count)]
    port.ship()
    assert port.spool.dead_letter_count() == 0
    assert port.told.facts == []


def test_one_whose_delivery_could_not_be_noted_is_sent_again(port, monkeypatch):
    port.commit(postfix=["a"])
    port.sink.faults = [rejected(1)]
    port.ship()
    mark(port)
    with monkeypatch.context() as patch:
        patch.setattr(port.spool, "retried", lambda *_: (_ for _ in ()).throw(SpoolError("torn")))
        assert not port.shipper.step()
    port.now += REFUSED
    port.sink.sent.clear()
    port.ship()
    assert port.sink.sent == [(POSTFIX, ["a"])]
    assert port.spool.dead_letter_count() == 0
