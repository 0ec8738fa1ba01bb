"""A site's own numbers: whose fault a bad one is, and where it is said."""

import pytest

from collector.detect.overrides import NOTHING, Override, milliseconds
from collector.errors import ConfigError, Location, RuleError

AT = Location("rules/x.yaml", 7, 3)


@pytest.mark.parametrize(("other", "found"), [(None, 600_000), ("1h", 3_600_000), (30_000, 30_000)])
def test_the_sites_span_goes_before_the_rules(other, found):
    assert milliseconds("10m", other, "bf_ip", AT) == found


@pytest.mark.parametrize(
    ("other", "says"), [("soon", r"\[rules\.bf_ip\] 'soon' is no span"), (0, r"\[rules\.bf_ip\] 0: a span of time is above 0"), (-1, "above 0"), ("0s", "above 0")]
)
def test_a_bad_setting_is_the_sites_fault(other, says):
    with pytest.raises(ConfigError, match=says):
        milliseconds("10m", other, "bf_ip", AT)


def test_a_rule_that_says_nothing_is_the_rules_fault():
    with pytest.raises(RuleError, match="above 0") as caught:
        milliseconds("0s", None, "bf_ip", AT)
    assert caught.value.at == AT


def test_what_a_rule_has_no_use_for_is_refused():
    NOTHING.refuse("bf_ip", "threshold", "timespan")
    with pytest.raises(ConfigError, match=r"\[rules\.bf_ip\] timespan: the rule has none"):
        Override(timespan="1h").refuse("bf_ip", "threshold", "timespan")
    Override(timespan="1h").refuse("bf_ip", "threshold")
