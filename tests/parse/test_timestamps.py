from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.parse.timestamps import rfc3164, rfc3339


def ms(*when):
    return int(datetime(*when, tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-24T11:48:11.419676+00:00", ms(2026, 11, 24, 11, 48, 11) + 419),
        ("2026-11-24T11:48:11Z", ms(2026, 11, 24, 11, 48, 11)),
        ("2026-11-24T12:48:11.5+01:00", ms(2026, 11, 24, 11, 48, 11) + 500),
        ("2026-11-24T06:18:11.123456789-05:30", ms(2026, 11, 24, 11, 48, 11) + 123),
    ],
)
def test_a_stamp_with_year_and_offset_is_exact(text, expected):
    assert rfc3339(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-24T11:48:11",
        "2026-13-01T00:00:00Z",
        "2026-11-24T11:48:60Z",
        "0001-01-01T00:00:00+12:00",
        "9999-12-31T23:59:59-12:00",
        "0202-01-01T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "",
        "now",
    ],
)
def test_what_is_no_moment_is_none(text):
    assert rfc3339(text) is None


@pytest.mark.parametrize(
    ("stamp", "near", "expected"),
    [
        (("Dec", "31", "23:59:58"), ms(2027, 1, 1, 0, 0, 5), ms(2026, 12, 31, 23, 59, 58)),
        (("Jan", "1", "00:00:01"), ms(2027, 1, 1, 0, 0, 5), ms(2027, 1, 1, 0, 0, 1)),
        (("Jan", "01", "00:00:01"), ms(2026, 12, 31, 23, 59, 0), ms(2027, 1, 1, 0, 0, 1)),
        (("Dec", "24", "10:00:00"), ms(2027, 1, 20, 0, 0, 0), ms(2026, 12, 24, 10, 0, 0)),
        (("Nov", "25", "09:00:00"), ms(2026, 11, 24, 10, 0, 0), ms(2026, 11, 25, 9, 0, 0)),
        (("Nov", "26", "11:00:00"), ms(2026, 11, 24, 10, 0, 0), ms(2025, 11, 26, 11, 0, 0)),
        (("Feb", "29", "12:00:00"), ms(2028, 3, 1, 0, 0, 0), ms(2028, 2, 29, 12, 0, 0)),
        (("Feb", "29", "12:00:00"), ms(2027, 3, 1, 0, 0, 0), ms(2024, 2, 29, 12, 0, 0)),
        (("Feb", "29", "12:00:00"), ms(1903, 3, 1, 0, 0, 0), ms(1896, 2, 29, 12, 0, 0)),
    ],
)
def test_the_year_is_the_nearest_that_is_at_most_a_day_ahead(stamp, near, expected):
    assert rfc3164(*stamp, near, "UTC") == expected


def test_a_zone_is_the_sources():
    assert rfc3164("Jul", "1", "12:00:00", ms(2026, 7, 1, 12, 0, 0), "Europe/Vienna") == ms(2026, 7, 1, 10, 0, 0)


def test_an_hour_that_stands_twice_and_one_that_is_missing_are_read_with_the_offset_before():
    near = ms(2026, 12, 1, 0, 0, 0)
    assert rfc3164("Oct", "25", "02:30:00", near, "Europe/Vienna") == ms(2026, 10, 25, 0, 30, 0)
    assert rfc3164("Mar", "29", "02:30:00", near, "Europe/Vienna") == ms(2026, 3, 29, 1, 30, 0)


@pytest.mark.parametrize("stamp", ["Okt 1 10:00:00", "Nov 31 10:00:00", "Nov 0 10:00:00", "Nov 1 24:00:00", "Nov 1 10:60:00", "Nov 1 10:00:60"])
def test_what_the_calendar_does_not_know_is_none(stamp):
    assert rfc3164(*stamp.split(), ms(2026, 11, 24, 0, 0, 0), "UTC") is None


@given(st.integers(631_152_000, 4_102_444_800), st.integers(-363 * 86_400_000, 86_400_000))
def test_any_stamp_comes_back_while_its_age_is_less_than_a_year(second, ahead):
    when = datetime.fromtimestamp(second, UTC)
    stamp = second * 1000
    assert rfc3164(f"{when:%b}", f"{when.day}", f"{when:%H:%M:%S}", stamp - ahead, "UTC") == stamp
