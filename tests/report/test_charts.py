import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.report import charts
from collector.report.summary import summarise


@given(st.integers(0, 10**12))
def test_the_top_of_a_scale_is_round_near_and_has_whole_parts(most):
    top = charts.ceiling(most)
    assert most <= top <= max(charts.TICKS, 2 * most)
    assert top % charts.TICKS == 0


def test_bars_stand_on_the_ground_and_on_each_other(bad_day):
    _, _, summary = bad_day
    drawn = charts.hours(summary)
    top = drawn.ticks[-1][1]
    for column in drawn.columns:
        assert 0 <= column.x < column.x + column.width <= 100
        ground = 100.0
        for part in column.parts:
            assert part.y + part.height == pytest.approx(ground)
            ground = part.y
        assert 100 - ground == pytest.approx(100 * sum(column.bar.counts) / top)
    assert drawn.ticks[0] == (100, 0)
    assert drawn.labels[0][1] == summary.start


def test_every_alert_is_a_point_of_its_lane(bad_day):
    _, _, summary = bad_day
    lanes = charts.lanes(summary)
    assert {alert.number for lane in lanes for _, alert in lane.points} == {alert.number for alert in summary.alerts}
    assert all(0 <= x <= 100 and alert.level == lane.level for lane in lanes for x, alert in lane.points)


def test_nothing_can_be_drawn(catalogue):
    drawn = charts.hours(summarise({}, (), catalogue))
    assert [column.parts for column in drawn.columns] == [()]
