"""The loops: one pass with its exit code, the service with its threads, signals and watchdog."""

import os
import signal
import threading

import pytest

from collector.agent.agent import LAST_TRY, catch_signals
from collector.errors import SourceError, SpoolDamaged
from collector.sinks.file import FileOptions
from collector.spool.store import SinkSpec
from tests.agent.test_feeder import fill_the_disk, users
from tests.support.station import FaultySink, rejected


class Ticking:
    """Makes the clock of a station go on by itself, 50 ms a look."""

    def __init__(self, station, monkeypatch):
        self._station = station
        monkeypatch.setattr("collector.agent.assembly.clock", self)
        self._began = station.now

    def __call__(self):
        self._station.now += 50
        return self._station.now


@pytest.fixture
def ticking(station, monkeypatch):
    Ticking(station, monkeypatch)
    monkeypatch.setattr("collector.agent.agent.NAP", 0)
    return station


def faulty(station, **options):
    sink = FaultySink("file", FileOptions(path=str(station.path("out"))))
    station.sinks = [(sink, SinkSpec("file", **options))]
    return sink


# one pass


def test_one_pass_reads_ships_and_ends(ticking):
    ticking.write(*[ticking.failure(user=f"u{n}@example.org") for n in range(12)])
    assert ticking.once(30) == 0
    assert len(users(ticking)) == 12
    assert sorted(alert["rule"]["id"] for alert in ticking.documents("alert")) == ["bf_ip", "spray_ip"]
    assert ticking.actions("agent") == ["agent-start"]


def test_a_second_pass_has_nothing_to_say_and_the_first_one_ended_in_order(ticking):
    ticking.write(ticking.failure())
    for _ in range(2):
        assert ticking.once(30) == 0
    assert len(users(ticking)) == 1
    assert [start["mail"]["agent"]["unclean"] for start in ticking.documents("agent")] == [False, False]


def test_what_could_not_be_sent_stays_spooled_and_goes_the_next_time(ticking):
    faulty(ticking).away = True
    ticking.write(ticking.failure())
    assert ticking.once(5) == 6
    assert users(ticking) == []
    ticking.sinks = None
    assert ticking.once(5) == 0
    assert users(ticking) == ["bob@example.org"]


def test_refused_documents_do_not_hold_it_up(ticking):
    faulty(ticking).faults = [rejected(1)]
    ticking.write(ticking.failure())
    assert ticking.once(5) == 0


def test_a_source_that_cannot_be_read_is_told_and_the_others_are_read(ticking):
    ticking.settings["source"] = {"file": [{"path": str(ticking.path(name))} for name in ("mail.log", "folder", "missing.log")]}
    ticking.path("folder").mkdir()
    ticking.write(ticking.failure())
    assert ticking.once(5) == 4
    assert users(ticking) == ["bob@example.org"]
    [lost] = [document for document in ticking.documents("agent") if document["event"]["action"] == "agent-health"]
    assert lost["event"]["reason"] == f"{ticking.path('folder')} is no regular file; give the path of a log file"
    assert lost["log"]["file"]["path"] == str(ticking.path("folder"))


def test_a_full_disk_is_no_endless_wait(ticking):
    ticking.write(ticking.failure())
    ticking.start(once=True)
    fill_the_disk(ticking, full=True)
    assert ticking.once(5) == 5
    assert ticking.once(5) == 0
    assert users(ticking) == ["bob@example.org"]


def test_a_full_spool_is_no_endless_wait(ticking):
    ticking.settings["spool"] = {"max_bytes": "1 KiB", "min_free": "1 B"}
    faulty(ticking).away = True
    ticking.write(*[ticking.failure(user=f"u{n:04}@example.org") for n in range(3000)])
    assert ticking.once(5) == 6
    ticking.sinks = None
    assert ticking.once(500) == 0
    assert users(ticking) == [f"u{n:04}@example.org" for n in range(3000)]


def test_told_to_stop_it_commits_what_it_has_and_ends(ticking):
    faulty(ticking).away = True
    ticking.write(ticking.failure())
    ticking.start(once=True).stop()
    assert ticking.once(500) == 6


def test_a_damaged_spool_ends_it_with_its_own_error(ticking):
    ticking.write(ticking.failure())
    spool = ticking.start(once=True)._parts.spool

    def damaged(*_):
        raise SpoolDamaged("torn page", hint="start again")

    spool.commit = damaged
    with pytest.raises(SpoolDamaged):
        ticking.once(5)
    assert spool._held < 0, "closed all the same"


def test_a_failed_commit_is_told_and_so_is_its_end(station):
    station.start(once=True)
    station.settle()
    fill_the_disk(station, full=True)
    station.write(station.failure())
    station.feeder._walk(10)
    station.feeder._seal()
    assert not station.agent._commit(0)
    fill_the_disk(station, full=False)
    assert station.agent._commit(0)
    station.settle()
    assert station.health() == [("spool", "full"), ("spool", "ok")]


# the service


@pytest.fixture
def handlers():
    """Put back the signal handlers of the test runner."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def when(condition, act):
    """Do something from another thread as soon as a condition holds; it looks often and gives up after a while."""
    tries = threading.Event()

    def watch():
        for _ in range(2000):
            if condition():
                break
            tries.wait(0.01)
        act()

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


def terminate():
    os.kill(os.getpid(), signal.SIGTERM)


def test_the_service_reads_ships_and_ends_in_order_on_a_signal(station, monkeypatch, handlers):
    monkeypatch.undo()
    station.settings["source"]["file"][0]["start"] = "beginning"
    station.write(station.failure())
    agent = station.start(signals=catch_signals())
    watcher = when(lambda: users(station), terminate)
    assert agent.serve() == 0
    watcher.join()
    station.agent = None
    station.once(5)
    assert users(station) == ["bob@example.org"]
    told = {document["event"]["action"]: document for document in station.documents("agent")}
    assert told["agent-stop"]["event"]["reason"] == f"terminated by signal {signal.SIGTERM.value}"
    assert told["agent-stop"]["mail"]["signal"] == signal.SIGTERM
    assert [document["mail"]["agent"]["unclean"] for document in station.documents("agent") if document["event"]["action"] == "agent-start"] == [False, False]
    assert [alert["rule"]["id"] for alert in station.documents("alert")] == ["agent_stopped"]


@pytest.mark.parametrize(("fault", "code"), [(ValueError("a fault"), 1), (SourceError("gone"), 4), (SpoolDamaged("torn"), 5)])
def test_a_worker_that_dies_ends_the_service_with_its_code_and_says_so(station, monkeypatch, handlers, capsys, fault, code):
    monkeypatch.undo()

    def dies(*_):
        raise fault

    agent = station.start()
    station.parts.shippers[0]._next = dies
    assert agent.serve() == code
    assert station.parts.telemetry.counts["fault"] == 1
    assert f"{type(fault).__name__}: {fault}" in capsys.readouterr().err
    assert not [thread for thread in threading.enumerate() if thread.name.startswith(("feeder", "compressor", "shipper"))]
    station.agent = None


def test_a_service_whose_disk_is_full_ends_all_the_same(station, monkeypatch, handlers):
    monkeypatch.undo()
    monkeypatch.setattr("collector.agent.agent.LAST_TRY", 100)
    assert LAST_TRY > 100
    agent = station.start(signals=catch_signals())
    fill_the_disk(station, full=True)
    watcher = when(lambda: station.parts.telemetry.counts["agent-health"], terminate)
    assert agent.serve() == 0
    watcher.join()
    station.agent = None
