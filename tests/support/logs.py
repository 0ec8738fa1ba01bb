"""A log with its writer, logrotate and clock, set by hand."""

import gzip
import os
import time
from pathlib import Path

from collector.model.record import SourceInfo
from collector.sources.base import Start
from collector.sources.file import FileSource

STEP_NS = 10_000_000


def open_files():
    """What this process has open; for comparing."""
    return {path.name for path in Path("/proc/self/fd").iterdir()}


class Log:
    """``mail.log`` in a folder. Each change moves the clock by 10 ms and stamps the file with it: real time is coarser than tests are fast."""

    lineage = True

    def __init__(self, folder, name="mail.log"):
        self.path = folder / name
        self.now_ns = time.time_ns()

    def open(self, start=Start.BEGINNING, **options):
        return FileSource(SourceInfo("mail", path="/var/log/mail.log"), self.path, start=start, clock=lambda: self.now_ns // 1_000_000, **options)

    def pass_ms(self, ms):
        self.now_ns += ms * 1_000_000

    def stamp(self, path):
        self.now_ns += STEP_NS
        os.utime(path, ns=(self.now_ns, self.now_ns))

    def append(self, data, path=None):
        path = path or self.path
        with path.open("ab") as file:
            file.write(data)
        self.stamp(path)

    def write(self, lines):
        self.append(b"".join(line + b"\n" for line in lines))

    def copy(self, suffix):
        return self.path.with_name(self.path.name + suffix)

    def shift(self):
        """Make room for NAME.1, as logrotate does."""
        for number in range(len(list(self.path.parent.iterdir())), 0, -1):
            for packed in ("", ".gz"):
                if self.copy(f".{number}{packed}").exists():
                    self.copy(f".{number}{packed}").rename(self.copy(f".{number + 1}{packed}"))

    def rename(self):
        self.shift()
        self.path.rename(self.copy(".1"))

    def pack(self, path):
        """Gzip in place: the inode is another one, the mtime stays."""
        status = path.stat()
        target = path.with_name(path.name + ".gz")
        with gzip.open(target, "wb") as file:
            file.write(path.read_bytes())
        os.utime(target, ns=(status.st_mtime_ns, status.st_mtime_ns))
        path.unlink()

    def copytruncate(self):
        self.shift()
        self.copy(".1").write_bytes(self.path.read_bytes())
        self.stamp(self.copy(".1"))
        os.truncate(self.path, 0)
        self.stamp(self.path)
