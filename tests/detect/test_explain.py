"""Why a rule fires or does not, without changing what it will do."""

from tests.support.detection import FAILURE, MINUTE, NOON, SUCCESS, bf_ip, correlation, detection, detector, exception, failure, feed, success

SILENCE = detection("silence", {"event.action": "auth-failure"}, level="high", stateful={"type": "absence", "by": ["host.name"], "window": "15m"})
HONEYPOT = detection("honeypot", {"event.action": "auth-failure", "mail.auth.honeypot": True}, level="medium", suppress={"by": ["source.ip"]})
THEN = correlation("then", "temporal_ordered", ["bf_ip", "auth_success"], ["source.ip"], "1h")


def verdicts(held, one):
    return {verdict.rule: verdict for verdict in held.explain(one)}


def test_windows_say_how_far_they_are():
    held = detector(FAILURE, bf_ip())
    one = failure(NOON)
    feed(held, failure(NOON - 5), one)
    assert verdicts(held, one)["bf_ip"].windows == ("2 of 3 for source.ip=203.0.113.9 in 10 min, 1 more until it fires",)
    assert not verdicts(held, one)["bf_ip"].matched
    last = failure(NOON + 5)
    feed(held, last)
    assert verdicts(held, last)["bf_ip"].windows == ("3 of 3 for source.ip=203.0.113.9 in 10 min, it fires",)
    assert verdicts(held, last)["bf_ip"].matched


def test_each_leaf_is_true_or_false():
    verdict = verdicts(detector(HONEYPOT), failure(NOON))["honeypot"]
    assert verdict.leaves == (("event.action: auth-failure", True), ("mail.auth.honeypot: true", False))
    assert not verdict.matched
    assert verdict.speaks


def test_an_old_window_is_empty():
    held = detector(FAILURE, bf_ip())
    feed(held, failure(NOON))
    assert verdicts(held, failure(NOON + 11 * MINUTE))["bf_ip"].windows[0].startswith("0 of 3 ")


def test_only_rules_of_the_action_are_named():
    held = detector(FAILURE, SUCCESS, bf_ip(), THEN, HONEYPOT, SILENCE)
    assert set(verdicts(held, success(NOON))) == {"auth_success", "then"}
    assert set(verdicts(held, failure(NOON))) == {"auth_failure", "bf_ip", "then", "honeypot", "silence"}
    assert not verdicts(held, failure(NOON))["auth_failure"].speaks


def test_sequences_name_their_bases():
    held = detector(FAILURE, SUCCESS, bf_ip(), THEN)
    last = failure(NOON + 2)
    feed(held, failure(NOON), failure(NOON + 1), last)
    verdict = verdicts(held, last)["then"]
    assert verdict.leaves == (("bf_ip", True), ("auth_success", False))
    assert verdict.windows == ("1 of 2 for source.ip=203.0.113.9 in 1 h, 1 more until it fires",)
    done = success(NOON + 3)
    feed(held, done)
    assert verdicts(held, done)["then"].matched


def test_exceptions_and_open_episodes_are_named():
    held = detector(FAILURE, bf_ip(), HONEYPOT, exception("office", ["honeypot"], {"source.ip": "203.0.113.9"}))
    many = [failure(NOON + number, **{"mail.auth.honeypot": True}) for number in range(5)]
    feed(held, *many)
    found = verdicts(held, many[-1])
    assert found["honeypot"].excepted == ("office: ticket 4711",)
    assert found["honeypot"].matched
    assert found["bf_ip"].suppressed == ("an episode of source.ip=203.0.113.9 is open since 2026-11-24T12:00:00.002Z: 5 so far",)


def test_a_silence_says_when_it_would_be_due():
    held = detector(SILENCE)
    one = failure(NOON)
    feed(held, one)
    assert verdicts(held, one)["silence"].windows == ("host.name=mx1 spoke, silence would be due at 2026-11-24T12:15:00.000Z",)


def test_a_collapsed_network_is_named():
    held = detector(FAILURE, bf_ip())
    many = [failure(NOON + number, f"2001:db8:5:{number:x}::1") for number in range(300)]
    feed(held, *many)
    assert "for source.ip=2001:db8:5::/48" in verdicts(held, many[-1])["bf_ip"].windows[0]


def test_nothing_changes():
    held = detector(FAILURE, SUCCESS, bf_ip(), THEN, HONEYPOT, SILENCE)
    one = failure(NOON)
    feed(held, one)
    for memory in held.memories:
        memory.delta()
    held.explain(one)
    assert [memory.delta() for memory in held.memories] == [b"", b"", b"", b""]
    assert held.exceptions.counts == {}


def test_a_hidden_key_is_named_and_not_shown():
    one = correlation("one_password", "event_count", ["auth_failure"], ["source.ip", "mail.auth.password_hash"], "10m", {"gte": 1})
    held = detector(FAILURE, one)
    seen = failure(NOON, **{"mail.auth.password_hash": "ac96e9768b3f4035"})
    feed(held, seen)
    [verdict] = [found for found in held.explain(seen) if found.rule == "one_password"]
    assert verdict.windows == ("1 of 1 for source.ip=203.0.113.9, mail.auth.password_hash in 10 min, it fires",)
    assert verdict.suppressed[0].startswith("an episode of source.ip=203.0.113.9, mail.auth.password_hash is open")
