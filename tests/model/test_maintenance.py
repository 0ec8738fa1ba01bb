"""Maintenance windows: both forms, at the wall clock of the site."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.model.maintenance import _REMEMBERED, Windows
from collector.model.moment import since_epoch

VIENNA = "Europe/Vienna"


def at(text, zone="UTC"):
    return since_epoch(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)))


def test_a_window_of_one_night_holds_its_begin_and_not_its_end():
    windows = Windows(["2026-12-01T22:00/2026-12-02T02:00"], VIENNA)
    assert windows
    assert [windows.hold(at(text, VIENNA)) for text in ("2026-12-01T21:59:59", "2026-12-01T22:00", "2026-12-02T01:59:59", "2026-12-02T02:00")] == [False, True, True, False]
    assert windows.hold(at("2026-12-01T21:00:00"))
    assert not windows.hold(at("2026-12-02T01:00:00"))


def test_a_weekly_window_comes_every_week():
    windows = Windows(["Sun 02:00-04:00"])
    assert [windows.hold(at(f"2026-11-29T{time}")) for time in ("01:59:59.999", "02:00", "03:59", "04:00")] == [False, True, True, False]
    assert windows.hold(at("2031-01-05T03:00"))
    assert not windows.hold(at("2026-11-28T03:00"))


def test_a_weekly_window_may_pass_midnight_and_the_end_of_the_week():
    windows = Windows(["Sun 23:00-01:30", "Wed 12:00-12:00"])
    assert [windows.hold(at(text)) for text in ("2026-11-29T22:59", "2026-11-29T23:00", "2026-11-30T01:29", "2026-11-30T01:30")] == [False, True, True, False]
    assert [windows.hold(at(text)) for text in ("2026-11-25T11:59", "2026-11-25T12:00", "2026-11-26T11:59", "2026-11-26T12:00")] == [False, True, True, False]


def test_a_weekly_window_follows_the_clock_on_the_wall_through_summer_time():
    windows = Windows(["Sun 05:00-06:00"], VIENNA)
    assert windows.hold(at("2026-10-25T04:30"))  # winter time began two hours ago
    assert windows.hold(at("2026-10-18T03:30"))
    assert not windows.hold(at("2026-10-25T03:30"))


def test_no_window_holds_nothing():
    assert not Windows([])
    assert not Windows([]).hold(0)


@pytest.mark.parametrize(
    "text",
    ["", "Sunday 02:00-04:00", "sun 02:00-04:00", "Sun 2:00-4:00", "Sun 02:00-24:00", "Sun 02:60-04:00", "Sun 02:00", "Sun 02:00-04:00 ", "2026-12-01/2026-12-02",
     "2026-12-01T22:00Z/2026-12-02T02:00Z", "2026-12-02T02:00/2026-12-01T22:00", "2026-12-01T22:00/2026-12-01T22:00", "2026-13-01T22:00/2026-12-02T02:00", "Sun \u06602:00-04:00"],
)  # fmt: skip
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match=r"no maintenance window|ends before it begins|month must be"):
        Windows([text])


@given(st.integers(0, 7 * 24 * 60 - 1), st.integers(1, 24 * 60), st.integers(0, 20 * 365 * 24 * 60))
def test_a_weekly_window_is_as_long_as_it_says(begin, length, minute):
    first, last = (f"{one // 60 % 24:02}:{one % 60:02}" for one in (begin, begin + length))
    windows = Windows([f"{('Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun')[begin // 1440]} {first}-{last}"])
    monday = datetime(2026, 11, 23, tzinfo=UTC)
    when = monday + timedelta(minutes=minute)
    since = (minute - begin) % (7 * 24 * 60)
    assert windows.hold(since_epoch(when)) == (since < length)


def test_what_is_remembered_is_bounded_and_changes_nothing():
    windows = Windows(["Sun 02:00-04:00"])
    first = at("2026-11-29T02:00")
    for minute in range(_REMEMBERED + 200):
        assert windows.hold(first + minute * 60_000) == (minute % (7 * 24 * 60) < 120)
