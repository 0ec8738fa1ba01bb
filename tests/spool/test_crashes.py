import signal
import subprocess
import sys
import threading
from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st

from collector.errors import SpoolError
from collector.model import json
from collector.model.document import AlertRow, Batch, Delivery, Document
from collector.model.state import Table
from collector.spool import cursors
from collector.spool.cursors import SinkSpec
from collector.spool.store import Spool, Start

POSTFIX, DOVECOT, ALERT = (f"logs-mail.{name}-default" for name in ("postfix", "dovecot", "alert"))
SINKS = [SinkSpec("es"), SinkSpec("file"), SinkSpec("syslog", only="alerts")]


class Short(Table):
    """A table whose laps have one key a part."""

    def lap(self):
        for key in list(self):
            if key in self:
                yield json.dumps({key: self[key]})


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

    def __init__(self, house, faults):
        self.house, self.faults, self.numbers = house, faults, count(1)
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
            torn = self.faults(self.spool._db)
            torn.left = fault
            try:
                self.spool.commit(packed, number)
            except SpoolError:
                torn.left = None
                self.spool.commit(packed, number)
            torn.left = None
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
            found = [document.id for document in parcel.documents()]
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
            assert spool._laps.grown.get("windows", (0, 0)) == spool._laps.measure("windows")
        rows = {stream: cursors.count(spool._db, stream, min(spool._cursors.after(sink, stream) for sink in ("es", "file"))) for stream in (POSTFIX, DOVECOT)}
        assert spool._backlog.held == sum(size for _, _, size in rows.values()) == spool._db.value("select coalesce(sum(length(body)), 0) from document")


@settings(max_examples=40, deadline=None)
@given(STEPS)
def test_whatever_comes_between_every_document_arrives_once_and_memory_is_what_lived(new_house, faults, drain, steps):
    with new_house() as house:
        model = Model(house, faults)
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
    batch = Batch({"logs-mail.postfix-default": [Document(f"p{n}", b'{"n":%d}' % n)]}, {"mail.log": b"%d" % n})
    batch.alerts.append(AlertRow(f"a{n}", n, "r", 47, "", "logs-mail.alert-default", b"{}"))
    spool.commit(spool.pack(batch), n)
    if n % 3 == 0:
        parcel = spool.next("es", "logs-mail.postfix-default")
        print(*(document.id for document in parcel.documents()), flush=True)
        spool.delivered("es", parcel, Delivery(), n)
    else:
        print(flush=True)
"""


def test_a_service_that_is_killed_loses_nothing_and_says_nothing_twice(house, drain):
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


def test_feeder_compressor_and_two_shippers_work_at_the_same_time(house, batch, drain):
    spool = house.open()
    spool.configure([SinkSpec("es"), SinkSpec("file")])
    commits, received, errors, done = 60, {"es": {}, "file": {}}, [], threading.Event()

    def guarded(work, *values):
        try:
            work(*values)
        except Exception as error:  # noqa: BLE001 - a thread's error must reach the test
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
