"""Milliseconds, text and spans."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.model.moment import in_words, iso, moment, passed, since_epoch, span

MS = st.integers(-62_135_596_800_000, 253_402_300_799_999)


@given(MS)
def test_a_moment_keeps_its_milliseconds(ms):
    assert since_epoch(moment(ms)) == ms
    assert moment(ms).tzinfo is UTC


@given(MS)
def test_iso_text_reads_back(ms):
    assert since_epoch(datetime.fromisoformat(iso(ms))) == ms


def test_a_zone_changes_the_clock_and_not_the_moment():
    vienna = timezone(timedelta(hours=1))
    assert since_epoch(datetime(2026, 11, 24, 11, 0, tzinfo=vienna)) == since_epoch(datetime(2026, 11, 24, 10, 0, tzinfo=UTC)) == 1795514400000
    assert iso(1795514400007) == "2026-11-24T10:00:00.007Z"


def test_a_year_has_four_digits():
    assert iso(since_epoch(datetime(202, 1, 1, tzinfo=UTC))) == "0202-01-01T00:00:00.000Z"


@pytest.mark.parametrize(("text", "ms"), [("250ms", 250), ("90s", 90_000), ("10m", 600_000), ("4h", 14_400_000), ("30d", 2_592_000_000), ("0s", 0)])
def test_spans(text, ms):
    assert span(text) == ms


@pytest.mark.parametrize("text", ["", "10", "m", "1.5h", "-1s", "10 m", "1M", "1w", "10m\n", "1h30m", "\u0661s"])
def test_what_is_no_span_is_refused(text):
    with pytest.raises(ValueError, match="no span of time"):
        span(text)


@pytest.mark.parametrize(("ms", "words"), [(600_000, "10 min"), (7_200_000, "2 h"), (86_400_000, "1 d"), (45_000, "45 s"), (90_000, "90 s"), (1_500, "1.5 s"), (0, "0 s")])
def test_spans_for_people(ms, words):
    assert in_words(ms) == words


@pytest.mark.parametrize(("now", "answer"), [(1000, False), (1499, False), (1500, True), (9999, True), (501, False), (500, True), (-5, True)])
def test_time_has_passed_in_either_direction(now, answer):
    assert passed(1000, now, 500) is answer
