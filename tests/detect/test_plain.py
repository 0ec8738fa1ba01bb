"""The plain way: what it finds is what rules mean, and what compiled judges are compared with (test_compiler)."""

from collector.detect.outcomes import Outcomes
from collector.detect.plain import Plain
from collector.model.identity import Identity
from tests.support.detection import FAILURE, NOON, SUCCESS, bf_ip, catalogue, correlation, detection, exception, failure, rules, success


def plain(*documents):
    outcomes = Outcomes(rules(*documents), catalogue(), Identity(), 1 << 20, 1 << 20)
    outcomes.clock.now = NOON
    return Plain(outcomes)


def names(said):
    return [alert.rule.name for alert in said]


def test_rules_are_known_by_what_can_complete_them():
    walker = plain(FAILURE, SUCCESS, bf_ip(), correlation("then", "temporal_ordered", ["bf_ip", "auth_success"], ["source.ip"], "1h"))
    assert [rule.name for rule in walker.detections("auth-failure")] == ["auth_failure"]
    assert [rule.name for rule in walker.correlations("auth-failure")] == ["bf_ip", "then"]
    assert [rule.name for rule in walker.correlations("auth-success")] == ["then"]
    assert walker.detections("heartbeat") == ()


def test_it_finds_what_is_there():
    walker = plain(FAILURE, SUCCESS, bf_ip(), correlation("then", "temporal_ordered", ["bf_ip", "auth_success"], ["source.ip"], "1h"))
    assert names(one for number in range(3) for one in walker.judge(failure(NOON + number))) == ["bf_ip"]
    assert names(walker.judge(success(NOON + 9))) == ["then"]


def test_an_exception_keeps_an_event_out_and_is_counted():
    plaintext = detection("plaintext", {"event.action": "auth-failure"}, level="low", suppress={"by": ["source.ip"]})
    walker = plain(plaintext, exception("office", ["plaintext"], {"source.ip": "203.0.113.9"}))
    assert names(walker.judge(failure(NOON))) == []
    assert names(walker.judge(failure(NOON, "203.0.113.10"))) == ["plaintext"]
    assert walker.outcomes.exceptions.counts == {"office": 1}
