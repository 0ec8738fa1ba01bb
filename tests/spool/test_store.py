import os
import signal
import subprocess
import sys
import threading
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.errors import SpoolError
from collector.model import json
from collector.model.document import AlertRow, Batch, Delivery, Document
from collector.model.state import Table
from collector.spool import cursors
from collector.spool.cursors import SinkSpec
from collector.spool.store import Spool, Start

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


def drain(spool, sink, received, **limits):
    for stream in spool.streams(sink):
        while (parcel := spool.next(sink, stream, **limits)) is not None:
            received.setdefault(stream, []).extend(ids(parcel))
            spool.delivered(sink, parcel, Delivery(), 0)


def everything(spool):
    """Return all that a commit may change, as rows and as running totals."""
    tables = [name for (name,) in spool._db.rows("select name from sqlite_schema where type = 'table' order by name")]
    rows = {table: spool._db.rows(f"select * from {table} order by rowid") for table in tables}
    return rows, spool.seq, spool.state, dict(spool._backlog._amounts), spool._backlog.waiting, spool._backlog.held, dict(spool._laps._grown)


class Faults:
    """Fails the n-th statement that would change something."""

    def __init__(self, db):
        self.db, self.left, self.run, self.many = db, None, db.run, db.many
        db.run = lambda sql, *values: self.run(sql, *values) if self.passes(sql) else None
        db.many = lambda sql, rows: self.many(sql, rows) if self.passes(sql) else None

    def passes(self, sql):
        if self.left is not None and sql != "rollback":
            self.left -= 1
            if self.left < 0:
                raise SpoolError(f"torn at {sql}")
        return True


def test_a_commit_that_fails_at_any_point_changes_nothing_and_is_tried_again_with_the_same_batch(house, batch):
    spool = house.open(max_bytes=600, lap=1)
    spool.configure([SinkSpec("es"), SinkSpec("archive", required=False)])
    memory = Short("windows")
    memory["a"] = memory["b"] = 1
    spool.commit(spool.pack(batch([f"a{n}" for n in range(3)], postfix=["p1"], deltas={"windows": memory.delta()}, body=b"x" * 700)), 0)
    drain(spool, "es", {})
    made = batch(["a1", "new"], postfix=["p2", "p3"], agent=["h1"], positions={"mail.log": b"7"}, tallies={(1, "d", "k"): 1}, deltas={"windows": b'{"a":2}'}, keep={"windows": 5}, body=b'"' + os.urandom(500).hex().encode() + b'"')
    made.laps = spool.laps([memory])
    assert made.laps
    packed, faults, failed = spool.pack(made), Faults(spool._db), 0
    while True:
        before = everything(spool)
        faults.left = failed
        try:
            seq = spool.commit(packed, 90_000_000)
        except SpoolError:
            faults.left = None
            assert everything(spool) == before
            failed += 1
        else:
            break
    faults.left = None
    assert failed > 12
    assert seq == 2 == spool.seq
    assert spool.facts(), "the archive's cursor jumped, and that was told once"
    assert (spool.position("mail.log"), spool.tallies("d", 0, 99), [row.id for row in spool.alerts(rule="rule new")]) == (b"7", [("k", 1)], ["new"])
    again = everything(spool)[3:6]
    spool._backlog.measure()
    assert everything(spool)[3:6] == again


def test_a_delivery_that_fails_at_any_point_changes_nothing(house, batch):
    spool = house.open()
    spool.configure([SinkSpec("es")])
    spool.commit(spool.pack(batch(postfix=["p1", "p2"])), 0)
    parcel, faults, failed = spool.next("es", POSTFIX), Faults(spool._db), 0
    while True:
        before = everything(spool)
        faults.left = failed
        try:
            spool.delivered("es", parcel, Delivery(rejected=(("p1", "bad"),), token=b"t"), 5)
        except SpoolError:
            faults.left = None
            assert everything(spool) == before
            failed += 1
        else:
            break
    assert failed >= 5
    assert (spool.dead_letter_count(), spool.token("es", POSTFIX), spool._db.rows("select 1 from document")) == (1, b"t", [])


def test_two_sinks_of_different_speed_each_receive_everything_in_order(house, batch):
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


def test_an_alert_is_kept_once_whatever_is_committed_again(house, batch):
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


def test_over_the_limit_only_event_documents_are_dropped_and_counted_until_the_reserve_is_used_up(house, batch):
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


