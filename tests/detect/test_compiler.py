"""A compiled judge and the plain one: the same alerts, the same windows, episodes, evidence and counts, whatever comes."""

import random
import traceback
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.agent import assembly
from collector.config import load
from collector.detect import compiler
from collector.detect.condition import Reference
from collector.detect.engine import Detector
from collector.detect.predicates import Among, Compares, Either, Equals, Part, Whole
from collector.model.event import Event
from collector.model.finding import Births
from collector.model.identity import Identity
from collector.model.record import SourceInfo
from collector.model.shape import Carried, Shape
from collector.pipeline.replay import Whole as WholeSource
from collector.sources.whole import read_whole
from tests.support.detection import (
    FAILURE,
    HOUR,
    MINUTE,
    NOON,
    SECOND,
    SUCCESS,
    bf_ip,
    catalogue,
    correlation,
    detection,
    detector,
    event,
    exception,
    failure,
    rules,
)
from tests.support.lab import LAB, NEAR, RUNS, content


class Pair:
    """A compiled and a plain detector that hear the same."""

    def __init__(self, fresh):
        self.compiled, self.plain = fresh(compiled=True), fresh(compiled=False)
        self.said = 0

    def hear(self, key, *events):
        said = [[*held.advance(key), *(one for event in events for one in held.see(event))] for held in (self.compiled, self.plain)]
        assert said[0] == said[1], events
        self.said += len(said[0])

    def compare(self):
        assert self.compiled.keyless == self.plain.keyless
        assert self.compiled.exceptions.counts == self.plain.exceptions.counts
        assert self.compiled.windows.size.bytes == self.plain.windows.size.bytes
        for one, other in zip(self.compiled.memories, self.plain.memories, strict=True):
            assert one.delta() == other.delta(), one.name


def pair(*documents, **more):
    loaded = rules(*documents)
    return Pair(lambda compiled: Detector(loaded, catalogue(), Identity(), compiled=compiled, **more))


# a pack with every way to feed a window

REJECTED = detection("rejected", {"event.action": "smtp-reject", "mail.reject.class|exists": True})
QUEUED = detection("queued", {"event.action": "queue-active"})
OFTEN = {"by": ["user.name", "host.name"], "for": "10m", "repeat": ["1m"]}
ODD = detection("odd", {"event.action": "auth-failure", "user.name|startswith": ["u1", "u3"]}, level="low", suppress=OFTEN)
BASE = {"gte": 3}
PACK = (
    FAILURE, SUCCESS, REJECTED, QUEUED, ODD,
    bf_ip(suppress={"for": "2m", "repeat": ["1m"]}),
    correlation("bf_user_ip", "event_count", ["auth_failure"], ["user.name", "source.ip"], "30m", BASE, level="informational"),
    correlation("bf_success", "temporal_ordered", ["bf_user_ip", "auth_success"], ["user.name", "source.ip"], "30m"),
    correlation("twice", "temporal_ordered", ["auth_failure", "odd"], ["source.ip"], "10m"),
    correlation("both", "temporal", ["auth_failure", "rejected", "auth_success"], ["source.ip"], "10m", suppress={"by": ["host.name"]}),
    correlation("either", "event_count", ["auth_failure", "odd", "rejected"], ["host.name"], "1m", {"gte": 4}),
    correlation("spray", "value_count", ["auth_failure"], ["source.ip"], "30m", {"field": "user.name", "gte": 4}),
    correlation("per_recipient", "event_count", ["rejected"], ["email.to.address"], "10m", {"gte": 2}),
    correlation("recipients", "value_count", ["rejected"], ["source.ip"], "10m", {"field": "email.to.address", "gte": 3}),
    correlation("after_recipient", "temporal", ["per_recipient", "auth_failure"], ["source.ip"], "10m"),
    correlation("volume", "value_sum", ["queued"], ["user.name"], "1h", {"field": "mail.nrcpt", "gt": 20}),
    correlation("everything", "event_count", ["auth_failure"], [], "2m", BASE),
    detection("silence", {"event.action": ["auth-failure", "auth-success"]}, level="high", stateful={"type": "absence", "by": ["host.name"], "window": "15m"}),
    detection("quiet_recipient", {"event.action": "smtp-reject"}, level="high", stateful={"type": "absence", "by": ["email.to.address"], "window": "5m"}),
    exception("office", ["bf_ip", "odd"], {"source.ip|cidr": "203.0.113.0/31"}),
    exception("anyone", "any", {"user.name": "u4"}),
)  # fmt: skip
"""Exceptions say nothing to shapes without their fields, and something to others."""


