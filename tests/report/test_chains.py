from collector.report.alerts import alerts
from collector.report.chains import chains


def rules(*documents):
    return [[one.rule for one in story] for story in chains(alerts(documents))]


def test_what_shares_an_address_an_account_or_events_is_one_story(document):
    told = [
        document("guessing", "2026-11-24T06:00:00.000Z", group=("source.ip=203.0.113.77",)),
        document("elsewhere", "2026-11-24T06:10:00.000Z", group=("source.ip=203.0.113.1",)),
        document("got_in", "2026-11-24T06:30:00.000Z", group=("user.name=carol", "source.ip=203.0.113.77")),
        document("sends", "2026-11-24T07:00:00.000Z", group=("user.name=carol",), event_ids=["x", "y"]),
        document("bounces", "2026-11-24T07:10:00.000Z", group=("host.name=mx1",), event_ids=["y"]),
    ]
    assert rules(*told) == [["guessing", "got_in", "sends", "bounces"]]


def test_one_alert_joins_two_stories_into_one(document):
    told = [
        document("a", "2026-11-24T06:00:00.000Z", group=("source.ip=203.0.113.1",)),
        document("b", "2026-11-24T06:10:00.000Z", group=("user.name=bob",)),
        document("c", "2026-11-24T06:20:00.000Z", group=("user.name=bob", "source.ip=203.0.113.1")),
    ]
    assert rules(*told) == [["a", "b", "c"]]


def test_a_host_joins_nothing_and_one_rule_makes_no_story(document):
    assert rules(document("a", group=("host.name=mx1",)), document("b", group=("host.name=mx1",))) == []
    assert rules(document("a"), document("a")) == []
