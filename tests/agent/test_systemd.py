"""What systemd hears."""

import os
import socket

import pytest

from collector.agent import systemd


@pytest.fixture
def heard(tmp_path, monkeypatch):
    """Listen as systemd does; return the next message."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield lambda: listener.recv(1000).decode().splitlines()


def test_states_are_one_message_of_one_line_each(heard):
    systemd.notify("READY=1", "STATUS=two\nlines=1")
    assert heard() == ["READY=1", "STATUS=two"]


def test_a_reload_has_its_stamp(heard):
    systemd.reloading()
    state, stamp = heard()
    assert state == "RELOADING=1"
    assert stamp.removeprefix("MONOTONIC_USEC=").isdecimal()


def test_an_abstract_socket(monkeypatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0mailvigil-test-{os.getpid()}")
        monkeypatch.setenv("NOTIFY_SOCKET", f"@mailvigil-test-{os.getpid()}")
        systemd.notify("WATCHDOG=1")
        assert listener.recv(100) == b"WATCHDOG=1"


def test_where_nobody_listens_nothing_happens(monkeypatch, tmp_path):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    systemd.notify("READY=1")
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    systemd.notify("READY=1")


@pytest.mark.parametrize(
    ("variables", "watched"),
    [
        ({}, False),
        ({"WATCHDOG_USEC": "60000000"}, True),
        ({"WATCHDOG_USEC": "1", "WATCHDOG_PID": "1"}, False),
        ({"WATCHDOG_USEC": "1", "WATCHDOG_PID": str(os.getpid())}, True),
    ],
)
def test_the_watchdog_is_fed_where_it_waits_for_this_process(monkeypatch, variables, watched):
    for name in ("WATCHDOG_USEC", "WATCHDOG_PID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert systemd.watched() is watched
