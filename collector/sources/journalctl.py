"""In: which journal, which entries of it. Out: journalctl processes, and the bytes that they print.

libsystemd is never loaded into this process: until version 255 a rotation under a reader could kill it (SIGBUS). journalctl
dies alone.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from fcntl import F_SETPIPE_SZ, fcntl
from pathlib import Path
from shutil import which
from typing import IO, TYPE_CHECKING

from collector.errors import SourceError
from collector.sources.access import open_file, refused

if TYPE_CHECKING:
    from collections.abc import Sequence

FIELDS = ("MESSAGE", "SYSLOG_IDENTIFIER", "SYSLOG_PID", "_PID", "_HOSTNAME", "PRIORITY", "SYSLOG_FACILITY", "CONTAINER_NAME")
"""What is asked for besides the cursor and the time, which always come."""
ROOTS = (Path("/var/log/journal"), Path("/run/log/journal"))
BLOCK = 1 << 18
"""The most bytes of one read, and what the pipe is asked to hold: a small one makes two processes wait for each other."""
ANSWER = 1 << 24
"""The most bytes of an answer to a question for the newest entries."""
LAST_WORDS = 500
"""How many bytes of what journalctl complained are kept."""
PATIENCE = 10
"""Seconds that a question for the newest entries may take."""


@dataclass(frozen=True, slots=True)
class Journal:
    """A journal, and the entries of it that are wanted. ``match``: arguments of journalctl, FIELD=value and "+"."""

    match: tuple[str, ...]
    directory: Path | None = None
    namespace: str | None = None

    def folders(self) -> frozenset[tuple[int, int]]:
        """Return device and inode of the folders that hold its files. Raises SourceError where there are no files, or none that may be read."""
        files = self._files()
        if not files:
            raise SourceError(f"{self.where} holds no journal", hint="is systemd-journald running? Else name a file: [[source.file]]")
        decisive = [file for file in files if file.name.startswith("system")] or files
        if not any(os.access(file, os.R_OK, effective_ids=True) for file in decisive):
            descriptor = open_file(decisive[0])  # raises, with what gives permission
            if descriptor is not None:
                os.close(descriptor)
        found = [folder.stat() for folder in {file.parent for file in files}]
        return frozenset((status.st_dev, status.st_ino) for status in found)

    @property
    def there(self) -> bool:
        """There are journal files, and a journalctl to read them."""
        return which("journalctl") is not None and bool(self._files())

    def _files(self) -> list[Path]:
        roots = ROOTS if self.directory is None else (self.directory,)
        return [Path(folder, name) for root in roots for folder in (root, *_folders(root)) for name in _names(folder) if name.endswith(".journal")]

    @property
    def where(self) -> str:
        """The journal in words."""
        return str(self.directory) if self.directory is not None else " and ".join(map(str, ROOTS))

    def follow(self, start: str) -> Reading:
        """Start a journalctl that waits for more; ``start`` is ``--cursor=`` or ``--since=``. Raises SourceError."""
        # --no-tail: --follow with --cursor alone prints the last ten entries only.
        return Reading(self._command("--follow", "--no-tail", start))

    def upto_now(self, start: str) -> Reading:
        """Start a journalctl that ends where the journal ends now. Raises SourceError."""
        return Reading(self._command(start))

    def newest(self, count: int) -> bytes:
        """Return the newest entries in export format, of very large ones the first. Waits for them; raises SourceError."""
        self.folders()
        reading = Reading(self._command(f"--lines={count}"))
        deadline, data = time.monotonic() + PATIENCE, b""
        while len(data) < ANSWER and (block := reading.read()) != b"":
            if time.monotonic() > deadline:
                reading.end()
                raise SourceError(f"journalctl did not answer within {PATIENCE} s")
            if block is None:
                reading.wait(deadline - time.monotonic())
            else:
                data += block
        failure = reading.end()
        if failure is not None and len(data) < ANSWER:
            raise SourceError(f"journalctl failed ({failure})")
        return data

    def _command(self, *options: str) -> list[str]:
        where = [f"--directory={self.directory}"] if self.directory is not None else [f"--namespace={self.namespace}"] if self.namespace is not None else []
        return ["journalctl", "--quiet", "--no-pager", "--output=export", f"--output-fields={','.join(FIELDS)}", *where, *options, "--", *self.match]


class Reading:
    """One journalctl. Its output is read without waiting."""

    def __init__(self, command: Sequence[str]) -> None:
        """Start it. Raises SourceError."""
        try:
            # A group of its own: an interrupt of the terminal is for mailvigil.
            self._process = subprocess.Popen(  # noqa: S603 - no shell
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=_environment(), process_group=0, bufsize=0
            )  # fmt: skip
        except FileNotFoundError as error:
            raise _not_installed() from error
        except OSError as error:
            raise SourceError(f"journalctl cannot be started: {error.strerror or error}") from error
        with suppress(OSError):  # the user has too many large pipes: a small one does too
            fcntl(self.descriptor, F_SETPIPE_SZ, BLOCK)
        self._words = b""

    @property
    def descriptor(self) -> int:
        """Becomes readable when there is something to read."""
        return _pipe(self._process.stdout).fileno()

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    def read(self) -> bytes | None:
        """Return what it printed; None: nothing now; b"": it ended."""
        if words := _available(_pipe(self._process.stderr)):
            self._words = (self._words + words)[-LAST_WORDS:]
        return _available(_pipe(self._process.stdout))

    def wait(self, seconds: float) -> None:
        """Wait until there is something to read."""
        select.select([self.descriptor], [], [], max(0, seconds))

    def end(self) -> str | None:
        """Let go of it, whether it ended or not. Return why it failed; None where it ended as it should."""
        code = self._process.poll()
        if code is None:
            try:
                # Its output may end a moment before it does.
                code = self._process.wait(0.1 if self.read() == b"" else 0)
            except subprocess.TimeoutExpired:
                self._process.kill()
                code = self._process.wait()
        self.read()
        _pipe(self._process.stdout).close()
        _pipe(self._process.stderr).close()
        if code == 0:
            return None
        ended = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        return f"{ended}: {_words(self._words)}" if self._words else ended


def _available(pipe: IO[bytes]) -> bytes | None:
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    return os.read(pipe.fileno(), BLOCK) if poll.poll(0) else None


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe


def _words(text: bytes) -> str:
    return text.decode("utf-8", "backslashreplace").strip().rpartition("\n")[2]


def _environment() -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C", "SYSTEMD_COLORS": "0"}


def _not_installed() -> SourceError:
    return SourceError("journalctl is not installed", hint="install systemd, or name a file: [[source.file]]")


def _folders(root: Path) -> list[Path]:
    return [Path(root, name) for name in _names(root) if Path(root, name).is_dir()]


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208 - names are what is wanted
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise refused(folder, error) from error
