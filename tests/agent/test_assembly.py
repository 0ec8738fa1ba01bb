"""What is put together, from shipped content, overlays and settings."""

import pytest

from collector.agent import assembly
from collector.config import load
from collector.config.settings import Settings
from collector.errors import ParserError, RuleError, SpoolError
from collector.model.document import Batch, Document
from collector.sinks.elasticsearch import ElasticsearchSink
from collector.sinks.file import FileSink
from collector.sources.base import Start
from collector.spool.store import SinkSpec
from collector.spool.store import Start as Seen
from tests.support.lab import LAB
from tests.support.station import content
from tests.support.syslog_receiver import receiver

PARSER = """
parser: example.filter
program: [examplefilter]
shapes:
  - name: verdict
    contains: verdict
    grok: 'verdict %{WORD:mail.filter.verdict}'
    action: content-verdict
    samples: []
"""


def settings(**given):
    return Settings.model_validate({"state_dir": "/nowhere"} | given)


def test_shipped_content_loads():
    loaded = content()
    assert len(loaded.parsers.shapes) > 200
    assert {"bf_ip", "agent_stopped"} <= set(loaded.rules.active)
    assert "log_silence" not in loaded.rules.active, "extended rules are off"


def test_an_overlay_brings_files_facts_and_numbers():
    loaded = assembly.load_content((LAB,), load.overlay(LAB))
    assert "tls_inbound_burst" in loaded.rules.active
    assert loaded.rules.active["bf_ip"].correlation.threshold < content().rules.active["bf_ip"].correlation.threshold


@pytest.mark.parametrize(("folder", "file", "text", "error"), [("parsers.d", "own.yaml", PARSER, ParserError), ("rules.d", "own.yaml", "title: x\n", RuleError)])
def test_broken_content_of_the_host_is_named_with_its_place(tmp_path, folder, file, text, error):
    (tmp_path / folder).mkdir()
    (tmp_path / folder / file).write_text(text)
    with pytest.raises(error) as caught:
        assembly.load_content((tmp_path,))
    assert caught.value.at.file == str(tmp_path / folder / file)
    loaded = assembly.settled_content(settings(content_dir=str(tmp_path)))
    [fault] = loaded.faults[folder.removesuffix(".d")]
    assert (type(fault), fault.at) == (error, caught.value.at)


def test_settings_change_numbers_and_switch_rules():
    loaded = assembly.settled_content(settings(rules={"bf_ip": {"threshold": 99}, "spray_ip": {"enabled": False}, "log_silence": {"enabled": True}, "bf_iq": {"threshold": 1}}))
    assert loaded.rules.active["bf_ip"].correlation.threshold == 99
    assert "spray_ip" not in loaded.rules.active
    assert "log_silence" in loaded.rules.active
    assert list(loaded.rules.unknown) == ["bf_iq"]


def test_without_a_sink_the_archive_keeps_what_was_seen():
    [(sink, spec)] = assembly.sinks(settings(state_dir="/var/lib/x"))
    assert isinstance(sink, FileSink)
    assert (sink.name, str(sink._folder), spec) == ("archive", "/var/lib/x/archive", SinkSpec("archive", required=False))


def test_a_configured_sink_takes_the_place_of_the_archive_unless_both_are_wanted(tmp_path):
    sink = {"elasticsearch": {"hosts": ["https://es.example.org:9200"], "only": "alerts", "from": "oldest"}, "file": {"path": str(tmp_path)}}
    found = assembly.sinks(settings(sink=sink))
    assert [type(one) for one, _ in found] == [FileSink, ElasticsearchSink]
    assert [spec for _, spec in found] == [SinkSpec("file"), SinkSpec("elasticsearch", only="alerts", start="oldest")]
    assert [spec.name for _, spec in assembly.sinks(settings(sink=sink | {"archive": {}}))] == ["archive", "file", "elasticsearch"]


def test_where_a_source_without_a_position_begins():
    wanted = {Seen.FRESH: (Start.END, Start.BEGINNING), Seen.LOST: (Start.OLDEST_COPY,) * 2, Seen.KNOWN: (Start.BEGINNING,) * 2}
    assert {seen: (assembly._first(seen, once=False), assembly._first(seen, once=True)) for seen in Seen} == wanted