def test_by_default_nothing_is_dropped_at_the_limit_reading_stops(house, batch):
    spool = house.open(max_bytes=100)
    spool.configure([SinkSpec("es")])
    spool.commit(spool.pack(batch(postfix=["p1", "p2"])), 0)
    spool.commit(spool.pack(batch(postfix=["read already"])), 0)
    assert (spool.room().read, spool.room().reason) == (False, "spool")
    received = {}
    drain(spool, "es", received)
    assert received == {POSTFIX: ["p1", "p2", "read already"]}
    assert spool.room().read


def test_the_seq_never_falls_back_though_every_row_is_gone(house, batch):
    spool = house.open()
    spool.configure([SinkSpec("es")])
    for n in range(3):
        spool.commit(spool.pack(batch(postfix=[f"p{n}"])), 0)
    drain(spool, "es", {})
    spool = house.crash(spool)
    assert spool.seq == 3
    assert spool.commit(spool.pack(batch()), 0) == 4


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("commit"), st.integers(0, 3), st.integers(0, 2), st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 9)), max_size=4), st.integers(-30, 14)),
        st.tuples(st.just("deliver"), st.sampled_from(SINKS), st.integers(1, 6), st.booleans(), st.booleans()),
        st.tuples(st.sampled_from(["crash", "close"])),
    ),
    max_size=30,
)


class Model:
    """What must be true of a spool, step by step."""

    def __init__(self, house):
        self.house, self.numbers = house, count(1)
        self.spool = house.open(lap=40, max_bytes=1 << 20)
        self.spool.configure(SINKS)
        self.memory = Short("windows")
        self.committed = {POSTFIX: [], DOVECOT: [], ALERT: []}
        self.received = {sink.name: {stream: [] for stream in self.committed} for sink in SINKS}
        self.position, self.seq = None, 0

    def commit(self, documents, alerts, changes, fault):
        for key, value in changes:
            if value:
                self.memory[key] = value
            else:
                self.memory.discard(key)
        number = next(self.numbers)
        made = Batch(
            documents={stream: [Document(f"{stream}{number}.{n}", b"{}") for n in range(documents)] for stream in (POSTFIX, DOVECOT)},
            positions={"mail.log": b"%d" % number},
            deltas={"windows": self.memory.delta()},
            alerts=[AlertRow(f"alert{number}.{n}", number, "r", 47, "", ALERT, b"{}") for n in range(alerts)],
        )
        made.laps = self.spool.laps([self.memory])
        packed = self.spool.pack(made)
        if fault >= 0:
            faults = Faults(self.spool._db)
            faults.left = fault
            try:
                self.spool.commit(packed, number)
            except SpoolError:
                faults.left = None
                self.spool.commit(packed, number)
            faults.left = None
        else:
            self.spool.commit(packed, number)
        self.position = b"%d" % number
        for stream, found in made.documents.items():
            self.committed[stream] += [document.id for document in found]
        self.committed[ALERT] += [row.id for row in made.alerts]

    def deliver(self, sink, most, again, reject):
        for stream in self.spool.streams(sink.name):
            parcel = self.spool.next(sink.name, stream, max_documents=most)
            if parcel is None:
                continue
            if again:
                assert self.spool.next(sink.name, stream, max_documents=most) == parcel, "sent, and then the cursor was not moved"
                continue
            found = ids(parcel)
            self.spool.delivered(sink.name, parcel, Delivery(rejected=((found[0], "bad"),) if reject else ()), 0)
            self.received[sink.name][stream] += found
            return

    def crash(self):
        self.spool = self.house.crash(self.spool, lap=40, max_bytes=1 << 20)
        assert self.spool.unclean
        self.begin()

    def close(self):
        folder = self.spool._folder
        self.spool.close()
        self.spool = self.house.open(folder, lap=40, max_bytes=1 << 20)
        assert not self.spool.unclean
        self.begin()

    def begin(self):
        assert self.spool.state == (Start.KNOWN if self.position else Start.FRESH)
        assert self.spool.configure(SINKS) == []
        live, self.memory = self.memory, Short("windows")
        self.spool.recall(self.memory)
        assert self.memory == live

    def check(self):
        spool = self.spool
        assert spool.seq >= self.seq
        self.seq = spool.seq
        assert spool.position("mail.log") == self.position
        recalled = Short("windows")
        spool.recall(recalled)
        assert recalled == self.memory
        for sink in SINKS:
            for stream, committed in self.committed.items():
                taken = committed if sink.takes("alert" if stream == ALERT else "document") else []
                received = self.received[sink.name][stream]
                assert taken[: len(received)] == received
                assert spool._backlog._amounts.get((sink.name, stream), (0, 0, 0))[1] == len(taken) - len(received)
        if "windows" not in spool._laps._running:
            assert spool._laps._grown.get("windows", (0, 0)) == spool._laps.measure("windows")
        rows = {stream: cursors.count(spool._db, stream, min(spool._cursors.after(sink, stream) for sink in ("es", "file"))) for stream in (POSTFIX, DOVECOT)}
        assert spool._backlog.held == sum(size for _, _, size in rows.values()) == spool._db.value("select coalesce(sum(length(body)), 0) from document")


