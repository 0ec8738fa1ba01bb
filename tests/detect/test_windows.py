"""The tables of all rules: one budget, one order of giving up, one memory."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.detect import windows
from collector.detect.keys import Keys, Parts, shown
from collector.detect.operators import NOWHERE, Count, Distinct, InOrder, LastSeen, Panes, Together, newest
from collector.detect.windows import Windows
from collector.errors import SpoolError
from collector.model.identity import Identity
from tests.conformance.remembers import caught, conform
from tests.support.detection import NOON, catalogue, failure

COUNT, VALUES, SUM, BOTH, ORDER, SILENT = (bytes((number,)) * 8 for number in range(6))
SPAN = 60_000
KEYS = Keys(("source.ip",), Parts(catalogue(), Identity()))


def operators():
    return {
        COUNT: Count(5, SPAN),
        VALUES: Distinct(5, SPAN),
        SUM: Panes(5, SPAN, strict=False),
        BOTH: Together(2, SPAN),
        ORDER: InOrder(2, SPAN),
        SILENT: LastSeen(SPAN),
    }


def key(ip):
    [found] = KEYS.of(failure(NOON, ip), {})
    return found.narrow


def what(rule, number, stage):
    return {VALUES: bytes(7) + bytes((number % 4,)), SUM: 1.0}.get(rule, stage)


def rows(held):
    return {(rule, one): state for rule, table in held.tables.items() for one, state in table.rows.items()}


class World:
    """Windows and a clock, driven as the detector does."""

    def __init__(self, made=Windows, budget=1 << 30):
        self.windows = made(operators(), budget)
        self.clock = 0

    def add(self, rule, ip, time, number, stage=0):
        counted = self.windows.tables[rule].add(key(ip), time, number.to_bytes(16, "big"), what(rule, number, stage))
        return counted, list(self.windows.make_room(self.clock))

    def advance(self, time):
        if time > self.clock:
            self.windows.pass_time(self.clock, time)
            self.clock = time


def compared(world):
    held = world.windows
    members = {(rule, wide): sorted(members) for rule, table in held.tables.items() for wide, members in table._members.items()}
    return held, {**rows(held), "bytes": held.size.bytes, "members": members}


def story(count, seed, budget_story=False):
    """Steps of a busy hour: new and old keys, late events, collapsing networks, sweeps."""
    draw = random.Random(seed)

    def step(number):
        time = number * 700
        rule = draw.choice([COUNT, VALUES, SUM, BOTH, ORDER, SILENT])
        ip = draw.choice([f"203.0.113.{draw.randrange(40)}", f"2001:db8:{draw.randrange(2)}:{draw.randrange(12):x}::1", f"198.51.100.{draw.randrange(255)}"])
        late = time - draw.choice([0, 0, 0, 5000, 2 * SPAN])
        stage = draw.randrange(2)

        def run(world):
            world.advance(time)
            world.add(rule, ip, late, number, stage)

        return run

    return [step(number) for number in range(1, count)]


@pytest.fixture
def _small(monkeypatch):
    monkeypatch.setattr(windows, "PART", 300)
    monkeypatch.setattr(windows, "SIXTY_FOURS", 6)


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("budget", [1 << 30, 9000])
def test_conformance(budget):
    conform(lambda: World(budget=budget), story(600, 1), compared)


class ForgetsRemovals(Windows):
    def delta(self):
        for table in self.tables.values():
            for one in list(table.touched):
                if one not in table.rows:
                    del table.touched[one]
        return super().delta()


class ForgetsSweeps(Windows):
    def delta(self):
        for table in self.tables.values():
            table.swept = NOWHERE
        return super().delta()


class ReadsAheadInALap(Windows):
    def lap(self):
        parts = super().lap()
        coming = next(parts, None)
        while coming is not None:
            now, coming = coming, next(parts, None)
            yield now


class LosesTheLastPart(Windows):
    def lap(self):
        parts = list(super().lap())
        yield from parts[:-1]


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("defect", [ForgetsRemovals, ForgetsSweeps, ReadsAheadInALap, LosesTheLastPart])
def test_conformance_catches(defect):
    assert caught(lambda: World(defect, 9000), story(600, 1), compared)


@pytest.mark.usefixtures("_small")
@settings(deadline=None, max_examples=25)
@given(st.integers(0, 1000), st.integers(1, 200), st.sampled_from([1 << 30, 6000]))
def test_a_restart_anywhere_changes_nothing(seed, cut, budget):
    steps = story(260, seed)
    whole = World(budget=budget)
    for step in steps:
        step(whole)
    before = World(budget=budget)
    for step in steps[:cut]:
        step(before)
    after = World(budget=budget)
    after.windows.recall(filter(None, [before.windows.delta()]))
    after.clock = before.clock
    for step in steps[cut:]:
        step(after)
    assert compared(after)[1] == compared(whole)[1]


def test_the_budget_holds_and_what_goes_is_said():
    world = World(budget=20_000)
    given_up = 0
    for number in range(2000):
        _, lost = world.add(COUNT, f"203.0.{number % 200}.{number // 200}", NOON + number, number)
        given_up += sum(keys for _, keys in lost)
        assert world.windows.size.bytes <= 20_000
    assert given_up > 1500
    assert world.windows.size.bytes == sum(windows._cost(one, state) for (_, one), state in rows(world.windows).items())


def test_the_least_progress_goes_first():
    world = World(budget=20_000)
    for number in range(4):
        world.add(COUNT, "203.0.113.9", NOON, number)
    for number in range(2000):
        world.add(COUNT, f"198.51.{number % 200}.{number // 200}", NOON + 1 + number, number)
    holding, _ = world.add(COUNT, "203.0.113.9", NOON + 3000, 9999)
    assert holding is not None


def test_expired_keys_go_first_and_are_not_said():
    world = World(budget=20_000)
    for number in range(4):
        world.add(COUNT, "203.0.113.9", NOON, number)
    world.clock = NOON + SPAN + 1
    lost = []
    number = 0
    while key("203.0.113.9") in world.windows.tables[COUNT].rows:
        number += 1
        lost += world.add(COUNT, f"198.51.{number % 200}.{number // 200}", world.clock, number)[1]
    assert number < 200
    [(_, living)] = lost
    assert living == number // 16 - 1, "what is expired stands first in the sixteenth that goes"


def test_the_largest_table_gives_up():
    world = World(budget=20_000)
    world.add(VALUES, "203.0.113.9", NOON, 1)
    for number in range(500):
        _, lost = world.add(COUNT, f"198.51.{number % 200}.{number // 200}", NOON, number)
        assert {rule for rule, _ in lost} <= {COUNT}
    assert len(world.windows.tables[VALUES].rows) == 1


def test_more_than_256_networks_of_one_48_become_that_48():
    world = World()
    for number in range(windows.SIXTY_FOURS):
        world.add(COUNT, f"2001:db8:7:{number:x}::1", NOON + number, number)
    world.add(COUNT, "2001:db8:7:5::1", NOON + 500, 500)
    assert len(world.windows.tables[COUNT].rows) == 256
    world.add(COUNT, "2001:db8:7:ffff::1", NOON + 600, 600)
    table = world.windows.tables[COUNT]
    [counted] = table.rows
    assert shown(counted) == ("2001:db8:7::/48",)
    assert table.operator.view(table.rows[counted]).count == 3, "it goes on from the furthest of its /64s"
    assert [table.standing(key(ip)) == counted for ip in ("2001:db8:7:5::1", "2001:db8:8:5::1")] == [True, False]
    world.add(COUNT, "2001:db8:7:5::1", NOON + 700, 700)
    assert list(table.rows) == [counted]
    world.add(COUNT, "2001:db8:8:5::1", NOON + 800, 800)
    assert [shown(one) for one in table.rows] == [("2001:db8:7::/48",), ("2001:db8:8:5::/64",)]


def test_time_sweeps_what_is_two_timespans_old():
    world = World()
    world.advance(NOON)
    world.add(COUNT, "203.0.113.9", NOON, 1)
    world.advance(NOON + SPAN)
    world.advance(NOON + 2 * SPAN)
    assert len(world.windows.tables[COUNT].rows) == 1
    world.advance(NOON + 3 * SPAN)
    assert world.windows.tables[COUNT].rows == {}
    assert world.windows.size.bytes == 0


def test_windows_of_rules_that_are_gone_are_left_out():
    world = World()
    world.add(COUNT, "203.0.113.9", NOON, 1)
    world.add(VALUES, "203.0.113.9", NOON, 1)
    blob = world.windows.delta()
    fewer = Windows({VALUES: operators()[VALUES]}, 1 << 30)
    fewer.recall([blob])
    assert {rule for rule, _ in rows(fewer)} == {VALUES}
    assert newest(next(iter(fewer.tables[VALUES].rows.values()))) == NOON


def test_a_batch_is_one_small_blob():
    world = World()
    for number in range(1000):
        world.add(COUNT, f"198.51.{number % 250}.{number // 250}", NOON, number)
    assert len(world.windows.delta()) < 40_000
    assert world.windows.delta() == b""


def test_a_lap_comes_in_parts(monkeypatch):
    monkeypatch.setattr(windows, "PART", 1000)
    world = World()
    for number in range(500):
        world.add(COUNT, f"198.51.{number % 250}.{number // 250}", NOON, number)
    parts = list(world.windows.lap())
    assert len(parts) > 10
    assert max(map(len, parts)) < 1000 + 100
    again = World()
    again.windows.recall(parts)
    assert compared(again)[1] == compared(world)[1]


@pytest.mark.parametrize("blob", [b"\x02", b"", bytes((windows.VERSION,)) + b"short"])
def test_an_unknown_version_or_damage_is_refused(blob):
    with pytest.raises(SpoolError):
        Windows(operators(), 1 << 30).recall([blob])


def test_a_cut_row_is_refused():
    world = World()
    world.add(COUNT, "203.0.113.9", NOON, 1)
    blob = world.windows.delta()
    with pytest.raises(SpoolError, match="damaged"):
        World().windows.recall([blob[:-3]])
