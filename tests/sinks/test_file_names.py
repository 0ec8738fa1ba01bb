import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.sinks.file_names import DAY, FileName, aged, day, following

NOON = 1_795_521_600_000  # 2026-11-24T12:00:00Z
STREAM = "logs-mail.postfix-default"

names = st.builds(
    FileName,
    st.sampled_from([STREAM, "logs-mail.alert-default", "logs-mail.postfix-a-2026-01-01"]),
    st.dates().map(str),
    st.integers(0, 99_999),
    st.booleans(),
)


def test_how_files_are_called():
    assert str(FileName(STREAM, day(NOON))) == "logs-mail.postfix-default-2026-11-24.ndjson"
    assert str(FileName(STREAM, day(NOON), 2, compressed=True)) == "logs-mail.postfix-default-2026-11-24_0002.ndjson.gz"


@given(names)
def test_every_name_is_read_back(name):
    assert FileName.read(str(name)) == name


@pytest.mark.parametrize(
    "text",
    [
        "", "mail.log", "x-2026-13-01.ndjson", "x-2026-02-30.ndjson", "x-2026-11-24_0000.ndjson", "x-2026-11-24_01.ndjson", "x-2026-11-24_00001.ndjson", "../x-2026-11-24.ndjson",
        "x-2026-11-24.ndjson\n", "-2026-11-24.ndjson", ".x-2026-11-24.ndjson", "x-2026-11-24.ndjson.bak", "x-٢٠٢٦-11-24.ndjson",
    ],
)  # fmt: skip
def test_what_no_sink_wrote_is_left_alone(text):
    assert FileName.read(text) is None


def test_a_listing_shows_them_in_order():
    files = [FileName(STREAM, day(NOON + days * DAY), part) for days in range(2) for part in (0, 1, 2, 10, 9999)]
    assert sorted(files) == files
    assert sorted(map(str, files)) == list(map(str, files))


@given(st.text())
def test_any_name_is_read_or_left_alone(text):
    name = FileName.read(text)
    assert name is None or str(name) == text


@given(st.lists(names), st.integers(0, 4_000_000_000_000), st.booleans())
def test_a_new_file_sorts_behind_all_of_its_stream_whatever_the_clock_says(present, now, compressed):
    new = following(present, STREAM, now, compressed=compressed)
    assert all(new > name for name in present if name.stream == STREAM)
    assert new.compressed == compressed
    assert new.day >= day(now)


def test_days_age_and_the_newest_of_a_quiet_stream_ages_too():
    old, edge, young = (FileName(STREAM, day(NOON - days * DAY)) for days in (8, 7, 0))
    quiet = FileName("logs-mail.report-default", day(NOON - 30 * DAY))
    assert set(aged({old: 1, edge: 1, young: 1, quiet: 1}, NOON, 7 * DAY, None)) == {old, quiet}
    assert aged({old: 1, edge: 1, young: 1, quiet: 1}, NOON, None, None) == []


def test_for_their_size_the_oldest_go_first_but_never_what_is_being_written():
    today = day(NOON)
    yesterday = [FileName(STREAM, day(NOON - DAY)), FileName("logs-mail.alert-default", day(NOON - DAY))]
    parts = [FileName(STREAM, today, part) for part in range(3)]
    sizes = dict.fromkeys([*yesterday, *parts], 10)
    assert aged(sizes, NOON, None, 50) == []
    assert aged(sizes, NOON, None, 49) == [yesterday[0]]
    assert aged(sizes, NOON, None, 30) == [yesterday[0], parts[0]]
    assert aged(sizes, NOON, None, 1) == [yesterday[0], parts[0], parts[1]]


@given(st.dictionaries(names, st.integers(0, 100)), st.integers(0, 400) | st.none(), st.integers(1, 300))
def test_ageing_by_size_keeps_to_the_limit_or_keeps_only_the_newest(sizes, days, limit):
    keep = None if days is None else days * DAY
    left = sizes.keys() - set(aged(sizes, NOON, keep, limit))
    newest = {name.stream: name for name in sorted(name for name in sizes if keep is None or name.ends + keep > NOON)}
    assert sum(sizes[name] for name in left) <= limit or left <= set(newest.values())
