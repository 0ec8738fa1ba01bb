"""Verbs are called as from a shell, in this process; shipped parsers are read once."""

import io
import os
import stat
from collections import namedtuple
from contextlib import contextmanager
from importlib import import_module

import pytest

from collector.agent import assembly
from collector.cli.main import VERBS, main
from collector.model.moment import iso

NOON = 1_732_449_600_000
NOBODY = 65534
Result = namedtuple("Result", "code out err")  # noqa: PYI024 - untyped as all of it


@pytest.fixture(scope="session")
def _shipped():
    catalogue = assembly.load_catalogue()
    return catalogue, assembly.load_parsers(catalogue)


@pytest.fixture
def mailvigil(capsysbinary, monkeypatch, _shipped):
    """Call a verb; exit code, output, errors. All verbs are imported before: who drops privileges may not be able to."""
    for verb in VERBS:
        import_module(f"collector.cli.{verb}_cmd")
    catalogue, parsers = _shipped
    load_parsers = assembly.load_parsers
    monkeypatch.setattr(assembly, "load_catalogue", lambda: catalogue)

    def load_own(catalogue, overlays=(), without=()):
        return load_parsers(catalogue, overlays, without) if any(overlay.is_dir() for overlay in overlays) else parsers

    monkeypatch.setattr(assembly, "load_parsers", load_own)

    def call(*arguments, stdin=b""):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(stdin))))
        try:
            code = main([str(one) for one in arguments])
        except SystemExit as end:
            code = end.code
        captured = capsysbinary.readouterr()
        return Result(code, captured.out.decode(), captured.err.decode())

    return call


@pytest.fixture
def unprivileged(tmp_path):
    """Tests run as root, whom no permission stops: within this block the process is nobody."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder.owner() == tmp_path.owner() and not folder.stat().st_mode & stat.S_IXOTH:
            folder.chmod(0o755)

    @contextmanager
    def drop():
        if os.geteuid() == 0:
            os.seteuid(NOBODY)
        try:
            yield
        finally:
            os.seteuid(os.getuid())

    return drop


def failure(n=0, user="bob@example.org", ip="203.0.113.9"):
    said = f"Connection closed (auth failed, 1 attempts in 2 secs): user=<{user}>, method=PLAIN, rip={ip}, lip=192.0.2.1, TLS"
    return f"{iso(NOON + n * 1000)} mx1 dovecot: imap-login: Disconnected: {said}\n"


@pytest.fixture
def log(tmp_path):
    """A log with an attack: twelve failures, an alert at the tenth, and one line of another program."""
    path = tmp_path / "mail.log"
    path.write_text("".join(failure(n) for n in range(12)) + "2024-11-24T12:01:00Z mx1 cron[1]: x\n")
    return path


BROKEN_PARSER = """parser: own.filter
program: [ownfilter]
shapes:
  - name: x
    contains: x
    grok: 'x %{WORDD:user.name}'
    action: content-verdict
    samples: [{line: x, expect: {}}]
"""
BROKEN_RULE = """title: x
id: not-a-uuid
name: own
logsource: {product: mail}
detection: {selection: {event.action: auth-failure}, condition: selektion}
level: low
"""


@pytest.fixture
def overlay(tmp_path):
    """Make a folder of content: names and texts."""

    def make(**files):
        folder = tmp_path / "overlay"
        for name, text in files.items():
            path = folder / name.replace("__", "/")
            path = path.with_suffix(".yaml")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        folder.mkdir(exist_ok=True)
        return folder

    return make


@pytest.fixture
def config(tmp_path):
    """Write a configuration for a host in this folder."""

    def write(text="", name="mailvigil.toml", *, sources=("mail.log",), sink=True):
        files = "".join(f'[[source.file]]\npath = "{tmp_path / source}"\n' for source in sources)
        out = f'[sink.file]\npath = "{tmp_path / "out"}"\n' if sink else ""
        path = tmp_path / name
        path.write_text(f'state_dir = "{tmp_path / "state"}"\ncontent_dir = "{tmp_path / "content"}"\nhost = "mx1"\n[spool]\nmin_free = "1 B"\n{files}{out}{text}')
        return path

    return write
