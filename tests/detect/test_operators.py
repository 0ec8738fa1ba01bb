"""Windows against models that keep everything and count it anew."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.detect.operators import IDS, Count, Distinct, InOrder, LastSeen, Panes, Together, newest, operator
from collector.detect.rule import Correlation
from tests.support.detection import FAILURE, HOUR, MINUTE, SUCCESS, bf_ip, correlation, detection, rules

SPAN = 60
TIMES = st.integers(0, 300)
LATE = st.lists(TIMES, min_size=1, max_size=40)
IN_ORDER = LATE.map(sorted)


def ident(number):
    return number.to_bytes(16, "big")


def run(window, samples):
    """Yield (state, holds) behind each sample."""
    state = None
    for sample in samples:
        state, holds = window.add(state, *sample)
        yield state, holds


def samples(times, what=None):
    return [(time, ident(number), None if what is None else what[number]) for number, time in enumerate(times, 1)]


@given(LATE, st.integers(1, 15))
def test_event_count_is_the_number_of_events_before_the_newest_one(times, threshold):
    window = Count(threshold, SPAN)
    for number, (state, holds) in enumerate(run(window, samples(times))):
        seen = times[: number + 1]
        latest = max(seen)
        inside = [time for time in seen if time >= latest - SPAN]
        assert holds == (times[number] >= latest - SPAN and len(inside) >= threshold)
        view = window.view(state)
        assert view.count == min(threshold, len(inside))
        assert view.last == newest(state) == latest
        assert view.first == sorted(inside)[-view.count]
        assert len(state) == 8 * view.count + 16 * min(view.count, IDS)


@given(LATE, st.integers(1, 15))
def test_event_count_keeps_the_latest_ids(times, threshold):
    window = Count(threshold, SPAN)
    kept = [number for number, time in enumerate(times) if time >= max(times[: number + 1]) - SPAN]
    *_, (state, _) = run(window, samples(times))
    ordered = sorted((times[number], number + 1) for number in kept if times[number] >= max(times) - SPAN)
    expected = [ident(number) for _, number in reversed(ordered)][: min(threshold, IDS)]
    assert list(window.view(state).ids) == expected


@given(st.lists(st.tuples(TIMES, st.integers(0, 12)), min_size=1, max_size=60), st.integers(1, 13))
def test_value_count_is_the_number_of_values_last_seen_in_the_window(sightings, threshold):
    window = Distinct(threshold, SPAN)
    times = [time for time, _ in sightings]
    values = {number: value.to_bytes(8, "big") for number, (_, value) in enumerate(sightings, 1)}
    for number, (state, holds) in enumerate(run(window, samples(times, values))):
        seen = sightings[: number + 1]
        latest = max(time for time, _ in seen)
        inside = {value for time, value in seen if time >= latest - SPAN}
        assert holds == (times[number] >= latest - SPAN and len(inside) >= threshold)
        assert window.view(state).distinct == window.view(state).count == min(threshold, len(inside))
        assert newest(state) == latest


def test_value_count_of_many_values_stays_within_its_threshold():
    window = Distinct(40, HOUR)
    times = list(range(2000))
    values = {number: (number % 500).to_bytes(8, "big") for number in range(1, 2001)}
    *_, (state, holds) = run(window, samples(times, values))
    assert holds
    assert len(state) == 40 * 16 + IDS * 16
    assert len(set(window.view(state).ids)) == IDS


@given(st.lists(st.tuples(st.integers(0, 30_000), st.integers(0, 50)), min_size=1, max_size=60), st.integers(1, 400), st.booleans())
def test_value_sum_adds_the_last_sixty_panes(additions, threshold, strict):
    window = Panes(threshold, 6000, strict=strict)
    times = [time for time, _ in additions]
    amounts = {number: float(amount) for number, (_, amount) in enumerate(additions, 1)}
    counted = []
    for number, (state, holds) in enumerate(run(window, samples(times, amounts))):
        time, amount = additions[number]
        top = max(one // 100 for one in times[: number + 1])
        inside = time // 100 > top - 60
        if inside:
            counted.append((time, amount))
        held = [(one, number) for one, number in counted if one // 100 > top - 60]
        total = sum(number for _, number in held)
        assert holds == (inside and (total > threshold or (total == threshold and not strict)))
        view = window.view(state)
        assert (view.total, view.count) == (total, len(held))
        assert (view.first, view.last) == (min(one for one, _ in held), max(one for one, _ in held))


def test_a_sum_keeps_its_fraction():
    window = Panes(0.5, 6000, strict=False)
    assert [holds for _, holds in run(window, samples([0, 1], {1: 0.25, 2: 0.25}))] == [False, True]


@given(st.lists(st.tuples(TIMES, st.integers(0, 2)), min_size=1, max_size=40))
def test_temporal_wants_every_base_before_the_newest_event(hits):
    window = Together(3, SPAN)
    stages = {number: stage for number, (_, stage) in enumerate(hits, 1)}
    for number, (state, holds) in enumerate(run(window, samples([time for time, _ in hits], stages))):
        seen = hits[: number + 1]
        latest = max(time for time, _ in seen)
        inside = {stage for time, stage in seen if time >= latest - SPAN}
        assert holds == (hits[number][0] >= latest - SPAN and inside == {0, 1, 2})
        assert window.view(state).count == len(inside)


def chains(hits, bases, upto):
    """Every way to choose one hit a stage, in order of time and of arrival, that ends with hit ``upto``."""

    def extend(stage, end):
        if stage < 0:
            yield ()
            return
        for number in range(end):
            if hits[number][1] == stage and hits[number][0] <= hits[end][0]:
                for before in extend(stage - 1, number):
                    yield (*before, number)

    time, stage = hits[upto]
    return [] if stage != bases - 1 else [(*chain, upto) for chain in extend(stage - 1, upto) if time - hits[chain[0]][0] <= SPAN]


@given(st.lists(st.tuples(TIMES, st.integers(0, 2)), min_size=1, max_size=14).map(lambda hits: sorted(hits, key=lambda hit: hit[0])))
def test_temporal_ordered_finds_every_sequence_of_events_in_order(hits):
    window = InOrder(3, SPAN)
    stages = {number: stage for number, (_, stage) in enumerate(hits, 1)}
    for number, (state, holds) in enumerate(run(window, samples([time for time, _ in hits], stages))):
        assert holds == bool(chains(hits, 3, number))
        if holds:
            view = window.view(state)
            assert view.count == 3
            assert view.last - view.first <= SPAN
            assert len(set(view.ids)) == 3


@given(st.lists(st.tuples(TIMES, st.integers(0, 2)), min_size=1, max_size=14))
def test_temporal_ordered_claims_no_sequence_that_is_none_however_late(hits):
    window = InOrder(3, SPAN)
    stages = {number: stage for number, (_, stage) in enumerate(hits, 1)}
    for number, (_, holds) in enumerate(run(window, samples([time for time, _ in hits], stages))):
        assert not holds or chains(hits, 3, number)


def test_a_success_before_the_failures_is_no_sequence():
    window = InOrder(2, SPAN)
    assert [holds for _, holds in run(window, samples([10, 5], {1: 0, 2: 1}))] == [False, False]


def test_a_second_stage_that_follows_nothing_costs_nothing():
    assert InOrder(2, SPAN).add(None, 5, ident(1), 1) == (None, False)


@given(LATE)
def test_absence_knows_the_newest_event(times):
    window = LastSeen(SPAN)
    for number, (state, holds) in enumerate(run(window, samples(times))):
        assert newest(state) == max(times[: number + 1])
        assert holds == (number == 0)


def test_a_window_is_inclusive_and_equal_stamps_count():
    window = Count(2, SPAN)
    assert [holds for _, holds in run(window, samples([0, SPAN, 2 * SPAN + 1, 2 * SPAN + 1]))] == [False, True, False, True]


@pytest.mark.parametrize(
    ("window", "what", "progress", "size"),
    [
        (Count(10, SPAN), None, 1, 24),
        (Distinct(10, SPAN), b"12345678", 1, 32),
        (Panes(10, SPAN, strict=False), 2.0, 2.0, 45),
        (Together(2, SPAN), 0, 1, 56),
        (InOrder(2, SPAN), 0, 1, 40),
    ],
)
def test_a_key_that_was_seen_once_costs_little(window, what, progress, size):
    state, _ = window.add(None, 1, ident(1), what)
    assert (window.progress(state), len(state)) == (progress, size)


@given(st.lists(st.tuples(TIMES, st.integers(0, 300)), min_size=1, max_size=60), st.integers(1, 13))
def test_value_count_keeps_the_ids_of_the_latest_sightings(sightings, threshold):
    window = Distinct(threshold, SPAN)
    sightings = sorted(sightings, key=lambda one: one[0])
    latest = sightings[-1][0]
    known = {}
    for number, (time, value) in enumerate(sightings, 1):
        known.pop(value, None)
        known[value] = (time, ident(number))
    expected = [one for time, one in reversed(known.values()) if time >= latest - SPAN][: min(threshold, IDS)]
    digests = {number: (value * 257).to_bytes(8, "big") for number, (_, value) in enumerate(sightings, 1)}
    *_, (state, _) = run(window, samples([time for time, _ in sightings], digests))
    assert list(window.view(state).ids) == expected


def test_each_rule_has_its_operator():
    loaded = rules(
        FAILURE,
        SUCCESS,
        bf_ip(),
        correlation("distinct", "value_count", ["auth_failure"], ["source.ip"], "10m", {"field": "user.name", "gt": 3}),
        correlation("in_order", "temporal_ordered", ["bf_ip", "auth_success"], ["source.ip"], "1h"),
        correlation("together", "temporal", ["bf_ip", "auth_success"], ["source.ip"], "1h"),
        detection("queued", {"event.action": "queue-active"}),
        correlation("volume", "value_sum", ["queued"], ["user.name"], "1h", {"field": "mail.nrcpt", "gte": 300}),
        detection("silence", {"event.action": "auth-failure"}, level="high", stateful={"type": "absence", "by": ["host.name"], "window": "15m"}),
    ).rules
    kinds = {name: type(operator(rule)) for name, rule in loaded.items()}
    assert kinds["auth_failure"] is type(None)
    assert (kinds["bf_ip"], kinds["distinct"], kinds["volume"], kinds["together"], kinds["in_order"], kinds["silence"]) == (Count, Distinct, Panes, Together, InOrder, LastSeen)
    assert operator(loaded["distinct"]).threshold == 4
    assert operator(loaded["silence"]).timespan == 15 * MINUTE
    assert isinstance(loaded["volume"].correlation, Correlation)