@settings(max_examples=40, deadline=None)
@given(STEPS)
def test_whatever_comes_between_every_document_arrives_once_and_memory_is_what_lived(new_house, steps):
    with new_house() as house:
        model = Model(house)
        for name, *values in steps:
            getattr(model, name)(*values)
            model.check()
        for sink in SINKS:
            received = model.received[sink.name]
            drain(model.spool, sink.name, received)
            assert received == {stream: found if sink.takes("alert" if stream == ALERT else "document") else [] for stream, found in model.committed.items()}
        assert model.spool._db.rows("select 1 from document") == []


CHILD = """
import sys
from pathlib import Path
from collector.model.document import AlertRow, Batch, Delivery, Document
from collector.spool.cursors import SinkSpec
from collector.spool.limits import Limits
from collector.spool.store import Spool

spool = Spool.open(Path(sys.argv[1]), limits=Limits(ballast=65536, min_free=0))
spool.configure([SinkSpec("es")])
n = int(spool.position("mail.log") or 0)
while True:
    n += 1
    batch = Batch({"logs-mail.postfix-default": [Document(f"p{n}", b'{"n":%d}' % n)]}, {"mail.log": b"%d" % n}, alerts=[AlertRow(f"a{n}", n, "r", 47, "", "logs-mail.alert-default", b"{}")])
    spool.commit(spool.pack(batch), n)
    if n % 3 == 0:
        parcel = spool.next("es", "logs-mail.postfix-default")
        print(*(document.id for document in parcel.documents()), flush=True)
        spool.delivered("es", parcel, Delivery(), n)
    else:
        print(flush=True)
"""


def test_a_service_that_is_killed_loses_nothing_and_says_nothing_twice(house):
    shown = []
    for lines in (5, 9, 40, 3):
        with subprocess.Popen([sys.executable, "-c", CHILD, str(house.folder)], stdout=subprocess.PIPE, text=True) as child:
            for _ in range(lines):
                shown += [child.stdout.readline().split()]
            child.send_signal(signal.SIGKILL)
            shown += [line.split() for line in child.stdout.read().splitlines()]
    spool = house.open()
    assert spool.unclean
    assert spool.rescued is None
    assert (spool.run, spool.state) == (5, Start.KNOWN)
    last = int(spool.position("mail.log"))
    assert spool.seq == last >= 57
    spool.configure([SinkSpec("es")])
    received = {}
    drain(spool, "es", received)
    arrived = [one for parcel in shown for one in parcel] + received.get(POSTFIX, [])
    assert list(dict.fromkeys(arrived)) == [f"p{n}" for n in range(1, last + 1)], "in order; what came twice is known by its id"
    assert len(arrived) - last <= 4 * 3
    assert received[ALERT] == [f"a{n}" for n in range(1, last + 1)]


def test_feeder_compressor_and_two_shippers_work_at_the_same_time(house, batch):
    spool = house.open()
    spool.configure([SinkSpec("es"), SinkSpec("file")])
    commits, received, errors, done = 60, {"es": {}, "file": {}}, [], threading.Event()

    def guarded(work, *values):
        try:
            work(*values)
        except BaseException as error:
            errors.append(error)
            done.set()

    def commit():
        for n in range(commits):
            spool.commit(spool.pack(batch([f"a{n}"], postfix=[f"p{n}x", f"p{n}y"])), n)
        done.set()

    def ship(sink):
        while not done.is_set():
            drain(spool, sink, received[sink])

    def feed():
        while not done.is_set():
            assert spool.room().read
            assert spool.laps([]) == []
            spool.pending("es")

    def look():
        while not done.is_set():
            with Spool.read(house.folder) as reader:
                reader.alerts()
                reader.statistics()

    threads = [threading.Thread(target=guarded, args=call) for call in ((commit,), (ship, "es"), (ship, "file"), (feed,), (look,))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    for sink in ("es", "file"):
        drain(spool, sink, received[sink])
        assert received[sink] == {ALERT: [f"a{n}" for n in range(commits)], POSTFIX: [f"p{n}{x}" for n in range(commits) for x in "xy"]}
    assert (spool._backlog.waiting, spool._backlog.held) == (0, 0)
