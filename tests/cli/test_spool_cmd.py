"""Dead letters are made by a real agent, and seen to beside it and after it."""

import json

import pytest

from collector.config.settings import FileSinkSettings
from collector.model.document import Delivery
from collector.spool.store import SinkSpec
from tests.support.station import FaultySink, Station

HOSTILE = "\x1b[2J\u202e[bold]no mapping"


@pytest.fixture
def station(tmp_path, monkeypatch):
    made = Station(tmp_path, monkeypatch)
    made.write("early")
    yield made
    made.crash()


def refuse(parcel):
    return Delivery(rejected=tuple((document.id, f"document_parsing_exception: {HOSTILE}") for document in parcel.documents()))


@pytest.fixture
def running(station):
    """A service whose sink has refused three documents, and takes everything from now on."""
    sink = FaultySink("file", FileSinkSettings(path=str(station.path("out"))))
    station.sinks = [(sink, SinkSpec("file"))]
    station.start()
    station.settle()
    sink.faults = [refuse] * 3
    for number in range(3):
        station.write(station.connect(ip=f"203.0.113.{number}"))
        station.settle(400)
    sink.faults = []
    return station


@pytest.fixture
def call(mailvigil, config):
    path = config()

    def asked(*arguments):
        return mailvigil("spool", *arguments, "--config", path)

    return asked


def listed(call, *options):
    result = call("dead", "list", "--json", *options)
    assert result.code == 0
    return json.loads(result.out)


def test_they_are_listed_newest_first_and_what_strangers_wrote_moves_no_terminal(running, call):
    found = listed(call)
    assert [one["number"] for one in found] == [3, 2, 1]
    assert {one["sink"] for one in found} == {"file"}
    assert HOSTILE in found[0]["reason"]
    shown = call("dead").out
    assert "\\x1b[2J\\u202e[bold]no mapping" in shown
    assert not {"\x1b", "\u202e"} & set(shown)
    assert listed(call, "--limit", "1") == found[:1]
    assert "1 of 3" in call("dead", "list", "--limit", "1").out
    assert listed(call, "--sink", "other") == []
    assert call("dead", "list", "--sink", "other").out == "no dead letters\n"


def test_one_is_shown_whole(running, call):
    found = json.loads(call("dead", "show", "1", "--json").out)
    assert found["document"]["event"]["action"] == "smtp-connect"
    assert found["document"]["event"]["id"] == found["document_id"]
    shown = call("dead", "show", "1").out
    assert '"ip": "203.0.113.0"' in shown
    assert "\x1b" not in shown
    running.spool._db.run("update dead_letter set body = x'1f8b' where id = 1")
    assert "damaged" in call("dead", "show", "1").out


def test_the_running_service_sends_what_is_marked(running, call):
    wanted = [one["document_id"] for one in listed(call)]
    result = call("dead", "retry", "1", "2", "99")
    assert (result.code, "2 are marked" in result.out) == (0, True)
    assert [one["retry"] for one in listed(call)] == [False, True, True]
    running.settle()
    assert [one["number"] for one in listed(call)] == [3]
    got = [document["event"]["id"] for document in running.documents()]
    assert [got.count(one) for one in wanted] == [0, 1, 1]


def test_without_a_service_the_next_run_sends_them(running, call):
    wanted = [one["document_id"] for one in listed(call)]
    running.stop()
    assert json.loads(call("dead", "retry", "--all", "--json").out) == {"marked": 3}
    running.sinks = None
    running.start()
    running.settle()
    assert listed(call) == []
    got = [document["event"]["id"] for document in running.documents()]
    assert [got.count(one) for one in wanted] == [1, 1, 1]


def test_they_are_deleted_by_number_by_sink_and_by_age(running, call):
    assert json.loads(call("dead", "purge", "2", "--json").out) == {"deleted": 1}
    assert call("dead", "purge", "--all", "--sink", "other").out == "0 are deleted\n"
    assert call("dead", "purge", "--all", "--older-than", "1d").out == "0 are deleted\n"
    running.now += 2 * 86_400_000
    assert call("dead", "purge", "--all", "--older-than", "1d", "--sink", "file").out == "2 are deleted\n"
    running.write(running.connect())
    running.settle(400)
    assert listed(call) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("dead", "retry"), "needs numbers, or --all"),
        (("dead", "purge", "1", "--all"), "needs numbers, or --all"),
        (("dead", "purge", "1", "--sink", "file"), "choose among --all"),
        (("dead", "purge", "--all", "--older-than", "long"), "--older-than"),
        (("dead", "show"), "needs one number"),
        (("dead", "show", "77"), "there is no dead letter 77"),
    ],
)
def test_what_is_not_clear_is_not_done(running, call, arguments, words):
    result = call(*arguments)
    assert (result.code, words in result.err) == (2, True)
    assert len(listed(call)) == 3


def test_status_says_what_waits_and_what_it_takes(running, call):
    running.parts.shippers[0].sink.away = True
    running.write(running.connect())
    for _ in range(10):
        running.round(400)
    found = json.loads(call("status", "--json").out)
    assert found["dead_letters"]["count"] == 3
    assert found["waiting_bytes"] > 0
    assert {(one["sink"], one["stream"]) for one in found["waiting"] if one["documents"]} >= {("file", "logs-mail.postfix-default")}
    assert found["memory"]
    shown = call("status").out
    for part in ("of 1.0 GiB", "ballast stands", "write-ahead log", "3 (", "logs-mail.postfix-default", "detect."):
        assert part in shown, part


def test_without_a_spool_it_says_so(call):
    result = call("status")
    assert (result.code, "there is no spool" in result.err) == (5, True)
    assert call("dead", "purge", "--all").code == 5
