import os
from itertools import count

import pytest

from collector.errors import SpoolError
from collector.model import json
from collector.model.document import Delivery
from collector.model.state import Table
from collector.spool.cursors import SinkSpec

POSTFIX, DOVECOT, AGENT, ALERT = (f"logs-mail.{name}-default" for name in ("postfix", "dovecot", "agent", "alert"))
SINKS = [SinkSpec("es"), SinkSpec("file"), SinkSpec("syslog", only="alerts")]


class Short(Table):
    """A table whose laps have one key a part."""

    def lap(self):
        for key in list(self):
            if key in self:
                yield json.dumps({key: self[key]})


def ids(parcel):
    return [document.id for document in parcel.documents()]


def everything(spool):
    """Return all that a commit may change, as rows and as running totals."""
    tables = [name for (name,) in spool._db.rows("select name from sqlite_schema where type = 'table' order by name")]
    rows = {table: spool._db.rows(f"select * from {table} order by rowid") for table in tables}
    return rows, spool.seq, spool.state, dict(spool._backlog._amounts), spool._backlog.waiting, spool._backlog.held, dict(spool._laps.grown)


def test_a_commit_that_fails_at_any_point_changes_nothing_and_is_tried_again_with_the_same_batch(house, batch, drain, faults):
    spool = house.open(max_bytes=600, lap=1)
    spool.configure([SinkSpec("es"), SinkSpec("archive", required=False)])
    memory = Short("windows")
    memory["a"] = memory["b"] = 1
    spool.commit(spool.pack(batch([f"a{n}" for n in range(3)], postfix=["p1"], deltas={"windows": memory.delta()}, body=b"x" * 700)), 0)
    drain(spool, "es", {})
    state = {"positions": {"mail.log": b"7"}, "tallies": {(1, "d", "k"): 1}, "deltas": {"windows": b'{"a":2}'}, "keep": {"windows": 5}}
    made = batch(["a1", "new"], postfix=["p2", "p3"], agent=["h1"], body=b'"' + os.urandom(500).hex().encode() + b'"', **state)
    made.laps = spool.laps([memory])
    assert made.laps
    packed, torn, failed = spool.pack(made), faults(spool._db), 0
    while True:
        before = everything(spool)
        torn.left = failed
        try:
            seq = spool.commit(packed, 90_000_000)
        except SpoolError:
            torn.left = None
            assert everything(spool) == before
            failed += 1
        else:
            break
    torn.left = None
    assert failed > 12
    assert seq == 2 == spool.seq
    assert spool.facts(), "the archive's cursor jumped, and that was told once"
    assert (spool.position("mail.log"), spool.tallies("d", 0, 99), [row.id for row in spool.alerts(rule="rule new")]) == (b"7", [("k", 1)], ["new"])
    again = everything(spool)[3:6]
    spool._backlog.measure()
    assert everything(spool)[3:6] == again


def test_a_delivery_that_fails_at_any_point_changes_nothing(house, batch, faults):
    spool = house.open()
    spool.configure([SinkSpec("es")])
    spool.commit(spool.pack(batch(postfix=["p1", "p2"])), 0)
    parcel, torn, failed = spool.next("es", POSTFIX), faults(spool._db), 0
    while True:
        before = everything(spool)
        torn.left = failed
        try:
            spool.delivered("es", parcel, Delivery(rejected=(("p1", "bad"),), token=b"t"), 5)
        except SpoolError:
            torn.left = None
            assert everything(spool) == before
            failed += 1
        else:
            break
    assert failed >= 5
    assert (spool.dead_letter_count(), spool.token("es", POSTFIX), spool._db.rows("select 1 from document")) == (1, b"t", [])


def test_two_sinks_of_different_speed_each_receive_everything_in_order(house, batch, drain):
    spool = house.open()
    spool.configure([SinkSpec("fast"), SinkSpec("slow")])
    fast, slow, number = {}, {}, count()
    for _ in range(10):
        spool.commit(spool.pack(batch([f"a{next(number)}"], postfix=[f"p{next(number)}", f"p{next(number)}"])), 0)
        drain(spool, "fast", fast)
        if parcel := spool.next("slow", POSTFIX, max_documents=2):
            slow.setdefault(POSTFIX, []).extend(ids(parcel))
            spool.delivered("slow", parcel, Delivery(), 0)
            spool.commit(spool.pack(batch(postfix=[f"p{next(number)}"])), 0)
    drain(spool, "fast", fast)
    drain(spool, "slow", slow, max_documents=3)
    assert fast == slow
    assert len(fast[POSTFIX]) == 30
    assert spool._db.rows("select 1 from document") == []


