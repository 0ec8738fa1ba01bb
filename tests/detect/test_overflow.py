"""The clock, and what a full table says about itself."""

import pytest

from collector.detect.dues import Dues
from collector.detect.overflow import HOUR, KIND, Clock
from tests.conformance.remembers import caught, conform
from tests.support.detection import FAILURE, NOON, bf_ip, correlation, rules

SPRAY = correlation("spray", "value_count", ["auth_failure"], ["source.ip"], "30m", {"field": "user.name", "gte": 4})
RULES = tuple(rules(FAILURE, bf_ip(), SPRAY).rules.values())
LOGIC = {rule.name: rule.facts.logic for rule in RULES}


class World:
    def __init__(self, made=Clock):
        self.dues = Dues()
        self.clock = made(self.dues, RULES)

    def until(self, time):
        facts = [fact for due, (_, logic) in self.dues.until(time) for fact in self.clock.due(logic, due)]
        self.clock.now = time
        return facts


def test_the_clock_begins_at_nothing_and_is_remembered():
    world = World()
    assert world.clock.now == 0
    world.clock.now = NOON
    again = World()
    again.clock.recall([world.clock.delta()])
    assert again.clock.now == NOON


def test_it_is_told_when_it_begins_and_each_hour_while_it_lasts():
    world = World()
    world.until(NOON)
    [begun] = world.clock.given_up(LOGIC["bf_ip"], 5)
    assert (begun.action, begun.time, begun.fields["mail.detector.keys"]) == ("detector-overflow", NOON, 5)
    assert begun.fields["mail.detector.since"] == "2026-11-24T12:00:00.000Z"
    world.until(NOON + 1)
    assert world.clock.given_up(LOGIC["bf_ip"], 7) == []
    assert [(fact.time, fact.fields["mail.detector.keys"]) for fact in world.until(NOON + HOUR)] == [(NOON + HOUR, 12)]
    assert world.until(NOON + 9 * HOUR) == []
    assert [fact.fields["mail.detector.keys"] for fact in world.clock.given_up(LOGIC["bf_ip"], 1)] == [1], "another overflow"


def test_rules_overflow_apart():
    world = World()
    assert [world.clock.given_up(LOGIC[name], 1)[0].fields["rule.id"] for name in ("bf_ip", "spray")] == ["bf_ip", "spray"]


def test_a_rule_that_is_gone_is_forgotten():
    world = World()
    world.clock["ab" * 8] = {"since": 1, "keys": 1, "told": 1, "due": 2}
    again = World()
    again.clock.recall([world.clock.delta()])
    assert list(again.clock) == []
    assert again.dues._due == {}


def compared(world):
    return world.clock, (world.clock.now, dict(world.clock), sorted(world.dues._due.items()))


def step(number):
    def run(world):
        world.until(NOON + number * 700_000)
        if number % 20 < 8:
            world.clock.given_up(LOGIC["bf_ip" if number % 3 else "spray"], number)

    return run


STEPS = [step(number) for number in range(200)]


def test_conformance():
    conform(World, STEPS, compared)


class ForgetsTheClock(Clock):
    def delta(self):
        self.now, now = 0, self.now
        blob = super().delta()
        self.now = now
        return blob


class ForgetsDues(Clock):
    def recall(self, blobs):
        super().recall(blobs)
        self._dues.forget(KIND)


@pytest.mark.parametrize("defect", [ForgetsTheClock, ForgetsDues])
def test_conformance_catches(defect):
    assert caught(lambda: World(defect), STEPS, compared)