def story(seed, count):
    draw = random.Random(seed)
    now = NOON
    optional = {
        "source.ip": lambda: draw.choice([f"203.0.113.{draw.randrange(4)}", f"2001:db8:0:{draw.randrange(3):x}::7", "unknown"]),
        "user.name": lambda: f"u{draw.randrange(5)}",
        "email.to.address": lambda: [f"r{draw.randrange(4)}@example.org" for _ in range(draw.randrange(4))],
        "mail.reject.class": lambda: "relay-denied",
        "mail.nrcpt": lambda: draw.randrange(9),
    }
    actions = {
        "auth-failure": ("source.ip", "user.name"),
        "auth-success": ("source.ip", "user.name"),
        "smtp-reject": ("source.ip", "email.to.address", "mail.reject.class"),
        "queue-active": ("user.name", "mail.nrcpt"),
    }
    for number in range(count):
        now += 16 * MINUTE if number % 60 == 59 else draw.choice([0, 100, 5 * SECOND, 40 * SECOND])
        time = now - draw.choice([0, 0, 0, 3 * SECOND, 5 * MINUTE, 2 * HOUR, -2 * MINUTE, -HOUR])
        action = draw.choice(sorted(actions))
        fields = {name: optional[name]() for name in actions[action] if draw.random() < 0.85}
        if draw.random() < 0.1:
            fields["host.name"] = None
        yield now, event(action, time, {"host.name": f"mx{draw.randrange(2)}", **fields}, ident=(seed, number))


@settings(deadline=None, max_examples=12)
@given(st.integers(0, 10_000), st.sampled_from([1 << 22, 9000]))
def test_every_way_to_feed_a_window(seed, budget):
    heard = pair(*PACK, window_bytes=budget, ring_bytes=4000)
    for number, (now, one) in enumerate(story(seed, 240)):
        heard.hear(now, one)
        if number % 7 == 0:
            heard.compare()
    heard.hear(NOON + 900 * HOUR)
    heard.compare()


def test_the_story_is_worth_comparing():
    held = detector(*PACK)
    said = set()
    for seed in range(8):
        for now, one in story(seed, 240):
            said |= {alert.rule.name for alert in (*held.advance(now), *held.see(one))}
        for memory in held.memories:
            memory.recall([])
    assert said == set(held.rules.active)
    assert held.exceptions.counts["office"] > 0 < held.exceptions.counts["anyone"]
    assert all(held.keyless[name] for name in ("bf_ip", "bf_user_ip", "spray", "volume", "per_recipient"))


# the shipped rules, all of them on, with the lab's numbers and site


@cache
def everything():
    overlay = load.overlay(LAB)
    names = tuple(content().rules.rules)
    return assembly.load_content((LAB,), overlay.model_copy(update={"enable": names}))


def shipped():
    return Pair(lambda compiled: Detector(everything().rules, everything().catalogue, Identity(), compiled=compiled))


@cache
def lab(run):
    """What a run's files become, one step a record: the key and the events."""
    pipeline = assembly.road(everything(), Identity(), live=False)
    for name in RUNS[run]:
        path = str(LAB / run / name)
        pipeline.merge.add(path, WholeSource(read_whole(path, SourceInfo(path, path=path, host="mx1"), NEAR)))
    return [(taken.key, pipeline.engine.read(taken.opened)) for taken in pipeline.merge.take(0, 1 << 30)]


@pytest.mark.parametrize("run", RUNS)
def test_the_lab(run):
    heard = shipped()
    for number, (key, events) in enumerate(lab(run)):
        heard.hear(key, *events)
        if number % 500 == 0:
            heard.compare()
    heard.hear(lab(run)[-1][0] + HOUR)
    heard.compare()
    assert heard.said > 30


@pytest.mark.parametrize("run", RUNS)
def test_events_carry_what_their_shapes_say(run):
    """What judges are compiled from: no event has a field that its shape does not name, no tag one that is not common, none but arrays are lists."""
    known = everything().catalogue
    for _, events in lab(run):
        for one in events:
            assert one.tag.keys() <= known.common
            assert one.dynamic.keys() <= one.shape.fields.keys() | one.shape.static.keys() | known.common
            for name, value in one.fields.items():
                assert isinstance(value, list) == known.fields[name].array, name
                assert name in known.common or one.shape.static.get(name, value) == value, name


def texts(predicate):
    """Yield values that a predicate may hold for."""
    match predicate:
        case Whole() | Part():
            yield from (predicate.text, f"x{predicate.text}", f"{predicate.text}x")
        case Among():
            yield from sorted(predicate.texts)
        case Equals():
            yield predicate.number
        case Compares():
            yield from (predicate.bound, predicate.bound + 1)
        case Either():
            for part in predicate.parts:
                yield from texts(part)


@cache
def asked():
    """Field -> values that shipped rules ask for."""
    found = {}
    for rule in everything().rules.rules.values():
        for leaf in rule.node.leaves() if rule.node is not None else ():
            if not isinstance(leaf, Reference):
                found.setdefault(leaf.field, []).extend(texts(leaf.match))
    return found


BY_TYPE = {
    "ip": ["203.0.113.9", "127.0.0.1", "2001:db8::1"],
    "boolean": [True, False],
    "long": [0, 7, 1 << 40],
    "float": [0.5, 12.0],
    "date": ["2026-11-24T12:00:00.000Z"],
}


