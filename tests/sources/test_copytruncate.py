"""A copytruncate, or a rename, between any two system calls of a read: no foreign byte under an old offset, nothing lost."""

import os

import pytest

from collector.model.identity import lineage
from collector.sources.base import Start
from tests.support.logs import Log

CALLS = ("open", "fstat", "stat", "pread", "scandir")
OLD = [b"old %d" % number for number in range(6)]
NEW = [b"new %d" % number for number in range(9)]


class Between:
    """Does something once, before the n-th system call."""

    def __init__(self, monkeypatch, calls, act):
        self.left = calls
        self.act = act
        self.busy = False
        for name in CALLS:
            monkeypatch.setattr(os, name, self.wrap(getattr(os, name)))

    def wrap(self, call):
        def wrapped(*args, **kwargs):
            if not self.busy:
                self.left -= 1
                if self.left == 0:
                    self.busy = True
                    self.act()
                    self.busy = False
            return call(*args, **kwargs)

        return wrapped


def read_all(log, source, moment):
    """Read until the moment has come and everything after it was read."""
    got, quiet = [], 0
    while quiet < 10:
        records = source.read(2)
        got += records
        quiet = 0 if records or moment.left >= 0 else quiet + 1
        log.pass_ms(0 if records else 6000)
    assert source.at_end
    return got


def copytruncate(log):
    log.copytruncate()
    log.write(NEW)


def rename(log):
    log.rename()
    log.write(NEW)


def twice(log):
    """Two rotations at once: the file in between is seen in the folder only."""
    log.copytruncate()
    log.write([b"between"])
    log.copytruncate()
    log.write(NEW)


@pytest.mark.parametrize("act", [copytruncate, rename, twice])
@pytest.mark.parametrize("rotated_before", [False, True])
@pytest.mark.parametrize("calls", range(1, 60))
def test_a_rotation_between_any_two_system_calls(tmp_path, monkeypatch, calls, rotated_before, act):
    log = Log(tmp_path)
    log.write(OLD[:2])
    source = log.open()
    source.resume(None)
    got = [*source.read(10)]
    if rotated_before:
        log.copytruncate()
        log.write([b"second"])
    else:
        log.write(OLD[2:])
    moment = Between(monkeypatch, calls, lambda: act(log))
    got += read_all(log, source, moment)
    source.close()
    files = [OLD[:2], [b"second"]] if rotated_before else [OLD]
    if act is twice:
        files.append([b"between"])
    files.append(NEW)
    check(got, files)


@pytest.mark.parametrize("act", [copytruncate, rename])
@pytest.mark.parametrize("calls", range(1, 40))
def test_a_rotation_while_the_end_is_sought(tmp_path, monkeypatch, calls, act):
    log = Log(tmp_path)
    log.write(OLD)
    source = log.open(Start.END)
    source.resume(None)
    moment = Between(monkeypatch, calls, lambda: act(log))
    got = read_all(log, source, moment)
    source.close()
    if got:
        check(got, [NEW])
    else:  # rotated before the first look at the content: the new lines stand before the end
        assert calls <= 6


def known_ids(files):
    ids = []
    for lines in files:
        offset = 0
        for line in lines:
            ids.append(((lineage(lines[0]), offset.to_bytes(8, "big")), line))
            offset += len(line) + 1
    return ids


def check(records, files):
    assert [(record.position.identity, record.raw) for record in records] == known_ids(files)
