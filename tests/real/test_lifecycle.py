"""What the fixtures promise, with a server that is quick to start: a sleeping process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import java
from tests.support.elastic_servers import Server

ROOT = Path(__file__).parents[2]


class Sleeper(Server):
    kind = "sleeper"

    def command(self):
        return ["/bin/sh", "-c", "sleep 600 & echo $! > child; wait"]

    def child(self):
        """The process that the process started, once it has said so."""
        while not (said := (self.home / "child").read_text() if (self.home / "child").exists() else ""):
            self._watcher.poll()
        return int(said)


def alive(pid):
    state = Path(f"/proc/{pid}/stat")
    return state.exists() and state.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def test_killing_ends_the_whole_group_and_closing_leaves_nothing():
    server = Sleeper()
    server.launch()
    child = server.child()
    assert alive(child)
    server.kill()
    assert not alive(child)
    server.kill()
    server.close()
    assert not server.home.exists()


def test_a_server_does_not_outlive_who_started_it():
    code = "import sys, os; from tests.real.test_lifecycle import Sleeper; s = Sleeper(); s.launch(); print(s.child(), s._watcher.pid, s.home, flush=True); os._exit(1)"
    starter = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    child, watcher, home = starter.stdout.split()
    while alive(int(watcher)):
        os.sched_yield()
    assert not alive(int(child))
    assert not Path(home).exists()


def test_what_is_missing_skips_for_a_newcomer_and_fails_where_all_must_be_there(monkeypatch, tmp_path):
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="JDK 9999 or newer"):
        java.jdk(9999, "a server")
    monkeypatch.setattr(java, "CACHE", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="Debian: maven"):
        java.fetched("x", "help")
