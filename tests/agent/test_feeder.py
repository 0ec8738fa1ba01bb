"""The feeder: what is read, when it is committed, where reading stands; by hand, with real logs, content and spool."""

import random
from dataclasses import replace

import pytest

from collector.agent import feeder as module
from collector.agent.feeder import BUSY, FACTS, QUIET
from collector.model.alert import Fact
from collector.model.moment import AHEAD
from collector.sinks.file import FileOptions
from collector.spool.store import SinkSpec, Start
from tests.support.mmdb import COUNTRIES, database
from tests.support.station import FaultySink

HOUR = 3_600_000


def users(station):
    return sorted(document["user"]["name"] for document in station.documents("dovecot") if "user" in document)


def fill_the_disk(station, *, full):
    """Leave more free than there is, and give the ballast up, as a commit on a full disk does."""
    spool = station.spool
    if full:
        spool._limits = replace(spool._limits, min_free=1 << 60)
        spool._ballast.give()
    else:
        spool._limits = replace(spool._limits, min_free=0)


# batches


def test_a_batch_is_handed_over_when_the_logs_are_drained_but_not_more_often_than_every_200_ms(station):
    station.start(once=True)
    station.settle()
    station.now += QUIET
    seq = station.spool.seq
    station.write(station.connect())
    station.round(0)
    assert station.spool.seq == seq + 1
    station.write(station.connect())
    station.round(QUIET - 1)
    assert station.spool.seq == seq + 1
    station.round(1)
    assert station.spool.seq == seq + 2


def test_a_batch_is_handed_over_at_so_many_lines_though_more_wait(station, monkeypatch):
    monkeypatch.setattr(module, "LINES", 10)
    station.write(*[station.failure(user=f"u{n:02}@example.org") for n in range(25)])
    station.start(once=True)
    station.round(0)
    station.round(1)
    assert (station.spool.seq, len(users(station))) == (2, 20)
    station.round(1)
    assert (station.spool.seq, len(users(station))) == (2, 20)
    station.round(QUIET)
    assert (station.spool.seq, len(users(station))) == (3, 25)


def test_a_busy_log_is_committed_once_a_second(station, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 1)
    station.write(*[station.connect(pid=n) for n in range(5)])
    station.start(once=True)
    station.settle()
    seq = station.spool.seq
    for n in range(10):
        station.write(station.connect(pid=n))
        station.feeder._pipeline.merge._lanes[0]._dry = False
        station.now += BUSY // 10
    station.round(0)
    assert station.spool.seq == seq + 1


def test_an_idle_feeder_commits_nothing(station):
    station.write(station.connect())
    station.start()
    station.settle()
    seq = station.spool.seq
    for _ in range(50):
        station.round(1000)
    assert station.spool.seq == seq, "no heartbeat was due"
    assert station.feeder.nap == 1.0


def test_once_a_minute_it_says_that_it_lives(station):
    station.start()
    for _ in range(125):
        station.round(1000)
    assert station.actions("agent").count("heartbeat") == 2


# positions and kills


def test_a_host_never_seen_is_read_from_its_end_and_a_kill_does_not_change_that(station):
    station.write(station.failure(user="old@example.org"))
    station.start()
    station.settle()
    station.crash()
    station.write(station.failure(user="new@example.org"))
    station.start()
    station.settle()
    assert users(station) == ["new@example.org"]


def test_the_start_at_the_end_of_a_log_whose_turn_has_not_come_survives_a_kill(station, monkeypatch):
    monkeypatch.setattr(module, "LINES", 10)
    station.settings["source"] = {"file": [{"path": str(station.path(name))} for name in ("a.log", "b.log")]}
    for name in ("a.log", "b.log"):
        station.write(station.failure(user=f"old-{name}@example.org"), name=name)
    station.start()
    for n in range(25):
        station.write(station.failure(user=f"a{n:02}@example.org"), name="a.log")
    station.write(station.failure(user="b@example.org", ahead=500), name="b.log")
    while not station.spool.seq:
        station.round(500)
    assert "b@example.org" not in users(station)
    station.crash()
    station.start()
    station.settle()
    assert users(station) == [*(f"a{n:02}@example.org" for n in range(25)), "b@example.org"]


