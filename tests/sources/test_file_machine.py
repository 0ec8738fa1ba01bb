"""Everything that can happen to a log, in any order, against a model: each line once, in order, with the id of its content."""

import tempfile
from collections import Counter
from itertools import count
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from collector.model.identity import lineage
from collector.sources.file import GRACE_MS
from collector.sources.volume import BLOCK
from tests.sources.test_framing import plainly
from tests.support.logs import Log


class Content:
    """What one file held, from its first byte to its last rotation."""

    def __init__(self):
        self.data = b""
        self.rotated = False
        self.deleted = False

    def ids(self):
        lines, last = plainly(self.data)
        if self.rotated and last:
            lines.append(last)
        return [(lineage(lines[0][0]), offset, raw) for raw, offset, _, _ in lines]


def once(ids):
    return list(dict.fromkeys(ids))


class FileMachine(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.log = Log(Path(self.folder.name))
        self.contents = [Content()]
        self.numbers = count()
        self.delivered = []
        self.token = None
        self.pending = []
        self.source = None
        self.start()
        assert self.source.read(1) == ()
        self.token = self.source.position()

    def start(self):
        self.source = self.log.open()
        self.source.resume(self.token)

    @property
    def content(self):
        return self.contents[-1]

    def say(self, data):
        self.content.data += data
        self.log.append(data)

    def next_content(self):
        self.content.rotated = True
        self.contents.append(Content())

    # the writer

    @rule(lines=st.integers(1, 4), size=st.sampled_from([0, 5, 300, 2000]))
    def append(self, lines, size):
        self.say(b"".join(b"line %d %s\n" % (next(self.numbers), b"." * size) for _ in range(lines)))

    @rule()
    def append_part(self):
        self.say(b"part %d " % next(self.numbers))

    @rule(size=st.sampled_from([1, 100, 200_000]))
    def append_hole(self, size):
        self.say(b"\0" * size + b"behind a hole %d" % next(self.numbers))

    @rule()
    def append_nuls(self):
        self.say(b"\0" * 300)

    @rule()
    def append_overlong(self):
        self.say(b"long %d %s" % (next(self.numbers), b"x" * 70_000))

    @precondition(lambda self: not self.log.path.exists())
    @rule()
    def begin_like_others(self):
        self.say(b"a header\n")

    @precondition(lambda self: self.held() == self.inode(self.log.copy(".1")) is not None)
    @rule()
    def append_to_renamed(self):
        """The writer has not been told yet."""
        old = next(content for content in reversed(self.contents) if content.rotated and not content.deleted)
        data = b"late %d\n" % next(self.numbers)
        old.data += data
        self.log.append(data, self.log.copy(".1"))

    def held(self):
        volume = self.source._volume
        return volume.file.inode if volume is not None else 0

    def inode(self, path):
        return path.stat().st_ino if path.exists() else None

    # logrotate

    @precondition(lambda self: self.log.path.exists())
    @rule(pack=st.booleans())
    def rename(self, pack):
        self.log.rename()
        if pack:
            self.log.pack(self.log.copy(".1"))
        self.next_content()

    @precondition(lambda self: self.log.path.exists())
    @rule()
    def rename_and_create(self):
        self.log.rename()
        self.log.append(b"")
        self.next_content()

    @precondition(lambda self: self.log.path.exists())
    @rule(hole=st.booleans(), pack=st.booleans())
    def copytruncate(self, hole, pack):
        size = self.log.path.stat().st_size
        self.log.copytruncate()
        if pack:
            self.log.pack(self.log.copy(".1"))
        self.next_content()
        if hole and size < BLOCK:  # a longer one is read in steps, and NULs look like NULs
            self.say(b"\0" * size)

    @precondition(lambda self: self.log.copy(".2").exists())
    @rule()
    def pack_late(self):
        self.log.pack(self.log.copy(".2"))

    # somebody

    @precondition(lambda self: self.log.path.exists())
    @rule()
    def delete(self):
        self.content.deleted = True
        self.log.path.unlink()
        self.next_content()

    # the reader

    @rule(limit=st.sampled_from([1, 3, 1000]))
    def read(self, limit):
        for record in self.source.read(limit):
            self.pending.append(record)

    @rule()
    def commit(self):
        if self.pending:
            self.token = self.pending[-1].position.resume
            self.delivered += [(*record.position.identity, record.raw) for record in self.pending]
            self.pending = []

    @rule()
    def kill(self):
        self.source.close()
        self.pending = []
        self.start()

    @rule(ms=st.sampled_from([100, GRACE_MS + 1]))
    def wait(self, ms):
        self.log.pass_ms(ms)

    def teardown(self):
        try:
            self.finish()
        finally:
            self.source.close()
            self.folder.cleanup()

    def finish(self):
        self.say(b"the end %d\n" % next(self.numbers))
        for _ in range(20 * len(self.contents)):
            self.read(1000)
            self.log.pass_ms(GRACE_MS)
        assert self.source.at_end
        self.commit()
        self.check()

    def check(self):
        got = [(content, int.from_bytes(offset, "big"), raw) for content, offset, raw in self.delivered]
        known = [identity for content in self.contents for identity in content.ids()]
        sure = [identity for content in self.contents if not content.deleted for identity in content.ids()]
        assert set(sure) <= set(got)
        if len(sure) == len(known):
            assert once(got) == once(known)
            assert Counter(got) <= Counter(known)
            assert [fact.action for fact in self.source.facts()] == []


FileMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
TestFileMachine = FileMachine.TestCase
