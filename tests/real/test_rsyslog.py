"""A real rsyslog over TLS: what strangers wrote arrives once each, field for field, and a restart in the middle gives nothing up."""

import threading

import pytest

from collector.errors import SinkUnavailable
from collector.model import json
from collector.sinks.syslog import SyslogOptions, SyslogSink
from tests.support import certificates, syslog_parser
from tests.support.parcels import document, parcel
from tests.support.rsyslog import Rsyslog, event_id

NUMBER = 4000
HOSTILE = ['quote " and "', "bracket ] [x]", "backslash \\ and \\]", "ümlaut € 😀", "two\nlines\r\n", "\x1b[31mred\x00", "\u2028\u202e", "a=b | c", "<13>1 - - - - - -"]
SHOWN = {"\n": "\\n", "\r": "\\r", "\x1b": "\\x1b", "\x00": "\\x00", "\u2028": "\\u2028", "\u202e": "\\u202e"}

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    return certificates.make(tmp_path_factory.mktemp("rsyslog-tls"))


@pytest.fixture
def rsyslog(tmp_path, tls):
    made = Rsyslog(tmp_path, tls)
    made.start()
    yield made
    made.stop()


def sink_to(rsyslog, tls, **options):
    return SyslogSink("syslog", SyslogOptions(target=rsyslog.target, ca_file=str(tls.ca), timeout=5, **options), "mx1")


def hostile(number):
    text = HOSTILE[number % len(HOSTILE)]
    return document(number, message=f"{text} {number}", user={"name": text}, event={"action": "auth-failure", "outcome": "failure"})


def shown(text):
    return "".join(SHOWN.get(character, character) for character in text)


def test_thousands_of_hostile_messages_arrive_once_each_with_their_fields(rsyslog, tls):
    sink = sink_to(rsyslog, tls)
    every = [hostile(number) for number in range(NUMBER)]
    for start in range(0, NUMBER, 1000):
        sink.send(parcel(start, every[start : start + 1000]))
    sink.close()
    messages = rsyslog.wait_for(NUMBER)
    assert [event_id(message) for message in messages] == [one.id for one in every]
    for number, message in enumerate(messages):
        text = HOSTILE[number % len(HOSTILE)]
        assert (message["facility"], message["severity"], message["host"], message["app"], message["msgid"]) == ("local0", "info", "mx1", "mailvigil", "auth-failure")
        parsed = syslog_parser.parse(message["raw"].encode())
        assert parsed.data["mailvigil@32473"] | {"stream": ""} == {"stream": "", "event_id": every[number].id, "outcome": "failure", "user_name": shown(text)}
        assert parsed.text == message["text"].removeprefix(" ") == f"{shown(text)} {number}"
    rsyslog.stop()
    assert rsyslog.complaints() == []


def test_json_arrives_as_the_document_it_was(rsyslog, tls):
    sink = sink_to(rsyslog, tls, format="rfc5424-json")
    every = [hostile(number) for number in range(100)]
    sink.send(parcel(1, every))
    sink.close()
    assert [json.loads(message["text"]) for message in rsyslog.wait_for(100)] == [json.loads(one.body) for one in every]


def test_a_restart_in_the_middle_gives_nothing_up(rsyslog, tls):
    """What was in the receiver's kernel when it ended was acknowledged and may be lost there; nothing else may."""
    sink = sink_to(rsyslog, tls)
    parcels = [parcel(start, [hostile(number) for number in range(start, start + 50)]) for start in range(0, NUMBER, 50)]
    confirmed, failures, halfway = [], [], threading.Event()
    done = threading.Event()

    def ship():
        for one in parcels:
            while True:
                try:
                    sink.send(one)
                    break
                except SinkUnavailable as error:
                    failures.append(error)
                    done.wait(0.05)
            confirmed.append(one)
            if len(confirmed) == len(parcels) // 4:
                halfway.set()

    shipping = threading.Thread(target=ship)
    shipping.start()
    assert halfway.wait(60)
    rsyslog.stop()
    at_the_end = len(confirmed)
    rsyslog.start()
    shipping.join(120)
    assert not shipping.is_alive()
    sink.close()
    everything = [document.id for one in parcels for document in one.documents()]
    acknowledged = {document.id for one in parcels[:at_the_end] for document in one.documents()}
    rsyslog.wait_for(NUMBER - len(acknowledged))
    rsyslog.stop()
    got = [event_id(message) for message in rsyslog.received()]
    missing = set(everything) - set(got)
    print(f"{len(failures)} failed tries, {len(got) - len(set(got))} doubles, {len(missing)} acknowledged by a kernel and never read")
    assert missing <= acknowledged
    assert len(got) - len(set(got)) <= 50 * len(failures)
