"""In: texts. Out: real journal files, written by systemd-journal-remote out of export text; no journald is needed."""

import subprocess
import time
from pathlib import Path

from tests.support.debian import unpack

REMOTE = "lib/systemd/systemd-journal-remote"
BOOT = "0" * 31 + "7"
US = 1_000_000


def field(name, value):
    """One field in export format."""
    value = value if isinstance(value, bytes) else str(value).encode()
    if b"\n" in value or not value.isascii():
        return name.encode() + b"\n" + len(value).to_bytes(8, "little") + value + b"\n"
    return name.encode() + b"=" + value + b"\n"


def entry(time_us, message, **fields):
    """One entry as Postfix' smtpd writes it; a field of None is left out."""
    usual = {"_BOOT_ID": BOOT, "_HOSTNAME": "mx1", "PRIORITY": 6, "SYSLOG_FACILITY": 2, "SYSLOG_IDENTIFIER": "postfix/smtpd", "SYSLOG_PID": 12}
    stamps = {"__REALTIME_TIMESTAMP": time_us, "__MONOTONIC_TIMESTAMP": time_us}
    given = {name: value for name, value in (stamps | usual | fields | {"MESSAGE": message}).items() if value is not None}
    return b"".join(field(name, value) for name, value in given.items()) + b"\n"


class JournalFolder:
    """A folder of journal files; entries are appended to the newest. ``now`` (us) is the time of the next entry."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._unpacked = unpack("systemd-journal-remote")
        self.now = time.time_ns() // 1000 - 60 * US
        self._file = 0

    def rotate(self):
        """Begin another file, with a sequence of its own."""
        self._file += 1

    @property
    def path(self):
        return self.folder / f"system-{self._file}.journal"

    def write(self, lines, **fields):
        """Append a mail entry for each line, 1 ms apart."""
        self.append(*(self._next(line, fields) for line in lines))

    def _next(self, line, fields):
        self.now += 1000
        return entry(self.now, line, **fields)

    def append(self, *entries):
        """Append entries in export format."""
        command = [self._unpacked.program(REMOTE), f"--output={self.path}", "-"]
        subprocess.run(command, input=b"".join(entries), env=self._unpacked.environment, check=True, capture_output=True)

    def vacuum(self):
        """Remove the oldest file, as journald does when there are too many."""
        min(self.folder.glob("*.journal"), key=lambda path: path.stat().st_ctime_ns).unlink()


class Writer:
    """A systemd-journal-remote that stays: entries arrive one by one, as journald would write them."""

    def __init__(self, folder):
        self._folder = folder
        self._process = subprocess.Popen(
            [folder._unpacked.program(REMOTE), f"--output={folder.path}", "-"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, env=folder._unpacked.environment
        )

    def write(self, message, **fields):
        """Hand an entry of this very moment over."""
        self._folder.now = max(self._folder.now + 1, time.time_ns() // 1000)
        self.say(self._folder.now, message, **fields)

    def say(self, time_us, message, **fields):
        """Hand an entry over."""
        self._process.stdin.write(entry(time_us, message, **fields))
        self._process.stdin.flush()

    def close(self):
        self._process.stdin.close()
        assert self._process.wait(30) == 0


def alive(pid):
    """Say whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