def test_a_log_that_may_not_be_read_at_first_makes_no_known_host(station):
    station.path().mkdir()
    station.start()
    station.settle()
    assert station.health() == [("source", "lost")]
    station.stop()
    station.path().rmdir()
    station.write(station.failure(user="old@example.org"))
    assert station.start().stop() is None
    assert station.spool.state is Start.FRESH
    station.settle()
    assert users(station) == []


@pytest.mark.parametrize("seed", range(4))
def test_killed_anywhere_every_line_comes_once_and_in_order(station, monkeypatch, seed):
    dice = random.Random(seed)
    monkeypatch.setattr(module, "LINES", 7)
    station.settings["source"] = {"file": [{"path": str(station.path(name)), "start": "beginning"} for name in ("a.log", "b.log")]}
    written = []
    for _ in range(12):
        station.start()
        for _ in range(dice.randint(1, 8)):
            for _ in range(dice.randint(0, 6)):
                station.now += 1
                written.append(f"u{len(written):03}@example.org")
                station.write(station.failure(user=written[-1]), name=dice.choice(["a.log", "b.log"]))
            if dice.random() < 0.5:
                station.feeder.step()
            else:
                station.round(dice.choice([1, 100, 400]))
        station.crash()
    station.start()
    station.settle()
    assert [document["user"]["name"] for document in station.documents("dovecot")] == written


def test_a_file_that_a_glob_matches_later_is_read_from_its_beginning(station):
    station.settings["source"] = {"file": [{"path": str(station.folder / "*.log")}]}
    station.write(station.failure(user="old@example.org"))
    station.start()
    station.settle()
    station.write(station.failure(user="new@example.org"), name="more.log")
    station.round(1000)
    station.settle()
    assert users(station) == ["new@example.org"]


# backpressure


def test_a_full_spool_stops_reading_says_so_and_goes_on_later_without_loss(station):
    station.settings["spool"] = {"max_bytes": "8 KiB", "min_free": "1 B"}
    sink = FaultySink("file", FileOptions(path=str(station.path("out"))))
    sink.away = True
    station.sinks = [(sink, SinkSpec("file"))]
    station.start(once=True)
    wanted = [f"u{n:04}@example.org" for n in range(3000)]
    for n in range(0, 3000, 100):
        station.write(*[station.failure(user=user) for user in wanted[n : n + 100]])
        station.round(1000)
    assert not station.spool.room().read
    read = station.feeder._pipeline.engine.counts["lines"]
    assert 0 < read < 3000
    for _ in range(20):
        station.round(1000)
    assert station.feeder._pipeline.engine.counts["lines"] == read
    assert not station.feeder.at_end
    sink.away = False
    station.now += HOUR
    station.settle()
    assert users(station) == wanted
    told = [one for one in station.health() if one[0] == "spool"]
    assert told[:4] == [("spool", "degraded"), ("spool", "degraded"), ("spool", "full"), ("spool", "ok")]
    assert told[-1] == ("spool", "ok")
    assert [one for one in station.health() if one[0] == "sink"] == [("sink", "unavailable"), ("sink", "ok")]




def test_a_full_disk_stops_reading_the_same_batch_waits_and_nothing_is_lost(station):
    station.start(once=True)
    station.settle()
    station.write(station.failure(user="a@example.org"))
    station.feeder.step()
    fill_the_disk(station, full=True)
    station.write(station.failure(user="b@example.org"))
    for _ in range(10):
        station.round(500)
    assert users(station) == []
    assert not station.parts.compressor.idle
    fill_the_disk(station, full=False)
    station.settle()
    assert users(station) == ["a@example.org", "b@example.org"]
    assert [one for one in station.health() if one[0] == "spool"] == [("spool", "full"), ("spool", "full"), ("spool", "ok"), ("spool", "ok")]