def value(name, draw):
    definition = everything().catalogue.fields[name]
    pool = [*definition.values, *([] if definition.type in BY_TYPE else asked().get(name, [])), *BY_TYPE.get(definition.type, ["x", "mx1.example.org"])]
    return [draw.choice(pool) for _ in range(draw.randrange(3))] if definition.array else draw.choice(pool)


def shapes():
    found = list(everything().parsers.shapes)
    known = everything().catalogue
    return found + [known.shape(f"born.{action}", action, stream) for action, definition in known.actions.items() for stream in definition.stream]


def test_every_shape_with_each_field_there_and_not_there():
    draw, heard, number = random.Random(1), shipped(), 0
    for shape in shapes():
        judged = heard.compiled.compiled(shape) is not None
        names = sorted(shape.fields)
        for lacking in [None, *names] if judged else [None]:
            for _ in range(3):
                number += 1
                fields = {name: value(name, draw) for name in names if name != lacking and draw.random() < 0.9}
                tag = {"host.name": "mx1", "service.type": draw.choice(["postfix", "dovecot", "rspamd"]), "service.name": "x"}
                time = NOON + number * SECOND
                heard.hear(time, Event(number.to_bytes(16, "big").hex(), time, shape, {"event.original": f"line {number}", **fields}, tag))
        if number % 50 == 0:
            heard.compare()
    heard.compare()
    assert heard.said > 100


def test_every_rule_is_judged_by_some_shape():
    held = shipped().compiled
    touched = {name for shape in shapes() if (found := held.compiled(shape)) is not None for name in found.rules}
    assert touched == set(everything().rules.needed)


# what is made of a shape


def source(*documents, shape, **settings):
    found = detector(*documents, **settings).compiled(shape)
    return None if found is None else found.source


def shape_of(action, **more):
    return catalogue().shape("born", action, catalogue().actions[action].stream[0], **more)


def test_a_shape_that_no_rule_can_touch_has_no_judge():
    assert source(FAILURE, bf_ip(), shape=shape_of("auth-success")) is None
    plaintext = detection("plaintext", {"event.action": "auth-failure", "tls.established": False}, level="low")
    assert source(plaintext, shape=shape_of("auth-failure", extra={"tls.established": True})) is None
    assert source(plaintext, shape=Shape("bare", "auth-failure", "dovecot", {"event.action": "auth-failure"}, {})) is None
    assert source(plaintext, shape=shape_of("auth-failure", extra={"tls.established": False})) is not None


def test_a_judge_reads_what_is_needed_and_no_more():
    text = source(FAILURE, bf_ip(), shape=shape_of("auth-failure"))
    assert "get('source.ip')" in text
    assert "user.name" not in text
    assert "event.action" not in text


def test_a_window_whose_key_no_event_has_counts_it_as_keyless():
    bare = Shape("bare", "auth-failure", "dovecot", {"event.action": "auth-failure"}, {"user.name": Carried("keyword", sure=False)})
    heard = pair(FAILURE, bf_ip())
    heard.hear(NOON, Event("00" * 16, NOON, bare, {"user.name": "bob"}, {}))
    heard.compare()
    assert heard.compiled.keyless == {"bf_ip": 1}


def test_an_exception_that_cannot_apply_costs_nothing():
    assert "counts['office']" in source(FAILURE, bf_ip(), exception("office", ["bf_ip"], {"source.ip|cidr": "203.0.113.0/24"}), shape=shape_of("auth-failure"))
    assert "counts['office']" not in source(FAILURE, bf_ip(), exception("office", ["bf_ip"], {"mail.nrcpt|gt": 5}), shape=shape_of("auth-failure"))


def test_shapes_born_at_run_time_are_judged():
    late = detection("stopped", {"event.action": "agent-stop"}, level="high")
    births = Births(catalogue(), {"host.name": "mx1", "service.name": "mailvigil", "service.type": "mailvigil"})
    fields = {name: "x" for name in catalogue().actions["agent-stop"].fields.sure if name not in ("host.name", "service.name", "service.type")}
    born = births.event("ab" * 16, NOON, "agent-stop", fields)
    assert [alert.rule.name for alert in detector(late).see(born)] == ["stopped"]


def test_a_traceback_shows_the_generated_line():
    held = detector(FAILURE, bf_ip())
    broken = failure(NOON)
    broken.dynamic["source.ip"] = {"no": "scalar"}
    held.advance(NOON)
    with pytest.raises(TypeError) as caught:
        held.see(broken)
    lines = traceback.extract_tb(caught.value.__traceback__)
    assert any(frame.filename == "<rules test.auth-failure>" and "key = " in frame.line for frame in lines)


def test_one_source_is_compiled_once():
    compiler._code.cache_clear()
    for _ in range(3):
        detector(FAILURE, bf_ip()).see(failure(NOON))
    assert compiler._code.cache_info()[:2] == (2, 1)
