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
"""What a shape may cost of what a plain scan of the same text costs. One that grows with the square costs thousands."""

PLAIN_SCAN = re.compile(r"(?:[a-z]|[^a-z])*")
TOKEN = re.compile(r"\s+|[A-Za-z0-9]+|[^\sA-Za-z0-9]")


def test_every_sample_holds():
    assert [str(failure) for failure in samples.run(PARSERS, lambda: Engine(PARSERS, CATALOGUE, Identity()))] == []


def test_every_file_has_shapes_of_both_daemons():
    assert {"postfix", "dovecot"} <= set(PARSERS.products)
    assert len(ENTRIES) > 100


def messages(entry):
    for sample in entry.samples:
        opened = open_record(samples._record(sample.all_lines[-1], 0))
        yield redact_line(opened).message


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


def cost(regex, text, enough=0):
    """Return the least CPU time of five tries in ns, or of the first that is within ``enough``: other processes cannot make it more."""
    least = None
    for _ in range(5):
        begin = time.process_time_ns()
        regex.fullmatch(text)
        spent = time.process_time_ns() - begin
        least = spent if least is None else min(least, spent)
        if least <= enough:
            break
    return least


@pytest.fixture(scope="module")
def allowed():
    """What a line of each size may cost, by the same machine's plain scan."""
    return {size: TIMES_A_PLAIN_SCAN * cost(PLAIN_SCAN, line("", "aB", size)) for size in SIZES}


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.shape.name)
def test_the_time_of_a_shape_grows_linearly(entry, allowed):
    lines = list(hostile(entry))
    for size in SIZES:
        costs = [(cost(entry.pattern.regex, line(head, piece, size), allowed[size]), head, piece) for head, piece in lines]
        slowest = sorted(costs, reverse=True)
        assert slowest[0][0] <= allowed[size], f"{slowest[0][0] / 1e6:.0f} ms for {size} bytes of {slowest[0][1]!r} and {slowest[0][2]!r} again and again"
        lines = [(head, piece) for _, head, piece in slowest[:3]] if size == SIZES[1] else lines


def test_a_shape_that_grows_with_the_square_would_be_found(allowed):
    regex = re.compile(r"from=<[^;]*> to=<[^;]*> size=\d+")
    assert cost(regex, line("from=<", "> to=<", SIZES[2]), enough=1 << 62) > 2 * allowed[SIZES[2]]
