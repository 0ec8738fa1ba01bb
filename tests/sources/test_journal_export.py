"""Any cut of the stream gives the same entries, and no length that it claims costs more memory than the cap."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.sources.journal_export import CAP, LONGEST_VALUE, BrokenExport, Export

WANTED = (b"MESSAGE", b"_PID")
NAMES = st.sampled_from([b"MESSAGE", b"_PID", b"OTHER", b"__CURSOR"])
VALUES = st.one_of(st.binary(max_size=40), st.sampled_from([b"", b"\n", b"\n\n", b"a=b", b"=", b"x" * CAP, b"y" * (CAP + 1), b"z" * (CAP + 9), b"\n" * (CAP + 2)]))


def written(fields):
    """An entry in export format: as text where that is possible and wanted."""
    out = b""
    for name, value, binary in fields:
        plain = b"\n" not in value and not binary
        out += name + b"=" + value + b"\n" if plain else name + b"\n" + len(value).to_bytes(8, "little") + value + b"\n"
    return out + b"\n"


def known(fields):
    found = {}
    for name, value, _ in fields:
        if name in WANTED:
            found.setdefault(name, value[: CAP + 1])
    return found


def read(stream, cuts=()):
    export, entries, at = Export(WANTED), [], 0
    for cut in [*sorted(cuts), len(stream)]:
        entries += export.feed(stream[at:cut])
        at = max(at, cut)
    return entries


@given(st.lists(st.lists(st.tuples(NAMES, VALUES, st.booleans()), min_size=1, max_size=4), max_size=4), st.data())
def test_any_cut_gives_the_entries_that_were_written(entries, data):
    stream = b"".join(map(written, entries))
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=8))
    assert read(stream, cuts) == [found for found in map(known, entries) if found]


@given(st.lists(st.tuples(NAMES, st.binary(max_size=12), st.booleans()), min_size=1, max_size=3))
def test_byte_by_byte(fields):
    stream = written(fields) * 2
    assert read(stream, range(len(stream))) == [found for found in [known(fields)] * 2 if found]


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=5))
def test_foreign_bytes_are_entries_or_refused_alike_however_they_are_cut(stream, cuts):
    def outcome(cuts):
        try:
            return read(stream, cuts)
        except BrokenExport as error:
            return type(error)

    assert outcome([cut for cut in cuts if cut < len(stream)]) == outcome(())


@pytest.mark.parametrize(
    "stream", [b"MESSAGE\n" + (LONGEST_VALUE + 1).to_bytes(8, "little"), b"MESSAGE\n\x02" + bytes(7) + b"abc", b"N" * 65 + b"\n", b"N" * 70000 + b"\n"]
)
def test_what_is_out_of_step_is_refused(stream):
    with pytest.raises(BrokenExport):
        read(stream)


@pytest.mark.parametrize("begin", [b"MESSAGE\n" + LONGEST_VALUE.to_bytes(8, "little"), b"MESSAGE="])
def test_a_value_without_end_costs_no_memory(begin):
    export = Export(WANTED)
    export.feed(begin)
    for _ in range(200):
        assert export.feed(b"x" * CAP) == []
        assert len(export._data) + len(export._value) + len(export._head or b"") <= 2 * CAP + 100
