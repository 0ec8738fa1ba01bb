"""Spools in temporary folders, and ways to break off."""

import os
import shutil
from contextlib import contextmanager
from itertools import count

import pytest

from collector.errors import SpoolError
from collector.model.document import AlertRow, Batch, Delivery, Document
from collector.spool.limits import Limits
from collector.spool.store import Spool

KIB = 1024


class House:
    """Opens spools with a small ballast and closes what a test leaves open."""

    def __init__(self, tmp_path):
        self.tmp_path = tmp_path
        self.folder = tmp_path / "state"
        self._numbers = count(1)
        self._open = []

    def open(self, folder=None, *, events=True, **limits):
        spool = Spool.open(folder or self.folder, events=events, limits=Limits(**{"ballast": 64 * KIB, "min_free": 0} | limits))
        self._open.append(spool)
        return spool

    def crash(self, spool, **limits):
        """Open what stood on the disk at this moment, as after a power cut; the index of the log is lost with the memory."""
        copy = self.tmp_path / f"crash{next(self._numbers)}"
        shutil.copytree(spool._folder, copy, ignore=shutil.ignore_patterns("*-shm"))
        self.leave(spool)
        return self.open(copy, **limits)

    def leave(self, spool):
        """Let go of the file without a word: the run did not end in order."""
        if spool._held >= 0:
            spool._db.close()
            os.close(spool._held)
            spool._held = -1

    def close(self):
        for spool in self._open:
            self.leave(spool)


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


@pytest.fixture(scope="session")
def faults():
    """Make a database fail."""
    return Faults


@pytest.fixture(scope="session")
def drain():
    """Receive all there is for a sink, as ids by stream."""

    def receive(spool, sink, received, **limits):
        for stream in spool.streams(sink):
            while (parcel := spool.next(sink, stream, **limits)) is not None:
                received.setdefault(stream, []).extend(document.id for document in parcel.documents())
                spool.delivered(sink, parcel, Delivery(), 0)

    return receive


@pytest.fixture
def house(tmp_path):
    found = House(tmp_path)
    yield found
    found.close()


@pytest.fixture(scope="session")
def new_house(tmp_path_factory):
    """Make houses for tests that are run many times with other values."""

    @contextmanager
    def make():
        path = tmp_path_factory.mktemp("house")
        found = House(path)
        try:
            yield found
        finally:
            found.close()
            shutil.rmtree(path)

    return make


@pytest.fixture(scope="session")
def batch():
    """Make a batch: documents by short stream name as ids, alerts as ids, everything else by its name."""

    def make(alerts=(), *, positions=None, deltas=None, keep=None, laps=(), tallies=None, severity=47, body=b"", **documents):
        return Batch(
            documents={f"logs-mail.{name}-default": [Document(one, b'{"id":"%s"%s}' % (one.encode(), body)) for one in ids] for name, ids in documents.items()},
            positions=positions or {},
            deltas=deltas or {},
            keep=keep or {},
            laps=list(laps),
            alerts=[
                AlertRow(one, 1000 + n, f"rule {one}", severity, f"source.ip={one}", "logs-mail.alert-default", b'{"alert":"%s"}' % one.encode()) for n, one in enumerate(alerts)
            ],
            tallies=tallies or {},
        )

    return make