# clocks


@pytest.mark.parametrize("jump", [-HOUR, -QUIET // 2, 24 * HOUR])
def test_a_clock_that_jumps_delays_nothing(station, jump):
    station.settings["source"] = {"file": [{"path": str(station.path(name))} for name in ("a.log", "b.log")]}
    station.write(station.connect(), name="a.log")
    station.write(station.connect(), name="b.log")
    station.start(once=True)
    station.settle()
    station.now += jump
    station.write(station.failure(), name="a.log")
    for _ in range(10):
        station.round(100)
    assert users(station) == ["bob@example.org"]


def test_a_clock_that_was_set_back_does_not_silence_the_heartbeat(station):
    station.start()
    station.settle()
    station.now -= HOUR
    station.round(0)
    station.settle()
    assert station.actions("agent").count("heartbeat") == 1


def test_a_stamp_far_ahead_is_told_and_moves_no_clock(station):
    station.write(station.failure(ahead=AHEAD + 60_000), station.failure(ahead=AHEAD + 60_000), station.failure())
    station.start(once=True)
    station.settle()
    assert station.feeder._pipeline.detector.clock <= station.now
    [anomaly] = station.documents("agent")
    assert anomaly["event"]["action"] == "log-time-anomaly"
    assert anomaly["mail"]["log"]["skew_seconds"] >= 60 + AHEAD // 1000 - 1
    assert len(users(station)) == 3


def test_time_passes_while_nothing_is_written(station):
    station.write(*[station.failure(user=f"u{n}@example.org") for n in range(12)])
    station.start(once=True)
    station.settle()
    assert [alert["mail"]["alert"]["step"] for alert in station.documents("alert") if alert["rule"]["id"] == "spray_ip"] == ["0"]
    for _ in range(30):
        station.round(10 * 60_000)
    station.settle()
    assert [alert["mail"]["alert"]["step"] for alert in station.documents("alert") if alert["rule"]["id"] == "spray_ip"] == ["0", "end"]


def test_no_time_passes_while_a_newer_file_waits_for_the_grace_of_an_older_one(station):
    station.write(station.failure(user="a@example.org"))
    station.start(once=True)
    station.settle()
    station.path().rename(station.path("mail.log.1"))
    station.write(station.failure(user="b@example.org"))
    before = station.feeder._pipeline.detector.clock
    for _ in range(20):
        station.round(100)
    assert station.feeder._pipeline.detector.clock == before
    assert not station.feeder.at_end
    station.settle()
    assert users(station) == ["a@example.org", "b@example.org"]


# hostile bytes


def test_hostile_lines_are_events_like_any_other(station):
    lines = [
        station.failure(user="x" * 70_000).encode() + b"\n",
        b"\0" * 4096 + station.failure(user="nul\0@example.org").encode() + b"\n",
        station.failure(user="u").encode().replace(b"<u>", b"<\xff\xfe\xe2\x80\xae@example.org>") + b"\n",
        b"\x1b[2J\x9b no envelope at all\n",
        b"\n",
        station.failure(user="last@example.org").encode() + b"\n",
    ]
    station.write(*lines)
    station.start(once=True)
    station.settle()
    documents = station.documents()
    assert "last@example.org" in users(station)
    assert all("\0" not in document["event"]["original"] or "nul" in document["event"]["original"] for document in documents if "original" in document["event"])
    assert any(document.get("log", {}).get("flags") == ["truncated"] for document in documents)
    assert any(document["event"]["action"] == "unparsed-line" for document in documents)
    assert max(len(document["event"]["original"]) for document in documents if "original" in document["event"]) <= 1 << 16


# facts


def test_a_fact_that_the_vocabulary_does_not_know_is_a_fault_and_no_reason_to_stop(station):
    station.start(once=True)
    station.feeder.tell(Fact("agent-helth", {}))
    station.feeder.tell(Fact("agent-stop", {}))
    station.write(station.failure())
    station.settle()
    assert users(station) == ["bob@example.org"]
    assert station.parts.telemetry.counts["fault"] == 2
    station.parts.telemetry.counts["fault"] = 0


def test_who_tells_more_than_fits_is_cut_short(station):
    station.start(once=True)
    for n in range(FACTS + 10):
        station.feeder.tell(Fact("agent-stop", {"event.reason": f"{n}"}))
    station.settle()
    assert station.actions("agent").count("agent-stop") == FACTS


def test_flush_hands_over_what_is_not_due_and_reads_nothing(station):
    station.write(station.failure(user="a@example.org"))
    station.start(once=True)
    station.settle()
    station.write(station.failure(user="b@example.org"))
    station.feeder.tell(Fact("agent-stop", {"event.reason": "x"}))
    assert station.feeder.flush()
    assert station.agent._commit(0)
    station.agent._ship_all()
    station.agent._ship_all()
    assert station.actions("agent") == ["agent-stop"]
    assert users(station) == ["a@example.org"]
    assert station.feeder.flush()
    assert station.parts.compressor.idle


def test_flush_says_when_there_was_no_room_for_all(station):
    station.start(once=True)
    station.settle()
    for n in range(3):
        station.feeder.tell(Fact("agent-stop", {"event.reason": f"{n}"}))
        assert station.feeder.flush() == (n < 2)
    assert station.agent._commit(0)
    assert station.feeder.flush()


def test_a_clock_that_had_run_ahead_is_told_and_blinds_nothing(station):
    """The host's clock was two hours ahead when some lines were written, then it is set right."""
    station.start(once=True)
    station.now += 2 * HOUR
    station.write(*(station.failure() for _ in range(10)))
    station.settle()
    station.now -= 2 * HOUR
    station.round(0)
    station.write(*(station.failure() for _ in range(10)))
    station.settle()
    anomalies = [document for document in station.documents("agent") if document["event"]["action"] == "log-time-anomaly"]
    assert len(anomalies) == 1
    assert anomalies[0]["mail"]["log"]["skew_seconds"] > 7000
    assert station.feeder._pipeline.detector.clock <= station.now
    assert sum(document["rule"]["id"] == "bf_ip" and document["mail"]["alert"]["step"] == "0" for document in station.documents("alert")) == 2


# places


def countries(station):
    return [document["source"].get("geo", {}).get("country_iso_code") for document in station.documents("dovecot")]


def test_a_database_of_places_that_is_replaced_counts_from_the_next_day_on(station):
    file = station.path("country.mmdb")
    file.write_bytes(database(COUNTRIES, "GeoLite2-Country"))
    station.settings["site"] = {"geo": {"country": str(file)}}
    station.start(once=True)
    station.write(station.failure())
    station.settle()
    file.write_bytes(database({"203.0.113.0/24": {"country": {"iso_code": "PT"}}}, "GeoLite2-Country"))
    station.write(station.failure())
    station.settle()
    station.now += module.DAY
    station.round()
    station.write(station.failure())
    station.settle()
    assert countries(station) == ["BR", "BR", "PT"]
    assert ("geo", "degraded") not in station.health()


def test_without_its_database_of_places_the_agent_says_so_and_goes_on(station):
    station.path("country.mmdb").write_bytes(b"no database")
    station.settings["site"] = {"geo": {"country": str(station.path("country.mmdb"))}}
    station.start(once=True)
    station.write(station.failure())
    station.settle()
    assert countries(station) == [None]
    assert station.health() == [("geo", "degraded")]
    station.path("country.mmdb").write_bytes(database(COUNTRIES, "GeoLite2-Country"))
    station.now += module.DAY
    station.write(station.failure())
    station.settle()
    assert countries(station)[-1] == "BR"
    assert station.health() == [("geo", "degraded"), ("geo", "ok")]
