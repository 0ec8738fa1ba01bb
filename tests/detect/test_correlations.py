"""What a window asks: the least number that fires, or a sum and whether it must be passed."""

import pytest

from collector.detect.overrides import Override
from collector.errors import RuleError
from tests.support.detection import FAILURE, HOUR, MINUTE, SUCCESS, correlation, detection, rules

QUEUED = detection("queued", {"event.action": "queue-active"})


def window(kind, condition, bases=("auth_failure",), **override):
    document = correlation("made", kind, list(bases), ["user.name"], "10m", condition)
    return rules(FAILURE, SUCCESS, QUEUED, document, overrides={"made": Override(**override)}).rules["made"].correlation


@pytest.mark.parametrize(("condition", "threshold"), [({"gte": 3}, 3), ({"gt": 3}, 4), ({"gt": 0.5}, 1), ({"gte": 2.5}, 3)])
def test_counts_are_whole(condition, threshold):
    found = window("event_count", condition)
    assert (found.threshold, found.strict, found.timespan, found.field) == (threshold, False, 10 * MINUTE, None)


@pytest.mark.parametrize(("condition", "strict"), [({"gte": 0.5}, False), ({"gt": 0.5}, True)])
def test_sums_keep_their_fraction(condition, strict):
    found = window("value_sum", condition | {"field": "mail.nrcpt"}, ["queued"])
    assert (found.threshold, found.strict, found.field) == (0.5, strict, "mail.nrcpt")


@pytest.mark.parametrize("kind", ["temporal", "temporal_ordered"])
def test_a_sequence_wants_all_of_its_rules(kind):
    found = window(kind, None, ["auth_failure", "auth_success"], timespan="1h")
    assert (found.threshold, found.bases, found.timespan) == (2, ("auth_failure", "auth_success"), HOUR)


@pytest.mark.parametrize("value", [float("inf"), float("nan"), 10**30, "3", True, None])
def test_no_threshold(value):
    with pytest.raises(RuleError):
        window("event_count", {"gte": value})