def test_the_host_has_a_name_and_maybe_an_id():
    assert assembly.this_host() == assembly.this_host().lower() != ""
    assert assembly.machine_id() is None or len(assembly.machine_id()) == 32


def test_a_spool_has_one_owner(station):
    station.start()
    with pytest.raises(SpoolError, match="another process uses the spool"):
        station.start()
    station.parts.watch.close()


def test_what_a_lost_spool_and_a_removed_sink_mean_is_told(station):
    station.settings["sink"]["archive"] = {"path": str(station.path("archive")), "required": True}
    station.write(station.failure(user="a@example.org"))
    station.start(once=True)
    station.round(400)
    station.spool.commit(station.spool.pack(Batch(documents={"logs-mail.postfix-default": [Document("x", b"{}")]})), 0)
    station.stop()
    del station.settings["sink"]["archive"]
    station.start(once=True)
    station.settle()
    [gone] = [document for document in station.documents("agent") if document["event"]["action"] == "sink-removed"]
    assert (gone["mail"]["agent"]["sink"], gone["mail"]["agent"]["count"] > 0) == ("archive", True)
    station.stop()
    for file in station.path("state").glob("spool.db*"):
        file.unlink()
    station.start(once=True)
    station.settle()
    assert ("spool", "lost") in station.health()
    assert "sink-restarted" in station.actions("agent")
    assert len({document["event"]["id"] for document in station.documents("dovecot")}) == 1, "what is read again has the same ids"


def test_a_damaged_spool_is_rescued_and_that_is_told(station):
    station.write(*[station.failure(user=f"u{n}@example.org") for n in range(500)])
    station.start(once=True)
    station.settle()
    station.crash()
    spool = station.path("state") / "spool.db"
    with spool.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 4096)
    station.start(once=True)
    station.settle()
    assert ("spool", "lost") in station.health()
    [told] = [document["event"]["reason"] for document in station.documents("agent") if document["event"]["action"] == "agent-health" and "spool.db" in document["event"]["reason"]]
    assert told.startswith("moved to spool.db.corrupt-")


def test_alerts_reach_a_syslog_receiver_and_events_only_if_wanted(station):
    with receiver("tcp") as there:
        station.settings["sink"]["syslog"] = {"target": there.target, "enterprise_number": 4711}
        station.start()
        for number in range(12):
            station.write(station.failure(user=f'u{number}\x07]"\\@example.org', ahead=-50))
        station.settle()
        wanted = {one["event"]["id"] for one in station.documents("alert")}
        there.wait(lambda there: len(there.messages) == len(wanted))
        assert {message.data["mailvigil@4711"]["event_id"] for message in there.parsed} == wanted
        [message] = [message for message in there.parsed if message.data["mailvigil@4711"]["rule_id"] == "bf_ip"]
        data = message.data["mailvigil@4711"]
        assert (message.msgid, message.severity, data["source_ip"], data["playbook_id"]) == ("alert", 4, "203.0.113.9", "PB-AUTH-01")
        assert message.host == "mx1"
        station.crash()


def test_syslog_alone_takes_the_place_of_the_archive_and_gets_alerts():
    settings = Settings.model_validate({"host": "mx9", "sink": {"syslog": {"target": "udp://siem.example.org:514"}}})
    [(sink, spec)] = assembly.sinks(settings)
    assert (sink.name, spec) == ("syslog", SinkSpec("syslog", required=True, only="alerts", start="newest"))
    assert sink._origin.host == "mx9"


def test_after_a_lost_spool_it_is_said_that_syslog_gets_things_again(station):
    station.settings["sink"]["syslog"] = {"target": "udp://127.0.0.1:9", "only": "events", "required": False}
    station.start()
    spool = station.spool
    settings = Settings.model_validate(station.settings)
    told = [fact.fields.get("mail.agent.sink") for fact in assembly._start_facts(Seen.LOST, spool, (), assembly.sinks(settings)) if fact.action == "sink-restarted"]
    assert told == ["file", "syslog"]
