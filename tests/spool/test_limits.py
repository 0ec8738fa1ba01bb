import pytest

from collector.spool.limits import MIB, Limits, judge

DISK = 100 * 1024 * MIB


def look(limits, waiting, before=0.0, free=DISK, ballast=True, disk=DISK):
    return judge(limits, waiting, free, disk, ballast=ballast, before=before)


def test_the_defaults_are_those_of_the_format():
    limits = Limits()
    assert (limits.max_bytes, limits.reserve, limits.ballast, limits.dead_letter_bytes, limits.lap) == (1 << 30, 16 * MIB, 16 * MIB, 64 * MIB, 8 * MIB)
    assert (limits.alert_days, limits.position_days, limits.overflow) == (30, 30, "stop")


@pytest.mark.parametrize(("disk", "wanted"), [(1000 * MIB, 50 * MIB), (5120 * MIB, 256 * MIB), (DISK, 256 * MIB)])
def test_a_twentieth_of_a_small_disk_stays_free_and_256_mib_of_a_large_one(disk, wanted):
    assert Limits().free_wanted(disk) == wanted
    assert Limits(min_free=7).free_wanted(disk) == 7


def test_reading_stops_at_the_limit_and_with_alerts_only_at_the_end_of_the_reserve():
    stop, alerts = Limits(max_bytes=100, reserve=10), Limits(max_bytes=100, reserve=10, overflow="alerts_only")
    assert [look(stop, waiting).read for waiting in (99, 100)] == [True, False]
    assert [look(alerts, waiting).read for waiting in (100, 109, 110)] == [True, True, False]
    assert look(stop, 100).reason == "spool"


def test_reading_stops_without_ballast_and_without_free_space():
    assert look(Limits(), 0, ballast=False).reason == "disk"
    assert look(Limits(min_free=10), 0, free=9).reason == "disk"
    assert look(Limits(min_free=10), 0, free=10).read


def test_each_level_is_told_once_until_the_spool_has_fallen_below_it():
    limits = Limits(max_bytes=100)
    percent, told = 0.0, []
    for waiting in (49, 50, 60, 85, 81, 79, 49, 90):
        room = look(limits, waiting, percent)
        percent = room.percent
        told.append((room.crossed, room.cleared))
    assert told == [((), ()), ((50,), ()), ((), ()), ((80,), ()), ((), ()), ((), (80,)), ((), (50,)), ((50, 80), ())]
