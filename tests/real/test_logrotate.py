"""Debian's logrotate over a log that is being read: create and copytruncate, compressed one rotation late. Every line once and in order."""

import os
import random
import subprocess
import time

import pytest

from collector.model.record import SourceInfo
from collector.sources.base import Start
from collector.sources.file import GRACE_MS, FileSource
from tests.support.debian import unpack

CONFIG = """
{log} {{
    rotate 5
    size 1
    missingok
    compress
    delaycompress
    {mode}
}}
"""


class Rotated:
    """A log, its writer with an open descriptor, logrotate, and a reader that is stopped and started."""

    def __init__(self, folder, mode):
        self.log = folder / "mail.log"
        self.config = folder / "logrotate.conf"
        self.config.write_text(CONFIG.format(log=self.log, mode=mode))
        self.config.chmod(0o644)
        self.state = folder / "state"
        self.logrotate = unpack("logrotate")
        self.written, self.read = [], []
        self.ahead = 0
        self.token = None
        self.reopen(first=True)
        self.start()

    def reopen(self, *, first=False):
        """What a writer does on its HUP."""
        if not first:
            os.close(self.descriptor)
        self.descriptor = os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)

    def write(self, count):
        for _ in range(count):
            self.written.append(b"line %d of a log" % len(self.written))
            os.write(self.descriptor, self.written[-1] + b"\n")

    def rotate(self):
        command = [self.logrotate.program("usr/sbin/logrotate"), "--force", "--state", self.state, self.config]
        done = subprocess.run(command, env=self.logrotate.environment, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")

    def start(self):
        clock = lambda: time.time_ns() // 1_000_000 + self.ahead  # noqa: E731
        self.source = FileSource(SourceInfo("mail", path=str(self.log)), self.log, start=Start.BEGINNING, clock=clock)
        self.source.resume(self.token)
        self.source.begin()

    def stop(self):
        self.token = self.source.position()
        self.source.close()

    def take(self, rounds=3):
        for _ in range(rounds):
            while records := self.source.read(7):
                self.read += [record.raw for record in records]
            self.ahead += GRACE_MS

    def close(self):
        self.source.close()
        os.close(self.descriptor)


@pytest.mark.real
@pytest.mark.parametrize("mode", ["create 0640", "copytruncate"])
@pytest.mark.parametrize("seed", range(6))
def test_every_line_once_through_real_rotations(tmp_path, mode, seed):
    dice = random.Random(seed)
    host = Rotated(tmp_path, mode)
    host.write(1)
    host.take(rounds=1)
    for _ in range(6):
        host.write(dice.randint(1, 40))
        if dice.random() < 0.7:
            host.take(rounds=dice.randint(1, 2))
        down = dice.random() < 0.4
        if down:
            host.stop()
        host.rotate()
        if mode.startswith("create"):
            host.write(dice.randint(0, 10))  # into the renamed file: no HUP has come yet
            if not down and dice.random() < 0.5:
                host.take(rounds=1)
            host.reopen()
        host.write(dice.randint(0, 10))
        if down:
            host.start()
    host.take(rounds=8)
    assert host.read == host.written
    assert host.source.at_end
    assert sorted(path.name for path in tmp_path.glob("mail.log.[1-9]*")) == ["mail.log.1", *(f"mail.log.{number}.gz" for number in range(2, 6))]
    assert [fact.action for fact in host.source.facts()] == []
    host.close()
