"""Episodes: never an alert a line, never silence about what went on."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.detect import suppress
from collector.detect.dues import Dues
from collector.detect.suppress import Episodes, Found, Match
from collector.model import state as memory
from tests.conformance.remembers import caught, conform
from tests.support.detection import FAILURE, HOUR, MINUTE, NOON, bf_ip, rules


def rule(**block):
    return rules(FAILURE, bf_ip(suppress={"for": "1h", "repeat": ["15m", "30m"], **block})).rules["bf_ip"]


RULE = rule()


class World:
    def __init__(self, made=Episodes, known=(RULE,)):
        self.dues = Dues()
        self.episodes = made(self.dues, known)

    def match(self, clock, key="203.0.113.9", count=3, rule=RULE):
        ident = f"{clock:032x}"
        found = Found(ident, clock, count, clock - 10, clock, [ident], [("source.ip", key)], {"source.ip": key}, ["authentication"], "failure", distinct=2, total=1.5)
        return self.episodes.matched(rule, (key,), clock, Match(clock - 10, clock, [ident], lambda: found))

    def until(self, time):
        return [one for due, (_, ident) in self.dues.until(time) for one in self.episodes.end(ident, due)]


def told(statements):
    return [(one.step, one.time - NOON, one.found.count, one.news) for one in statements]


def test_an_episode_opens_at_once_repeats_at_its_steps_and_ends():
    world = World()
    said = []
    for minute in range(41):
        said += world.match(NOON + minute * MINUTE)
    said += world.until(NOON + 9 * HOUR)
    assert told(said) == [("0", 0, 3, 3), ("1", 15 * MINUTE, 18, 15), ("2", 30 * MINUTE, 33, 15), ("end", 40 * MINUTE + HOUR, 43, 10)]
    assert len(world.episodes) == 0


def test_an_end_that_has_nothing_to_add_is_not_said():
    world = World()
    assert told(world.match(NOON)) == [("0", 0, 3, 3)]
    assert world.until(NOON + HOUR) == []
    assert told(world.match(NOON + HOUR)) == [("0", HOUR, 3, 3)]


def test_a_repeat_needs_a_match_and_passed_steps_are_one():
    world = World()
    world.match(NOON)
    assert world.until(NOON + 45 * MINUTE) == []
    assert told(world.match(NOON + 45 * MINUTE)) == [("2", 45 * MINUTE, 4, 1)]


def test_the_quiet_time_counts_from_the_last_match():
    quiet = rule(repeat=[])
    world = World(known=(quiet,))
    world.match(NOON, rule=quiet)
    world.match(NOON + 59 * MINUTE, rule=quiet)
    assert world.until(NOON + 2 * HOUR - MINUTE - 1) == []
    assert told(world.until(NOON + 2 * HOUR - MINUTE)) == [("end", 2 * HOUR - MINUTE, 4, 1)]


def test_keys_and_rules_have_episodes_of_their_own():
    other = rules(FAILURE, bf_ip(version=2)).rules["bf_ip"]
    world = World(known=(RULE, other))
    assert [one.step for one in (*world.match(NOON, "a"), *world.match(NOON, "b"), *world.match(NOON, "a", rule=other))] == ["0", "0", "0"]


def test_what_an_episode_came_to_is_kept_together():
    world = World()
    for number in range(30):
        said = world.match(NOON + number)
    said = world.until(NOON + 9 * HOUR)
    found = said[0].found
    assert (found.first, found.last, len(found.ids)) == (NOON - 10, NOON + 29, 10)
    assert found.ids[0] == f"{NOON + 29:032x}"
    assert found.opening == f"{NOON:032x}"
    assert said[0].values == ("203.0.113.9",)


def test_beyond_the_limit_the_oldest_is_closed_with_its_summary(monkeypatch):
    monkeypatch.setattr(suppress, "OPEN", 3)
    world = World()
    world.match(NOON, "b")
    world.match(NOON + 1, "b")
    for number in range(3):
        said = world.match(NOON + 2 + number, f"c{number}")
    assert [(one.step, one.found.group[0][1]) for one in said] == [("end", "b"), ("0", "c2")]
    assert len(world.episodes) == 3


def test_episodes_of_rules_that_are_gone_are_forgotten():
    world = World()
    world.match(NOON)
    again = World(known=())
    again.episodes.recall([world.episodes.delta()])
    assert len(again.episodes) == 0
    assert again.until(NOON + 9 * HOUR) == []
    assert again.episodes.delta() != b"", "their rows go with the next commit"


def compared(world):
    return world.episodes, ({ident: repr(one) for ident, one in world.episodes.items()}, sorted(world.dues._due.items()), sorted(world.episodes._oldest._due.items()))


def steps(seed, count):
    draw = random.Random(seed)
    clock = NOON
    for _ in range(count):
        clock += draw.choice([0, MINUTE, 20 * MINUTE])
        key = draw.choice("abcdef")
        yield lambda world, clock=clock, key=key: (world.until(clock), world.match(clock, key))


@pytest.fixture
def _small(monkeypatch):
    monkeypatch.setattr(suppress, "OPEN", 4)
    monkeypatch.setattr(memory, "PART", 400)


@pytest.mark.usefixtures("_small")
def test_conformance():
    conform(World, steps(1, 300), compared)


class ForgetsGrowth(Episodes):
    def touch(self, key):
        pass


class ForgetsEnds(Episodes):
    def discard(self, key):
        self.pop(key, None)


class ForgetsDues(Episodes):
    def recall(self, blobs):
        super().recall(blobs)
        self._dues.forget("episode")


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("defect", [ForgetsGrowth, ForgetsEnds, ForgetsDues])
def test_conformance_catches(defect):
    assert caught(lambda: World(defect), steps(1, 300), compared)


@given(st.lists(st.integers(0, 40 * MINUTE), min_size=1, max_size=40))
def test_every_match_is_told_in_the_end(gaps):
    world, clock, said = World(), NOON, []
    for gap in gaps:
        clock += gap
        said += world.until(clock)
        said += world.match(clock)
    said += world.until(clock + 9 * HOUR)
    openings = sum(one.step == "0" for one in said)
    assert sum(one.news for one in said) == 3 * openings + (len(gaps) - openings)
