"""The shipped parsers: they load, their samples hold, and no stranger's line makes one of them slow."""

import re
import time
from itertools import pairwise

import pytest

from collector import content
from collector.model import catalogue as vocabulary
from collector.model.identity import Identity
from collector.parse import loader, samples
from collector.parse.engine import Engine
from collector.parse.redact import redact_line
from collector.parse.syslog import open_record

CATALOGUE = vocabulary.load(content.package_text("model/fields.yaml"), content.package_text("model/actions.yaml"))
PARSERS = loader.load(content.texts("parsers", "*.yaml"), content.texts("parsers/patterns", "*.grok"), CATALOGUE)
ENTRIES = list(PARSERS.entries)

SIZES = (1 << 10, 1 << 13, 1 << 16)
TIMES_A_PLAIN_SCAN = 40
"""What a shape may cost of what a plain scan of as long a text costs. The dearest one costs a dozen, one that grows with the square costs hundreds at the longest size."""
TRIES = 5

PLAIN_SCAN = re.compile(r"(?:[a-z]|[^a-z])*")
TOKEN = re.compile(r"\s+|[A-Za-z0-9]+|[^\sA-Za-z0-9]")


def test_every_sample_holds():
    assert [str(failure) for failure in samples.run(PARSERS, lambda: Engine(PARSERS, CATALOGUE, Identity()))] == []


def test_every_file_has_shapes_of_both_daemons():
    assert {"postfix", "dovecot"} <= set(PARSERS.products)
    assert len(ENTRIES) > 100


def test_only_housekeeping_takes_whatever_is_said():
    assert [entry.shape.name for entry in ENTRIES if not entry.contains] == ["dovecot.support.line"]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.shape.name)
def test_known_words_in_another_order_are_an_unparsed_line(entry):
    """A daemon that says it differently after an upgrade must not go on unseen."""
    for sample in entry.samples:
        opened = open_record(samples._record(sample.all_lines[-1], 0))
        words = opened.message.split(" ")
        if len(words) > 1:
            record = samples._record(opened.text[: opened.start] + " ".join(reversed(words)), 0)
            engine = Engine(PARSERS, CATALOGUE, Identity())
            assert [event.shape.action for event in engine.read(engine.open(record))] == ["unparsed-line"], record.raw


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("opendkim", "5F2A07C3D1: DKIM verification ok"),
        ("opendmarc", "5F2A07C3D1: example.com: policy reject"),
        ("postgrey", "greylisted client_address=203.0.113.7"),
        ("dovecot", "lmtp(alice)<9><TnYT7gJhEsTLAHEH>: msgid=<x>: put into INBOX"),
        ("dovecot", "log: Error: master: service(auth): child 12 died by signal 11"),
        ("postfix/smtpd", "warning: unknown[203.0.113.7]: login as bob refused"),
        ("postfix/smtpd", "warning: client 203.0.113.7: SASL PLAIN failure"),
    ],
)
def test_a_new_wording_is_an_unparsed_line(program, message):
    engine = Engine(PARSERS, CATALOGUE, Identity())
    events = engine.read(engine.open(samples._record(f"2026-11-24T10:00:00+00:00 mx1 {program}: {message}", 0)))
    assert [event.shape.action for event in events] == ["unparsed-line"]


def messages(entry):
    for sample in entry.samples:
        opened = open_record(samples._record(sample.all_lines[-1], 0))
        yield redact_line(opened, PARSERS.lookup(opened.name)).message


def hostile(entry):
    """Yield (head, piece): lines that begin as the shape wants and then repeat a piece of it for ever."""
    seen = set()
    for message in messages(entry):
        cuts = [0, *(match.end() for match in TOKEN.finditer(message))]
        pairs = [*pairwise(cuts), *zip(cuts, cuts[2:], strict=False), *zip(cuts, cuts[5:], strict=False)]
        for begin, end in pairs[:: 1 + len(pairs) // 40]:
            if (message[:begin], message[begin:end]) not in seen:
                seen.add((message[:begin], message[begin:end]))
                yield message[:begin], message[begin:end]


def line(head, piece, size):
    return (head + piece * (size // len(piece) + 1))[:size] + "\x00"


def cost(regex, text):
    """Return the CPU time of one match in ns."""
    begin = time.process_time_ns()
    regex.fullmatch(text)
    return time.process_time_ns() - begin


def scan(size):
    """Return what a plain scan costs now, in ns."""
    return min(cost(PLAIN_SCAN, line("", "aB", size)) for _ in range(3))


def is_linear(regex, text, scanned):
    """Say whether a match costs little more than a plain scan: ``scanned`` ns, or what a scan costs right beside a further try: what slows down the one slows down the other."""
    if cost(regex, text) <= TIMES_A_PLAIN_SCAN * scanned:
        return True
    return any(cost(regex, text) <= TIMES_A_PLAIN_SCAN * scan(len(text) - 1) for _ in range(TRIES))


@pytest.fixture(scope="module")
def scanned():
    return {size: scan(size) for size in SIZES}


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.shape.name)
def test_the_time_of_a_shape_grows_linearly(entry, scanned):
    for size in SIZES:
        for head, piece in hostile(entry):
            assert is_linear(entry.pattern.regex, line(head, piece, size), scanned[size]), f"{size} bytes of {head!r} and {piece!r} again and again"


def test_a_shape_that_grows_with_the_square_would_be_found(scanned):
    assert not is_linear(re.compile(r"[a-z=]*=[a-z=]*;"), line("", "=", SIZES[1]), scanned[SIZES[1]])
