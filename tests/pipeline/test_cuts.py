"""Any cut of the stream into batches, with crashes between, gives the same documents and alerts; what is recalled equals what lives."""

import random
from dataclasses import replace
from functools import cache

import pytest

from collector.agent import assembly
from collector.detect.evidence import Evidence
from collector.detect.overflow import Clock
from collector.detect.windows import Windows
from collector.model.identity import Identity
from collector.model.record import Position, SourceInfo
from collector.parse.sessions import Sessions
from collector.pipeline.merge import Clocks
from collector.sources.whole import read_whole
from tests.conformance.remembers import Log, conform
from tests.support import lab

RUN = lab.LAB / "bookworm-syslog-default" / "rsyslog-rfc3339.log.gz"
NAMES = ("a-others", "b-postfix")


class Lines:
    """A source that goes on behind the lines that were committed."""

    at_end = True

    def __init__(self, records, start):
        self._records, self._next = records, start

    def read(self, limit):
        found = self._records[self._next : self._next + limit]
        self._next += len(found)
        return found


@cache
def sources():
    """The run as two logs, Postfix and everything else; a token is the number of lines up to there."""
    found = {name: [] for name in NAMES}
    for record in read_whole(str(RUN), SourceInfo("run"), lab.NEAR):
        name = NAMES[b" postfix/" in record.raw]
        position = Position(record.position.identity, (len(found[name]) + 1).to_bytes(4, "big"))
        found[name].append(replace(record, source=SourceInfo(name, path=f"/var/log/{name}"), position=position))
    return found


class Committed:
    """A memory as a batch holds it."""

    def __init__(self, memory, batch):
        self.lap = memory.lap
        self._delta, self._keep = batch.deltas.get(memory.name, b""), batch.keep.get(memory.name)

    def delta(self):
        return self._delta

    def keep(self):
        return self._keep


class Store:
    """What was committed: documents in their order, positions, the logs of all memories."""

    def __init__(self, forgets=None):
        self.documents = []
        self._forgets = forgets
        self.positions = dict.fromkeys(NAMES, b"\0")
        self.logs = {memory.name: Log() for memory in pipeline().memories}

    def begin(self):
        """Return a pipeline as it is after a start."""
        begun = pipeline()
        for memory in begun.memories:
            if memory.name != self._forgets:
                memory.recall(self.logs[memory.name].blobs())
            self.logs[memory.name].crash()
        for name in NAMES:
            begun.merge.add(name, Lines(sources()[name], int.from_bytes(self.positions[name], "big")))
        return begun

    def commit(self, begun, documents, *, lap):
        batch = begun.batch()
        self.documents += documents
        self.positions |= batch.positions
        for memory in begun.memories:
            self.logs[memory.name].commit(Committed(memory, batch), lap=lap and memory.keep() is None)


def pipeline():
    return assembly.road(lab.content(), Identity(), live=False)


def walk(begun, limit):
    """Take some lines; return the documents in the order in which they were made."""
    return [(rendered.stream, rendered.document.id, rendered.document.body) for _, rendered in begun.walk(0, limit)]


@cache
def undisturbed():
    return walk(Store().begin(), 1 << 30)


def cut(seed, longest, store):
    """Walk the run in batches of at most ``longest`` lines; not every one is committed, and crashes forget the others."""
    dice = random.Random(seed)
    begun, pending = store.begin(), []
    while True:
        before = begun.taken
        pending += walk(begun, dice.randint(1, longest))
        if begun.taken == before:
            break
        if dice.random() < 0.8:
            store.commit(begun, pending, lap=dice.random() < 0.1)
            pending = []
        if dice.random() < min(0.4, longest / 600):
            begun, pending = store.begin(), []
    store.commit(begun, pending, lap=False)
    return store


@pytest.mark.parametrize(("seed", "longest"), [(1, 3000), (2, 700), (3, 60), (4, 60), (5, 7)])
def test_any_cut_with_crashes_gives_the_same_documents_and_alerts(seed, longest):
    store = cut(seed, longest, Store())
    assert len({(stream, one) for stream, one, _ in store.documents}) == len(store.documents)
    assert store.documents == undisturbed()


@pytest.mark.parametrize("memory", ["parse.sessions", "detect.windows", "detect.episodes", "detect.evidence"])
def test_a_memory_that_is_not_recalled_shows(memory):
    assert cut(3, 60, Store(forgets=memory)).documents != undisturbed()


def test_there_is_something_to_compare():
    streams = [stream for stream, _, _ in undisturbed()]
    assert streams.count("logs-mail.alert-default") > 70
    assert len(streams) > 3900


# every memory of the road


def living(memory):
    if isinstance(memory, Windows):
        return {(rule, key): state for rule, table in memory.tables.items() for key, state in table.rows.items()}
    if isinstance(memory, Evidence):
        return list(memory._order), dict(memory._lines)
    if isinstance(memory, Sessions):
        return memory.rows
    if isinstance(memory, Clock):
        return memory.now, dict(memory)
    if isinstance(memory, Sessions):
        return dict(memory.rows)
    if isinstance(memory, Clocks):
        return {lane.name: [lane.last, lane.skewed] for lane in memory._lanes if lane.last is not None} or dict(memory)
    return dict(memory)


MEMORIES = ("pipeline.clocks", "parse.sessions", "detect.windows", "detect.episodes", "detect.clock", "detect.evidence")


def test_these_are_all_memories_and_each_has_something_to_remember():
    begun = Store().begin()
    walk(begun, 2000)
    assert sorted(memory.name for memory in begun.memories) == sorted(MEMORIES)
    assert all(living(memory) for memory in begun.memories)


@pytest.mark.parametrize("name", MEMORIES)
def test_what_is_recalled_after_every_batch_equals_what_lives(name):
    def state(begun):
        [memory] = [one for one in begun.memories if one.name == name]
        return memory, living(memory)

    conform(lambda: Store().begin(), [lambda begun: walk(begun, 15)] * 150, state)