def test_streams_are_offered_in_the_order_of_their_urgency_and_to_who_takes_them(house, batch):
    spool = house.open()
    spool.configure([*SINKS, SinkSpec("lake", only="events")])
    assert spool.streams("es") == []
    spool.commit(spool.pack(batch(["a1"], postfix=["p1"], dovecot=["d1"], agent=["h1"])), 0)
    assert spool.streams("es") == [ALERT, AGENT, DOVECOT, POSTFIX]
    assert spool.streams("syslog") == [ALERT]
    assert spool.streams("lake") == [AGENT, DOVECOT, POSTFIX]
    assert spool.next("syslog", POSTFIX) is None
    assert spool.next("lake", ALERT) is None
    for act in (lambda: spool.streams("nobody"), lambda: spool.next("nobody", ALERT)):
        with pytest.raises(SpoolError, match="no configured sink"):
            act()


def test_an_alert_is_kept_once_whatever_is_committed_again(house, batch, drain):
    spool = house.open()
    spool.configure(SINKS)
    spool.commit(spool.pack(batch(["a1"])), 0)
    spool.commit(spool.pack(batch(["a1", "a2"])), 0)
    received = {}
    drain(spool, "syslog", received)
    assert received == {ALERT: ["a1", "a2"]}


def test_with_no_sink_for_events_documents_are_not_kept(house, batch):
    spool = house.open(events=False)
    spool.configure([SinkSpec("syslog", only="alerts")])
    spool.commit(spool.pack(batch(["a1"], postfix=["p1"])), 0)
    assert spool._db.rows("select 1 from document") == []
    assert spool.pending("syslog").documents == 1


def test_over_the_limit_only_event_documents_are_dropped_and_counted_until_the_reserve_is_used_up(house, batch, drain):
    spool = house.open(max_bytes=300, reserve=200, overflow="alerts_only")
    spool.configure([SinkSpec("es")])
    spool.commit(spool.pack(batch(postfix=[f"p{os.urandom(16).hex()}" for _ in range(12)])), 0)
    room = spool.room()
    assert (room.read, room.crossed) == (True, (50, 80))
    assert room.waiting >= 300
    spool.commit(spool.pack(batch(["a1"], postfix=["lost1", "lost2"], dovecot=["lost3"], agent=["h1"], positions={"mail.log": b"9"}, deltas={"windows": b"{}"})), 1000)
    assert spool.streams("es") == [ALERT, AGENT, POSTFIX]
    assert (spool.position("mail.log"), spool._db.value("select count(*) from memory")) == (b"9", 1)
    (fact,) = spool.facts()
    assert (fact.action, fact.fields["mail.agent.dropped"], fact.fields["mail.agent.streams"]) == ("spool-overflow", 3, [f"{DOVECOT}=1", f"{POSTFIX}=2"])
    spool.commit(spool.pack(batch([f"a{n}" for n in range(2, 5)], agent=["h2"])), 2000)
    assert spool.room().reason == "spool", "the reserve is used up"
    received = {}
    drain(spool, "es", received)
    assert received[ALERT] == ["a1", "a2", "a3", "a4"]
    assert received[AGENT] == ["h1", "h2"]
    room = spool.room()
    assert (room.read, room.cleared) == (True, (50, 80))
    spool.commit(spool.pack(batch(postfix=["kept"])), 3000)
    assert ids(spool.next("es", POSTFIX)) == ["kept"]


def test_by_default_nothing_is_dropped_at_the_limit_reading_stops(house, batch, drain):
    spool = house.open(max_bytes=100)
    spool.configure([SinkSpec("es")])
    spool.commit(spool.pack(batch(postfix=["p1", "p2"])), 0)
    spool.commit(spool.pack(batch(postfix=["read already"])), 0)
    assert (spool.room().read, spool.room().reason) == (False, "spool")
    received = {}
    drain(spool, "es", received)
    assert received == {POSTFIX: ["p1", "p2", "read already"]}
    assert spool.room().read


def test_the_seq_never_falls_back_though_every_row_is_gone(house, batch, drain):
    spool = house.open()
    spool.configure([SinkSpec("es")])
    for n in range(3):
        spool.commit(spool.pack(batch(postfix=[f"p{n}"])), 0)
    drain(spool, "es", {})
    spool = house.crash(spool)
    assert spool.seq == 3
    assert spool.commit(spool.pack(batch()), 0) == 4
