from collector.report.classes import CLASSES, FAILED, MAIL
from collector.report.summary import ALERTS, BARS, HOUR, RANKED, summarise

DAY = 495_000 // 24 * 24


def counts(bar):
    return {one.name: number for one, number in zip(CLASSES, bar.counts, strict=True) if number}


def test_nothing_happened(catalogue):
    summary = summarise({}, (), catalogue)
    assert (summary.events, summary.alerts, summary.addresses, summary.versions, summary.related) == (0, (), (), (), ())
    assert [sum(bar.counts) for bar in summary.bars] == [0]
    assert sum(summary.levels.values()) == 0


def test_hours_hold_events_by_class_and_none_is_left_out(catalogue):
    tallies = {(DAY, "event.action", "auth-failure"): 3, (DAY, "event.action", "delivery-sent"): 4, (DAY + 2, "event.action", "unparsed-line"): 2, (DAY, "user.name", "bob"): 9}
    summary = summarise(tallies, (), catalogue)
    assert (summary.start, summary.end, summary.step) == (DAY * HOUR, (DAY + 3) * HOUR, HOUR)
    assert counts(summary.bars[0]) == {FAILED.name: 3, MAIL.name: 4}
    assert [sum(bar.counts) for bar in summary.bars] == [7, 0, 2]
    assert (summary.events, sum(summary.totals), summary.unknown) == (9, 9, 2)


def test_a_longer_time_has_wider_bars_at_round_hours(catalogue):
    for length in (1, 47, 48, 49, 8 * 24, 90 * 24, 400 * 24):
        summary = summarise({(DAY + 5, "event.action", "auth-failure"): 1, (DAY + 4 + length, "event.action", "auth-failure"): 1}, (), catalogue)
        assert len(summary.bars) <= BARS + 1
        assert summary.start % summary.step == 0 or summary.step > 24 * HOUR
        assert sum(sum(bar.counts) for bar in summary.bars) == summary.events == (2 if length > 1 else 1)


def test_addresses_that_alerts_name_come_first_whatever_others_do(catalogue, document):
    tallies = {(DAY, "source.ip", "198.51.100.20"): 900, (DAY, "source.ip", "203.0.113.9"): 5, (DAY, "source.ip", "203.0.113.8"): 6}
    told = [document("a", severity=47, group=("source.ip=203.0.113.8",)), document("b", severity=99), document("b")]
    summary = summarise(tallies, told, catalogue)
    assert [(one.name, one.count, one.level) for one in summary.addresses] == [("203.0.113.9", 5, "critical"), ("203.0.113.8", 6, "medium"), ("198.51.100.20", 900, None)]
    assert [(alert.rule, number) for alert, number in summary.addresses[0].rules] == [("b", 2)]
    assert summary.seen == 3


def test_clients_of_ipv6_are_one_by_their_64(catalogue, document):
    tallies = {(DAY, "source.ip", "2001:db8:54:1::a7"): 5, (DAY, "source.ip", "2001:db8:54:1::a8"): 6}
    told = [document("a", group=("source.ip=2001:db8:54:1::/64",)), document("b", group=("host.name=mx1",)) | {"source": {"ip": "2001:db8:54:1::a7"}}]
    [one] = summarise(tallies, told, catalogue).addresses
    assert (one.name, one.count, len(one.alerts)) == ("2001:db8:54:1::/64", 11, 2)


def test_accounts_are_those_that_alerts_name(catalogue, document):
    tallies = {(DAY, "user.name", "alice"): 900, (DAY, "user.name", "bob"): 5, (DAY + 1, "user.name", "bob"): 2}
    [one] = summarise(tallies, [document(group=("user.name=bob",))], catalogue).accounts
    assert (one.name, one.count) == ("bob", 7)


def test_versions_are_named_as_people_do(catalogue):
    tallies = {(DAY, "tls.version", version): 1 for version in ("1.2", "1.3", "3", "1.0")}
    assert [one.name for one in summarise(tallies, (), catalogue).versions] == ["SSL 3", "TLS 1.3", "TLS 1.2", "TLS 1.0"]


def test_a_flood_of_alerts_and_names_stays_small(catalogue, document):
    told = [document(f"rule{number}", severity=99 if number == 700 else 47, group=(f"source.ip=203.0.113.{number % 256}",)) for number in range(800)]
    summary = summarise({(DAY, "source.ip", f"198.51.100.{number}"): 1 for number in range(256)}, told, catalogue)
    assert len(summary.alerts) == ALERTS
    assert summary.alerts[0].rule == "rule700"
    assert (summary.levels["critical"], summary.levels["medium"], summary.rules) == (1, 799, 800)
    assert len(summary.addresses) <= RANKED
    assert len(summary.related) <= RANKED


def test_the_bad_day_has_its_stories(bad_day):
    _, _, summary = bad_day
    stories = [[one.rule for one in story] for story in summary.related]
    assert ["bf_success", "remote_says_listed", "send_volume_user", "bf_ip"] in stories
    assert summary.levels["critical"] >= 1
    assert {"carol@example.org", "peggy@example.org", "bob@example.org"} <= {one.name for one in summary.accounts}
    assert all(sum(bar.counts) for bar in summary.bars)
