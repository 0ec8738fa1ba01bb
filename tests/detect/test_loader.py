"""What a rule file may say, and what is refused with its place."""

import pytest

from collector.detect import loader
from collector.detect.loader import Override
from collector.errors import ConfigError, PlaybookError, RuleError
from collector.model.site import Site
from tests.support.detection import FAILURE, HOUR, MINUTE, NOON, PAIR, PLAYBOOK, SUCCESS, bf_ip, catalogue, correlation, detection, event, exception, rules, text


def refused(*documents, says, error=RuleError, **settings):
    with pytest.raises(error) as caught:
        rules(*documents, **settings)
    assert says in str(caught.value), str(caught.value)
    if error is not ConfigError:
        assert caught.value.at is not None
        assert caught.value.at.line
    return caught.value


def changed(document, path, value):
    """A copy with one key set (or taken out, for a value of ...)."""
    copy = {key: dict(one) if isinstance(one, dict) else one for key, one in document.items()}
    place = copy
    for key in path[:-1]:
        place[key] = dict(place.get(key, {}))
        place = place[key]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return copy


def test_facts_of_a_rule():
    loaded = rules(FAILURE, bf_ip() | {"tags": ["attack.t1110.001"], "author": "ops", "description": " Many.\n"}).rules["bf_ip"]
    facts = loaded.facts
    assert (facts.name, facts.title, facts.description, facts.level, facts.severity, facts.risk_score) == ("bf_ip", "bf ip", "Many.", "high", 73, 73)
    assert (facts.status, facts.version, facts.category, facts.tags, facts.author, facts.ruleset) == (
        "stable",
        1,
        "authentication",
        ("attack.t1110.001",),
        ("ops",),
        "mailvigil-core",
    )
    assert len(facts.logic) == 16
    assert (loaded.suppress.by, loaded.suppress.quiet, loaded.suppress.repeat) == (("source.ip",), HOUR, ())
    assert loaded.actions == {"auth-failure"}
    assert loaded.playbook.id == "PB-TEST-01"
    assert [test.expect.alerts for test in loaded.tests] == [1, 0]
    assert loaded.at.file == "rules/authentication/test.yaml"


@pytest.mark.parametrize(
    ("origin", "category", "ruleset"),
    [
        ("rules/traffic/x.yaml", "traffic", "mailvigil-core"),
        ("/etc/mailvigil/rules/x.yaml", "local", "local"),
        ("/etc/mailvigil/rules.d/x.yaml", "local", "local"),
        ("/srv/overlay/rules/own/x.yaml", "own", "local"),
        ("x.yaml", "local", "local"),
    ],
)
def test_the_folder_is_the_category(origin, category, ruleset):
    facts = rules(FAILURE, origin=origin).rules["auth_failure"].facts
    assert (facts.category, facts.ruleset) == (category, ruleset)


def test_suppress_defaults_to_the_key_else_to_the_host():
    plain = detection("plain", {"event.action": "auth-failure"}, level="low")
    assert rules(plain).rules["plain"].suppress.by == ("host.name",)
    given = detection("plain", {"event.action": "auth-failure"}, level="low", suppress={"by": ["user.name"], "for": "4h", "repeat": ["1h", "15m"]})
    suppress = rules(given).rules["plain"].suppress
    assert (suppress.by, suppress.quiet, suppress.repeat) == (("user.name",), 4 * HOUR, (15 * MINUTE, HOUR))


# which rules run


def test_core_rules_run_and_extended_ones_when_asked():
    extended = bf_ip(tier="extended")
    assert list(rules(FAILURE, extended).active) == []
    assert list(rules(FAILURE, extended, enable=["bf_ip"]).active) == ["bf_ip"]
    assert list(rules(FAILURE, extended, overrides={"bf_ip": Override(enabled=True)}).active) == ["bf_ip"]
    assert list(rules(FAILURE, bf_ip(), overrides={"bf_ip": Override(enabled=False)}).active) == []
    assert list(rules(FAILURE, bf_ip(), enable=["bf_ip"], disable=["bf_ip"]).active) == []


@pytest.mark.parametrize(("status", "runs"), [("stable", True), ("test", True), ("experimental", False), ("deprecated", False), ("unsupported", False)])
def test_status_decides_what_runs_unasked(status, runs):
    document = bf_ip() | {"status": status}
    assert ("bf_ip" in rules(FAILURE, document).active) is runs
    assert "bf_ip" in rules(FAILURE, document, enable=["bf_ip"]).active


def test_what_feeds_an_active_rule_is_needed_before_it():
    five = correlation("five", "event_count", ["auth_failure"], ["source.ip"], "30m", {"gte": 5}, level="informational")
    then = correlation("then", "temporal_ordered", ["five", "auth_success"], ["source.ip"], "30m")
    loaded = rules(then, five, SUCCESS, FAILURE)
    assert list(loaded.needed) == ["auth_success", "auth_failure", "five", "then"]
    assert list(loaded.active) == ["then"]
    assert loaded.needed["then"].actions == {"auth-failure", "auth-success"}


def test_names_of_rules_that_are_not_shipped_are_reported():
    assert rules(FAILURE, overrides={"bf_ipp": Override(threshold=3)}, enable=["x"], disable=["y"]).unknown == ("bf_ipp", "x", "y")


# overrides


def test_overrides_change_numbers_and_logic():
    before = rules(FAILURE, bf_ip()).rules["bf_ip"]
    after = rules(FAILURE, bf_ip(), overrides={"bf_ip": Override(threshold=5, timespan="1h", suppress_for=30_000)}).rules["bf_ip"]
    assert (after.correlation.threshold, after.correlation.timespan, after.suppress.quiet) == (5, HOUR, 30_000)
    assert before.facts.logic != after.facts.logic


def test_an_override_keeps_the_comparison():
    more = bf_ip()
    more["correlation"]["condition"] = {"gt": 10}
    assert rules(FAILURE, more).rules["bf_ip"].correlation.threshold == 11
    assert rules(FAILURE, more, overrides={"bf_ip": Override(threshold=3)}).rules["bf_ip"].correlation.threshold == 4


def test_the_window_of_a_silence_can_be_overridden():
    silence = detection("silence", {"event.action": "auth-failure"}, level="high", stateful={"type": "absence", "by": ["host.name"], "window": "15m"})
    assert rules(silence, overrides={"silence": Override(timespan="2h")}).rules["silence"].absence.window == 2 * HOUR


@pytest.mark.parametrize(
    ("override", "says"),
    [
        (Override(threshold=3), "[rules.plain] threshold: the rule has none"),
        (Override(timespan="1h"), "[rules.plain] timespan: the rule has none"),
        (Override(suppress_for="soon"), "[rules.plain] 'soon' is no span of time"),
        (Override(suppress_for=0), "[rules.plain] 0: a span of time is above 0"),
    ],
)
def test_an_override_that_a_rule_has_no_use_for_is_refused(override, says):
    refused(detection("plain", {"event.action": "auth-failure"}, level="low"), says=says, error=ConfigError, overrides={"plain": override})


def test_a_sequence_has_no_threshold():
    then = correlation("then", "temporal", ["auth_failure", "auth_success"], ["source.ip"], "30m")
    refused(FAILURE, SUCCESS, then, says="threshold: the rule has none", error=ConfigError, overrides={"then": Override(threshold=3)})


# logic


def test_logic_is_what_a_rule_decides_by():
    def logic(*documents, **settings):
        return rules(*documents, **settings).rules["bf_ip"].facts.logic

    base = logic(FAILURE, bf_ip())
    assert base == logic(FAILURE, bf_ip() | {"title": "Better"})
    assert base == logic(FAILURE, bf_ip(suppress={"for": "9h"}))
    assert base == logic(FAILURE, bf_ip(), site=Site(domains=("example.org",)))
    assert base != logic(FAILURE, changed(bf_ip(), ("correlation", "timespan"), "11m"))
    assert base != logic(changed(FAILURE, ("detection", "selection"), {"event.action": "auth-failure", "user.name": "x"}), bf_ip())


def test_two_rules_never_share_their_state():
    one, other = (rules(FAILURE, correlation(name, "event_count", ["auth_failure"], ["source.ip"], "10m", {"gte": 3})).rules[name] for name in ("one", "other"))
    assert one.key != other.key


def test_a_base_may_be_named_by_id():
    assert rules(FAILURE, changed(bf_ip(), ("correlation", "rules"), [FAILURE["id"]])).rules["bf_ip"].correlation.bases == ("auth_failure",)


def test_site_facts_reach_the_conditions():
    own = detection("own", {"event.action": "auth-failure", "source.ip|expand": "%site.networks%"}, level="low")
    node = rules(own, site=Site(networks=("203.0.113.0/24",))).rules["own"].node
    assert node.holds(event("auth-failure", NOON, {"source.ip": "203.0.113.9"}))
    assert not node.holds(event("auth-failure", NOON, {"source.ip": "127.0.0.1"}))


# refusals

CONDITION = ("correlation", "condition")


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (("titel",), "x", "unknown key titel, did you mean title?"),
        (("title",), ..., "key title is missing"),
        (("level",), ..., "key level is missing"),
        (("level",), "severe", "level: "),
        (("id",), "not-a-uuid", "id: a UUID is expected"),
        (("name",), "Bad Name", "name: a name is lower-case"),
        (("tags",), ["attack.credential_access"], "attack.credential_access is no tag, did you mean credential-access?"),
        (("correlation", "timspan"), "1h", "unknown key correlation.timspan, did you mean timespan?"),
        (("correlation", "type"), "event_cont", "unknown type event_cont, did you mean event_count?"),
        (("correlation", "type"), "value_percentile", "value_percentile is not built yet"),
        (("correlation", "rules"), ["auth_failur"], "there is no rule auth_failur, did you mean auth_failure?"),
        (("correlation", "rules"), ["auth_failure", "auth_failure"], "a rule stands twice"),
        (("correlation", "rules"), ["bf_ip"], "a circle"),
        (("correlation", "group-by"), ["source.ipp"], "unknown field source.ipp, did you mean source.ip?"),
        (("correlation", "group-by"), ["mail.nrcpt"], "group-by: mail.nrcpt is never in these events (auth-failure)"),
        (("correlation", "timespan"), "ten minutes", "is no span of time"),
        (("correlation", "group-by"), ["event.id"], "group-by: every event has an event.id of its own"),
        (("correlation", "timespan"), "100000000000000d", "at most 3650d"),
        (("correlation", "timespan"), "10ms", "a timespan is at least 1s"),
        (("correlation", "generate"), True, "auth_failure never speaks by its level informational"),
        (CONDITION, {"gte": 3, "lte": 9}, "lte is known only when a window is over"),
        (CONDITION, {"lt": 3}, "lt is known only when a window is over"),
        (CONDITION, {"gte": 3, "gt": 3}, "one of gt and gte is expected"),
        (CONDITION, {"gtee": 3}, "unknown key gtee, did you mean gte?"),
        (CONDITION, {"gte": "3"}, "gte: a number is expected"),
        (CONDITION, {"gte": True}, "gte: a number is expected"),
        (CONDITION, {"gte": 0}, "the threshold must lie between 1 and 10000"),
        (CONDITION, {"gte": 10_001}, "the threshold must lie between 1 and 10000"),
        (CONDITION, {"gte": 3, "field": "user.name"}, "event_count takes no field"),
        (CONDITION, ..., "one of gt and gte is expected"),
        (("mailvigil", "playbook"), "PB-TEST-02", "there is no playbook PB-TEST-02, did you mean PB-TEST-01?"),
        (("mailvigil", "playbook"), ..., "bf_ip has level high and no playbook"),
        (("mailvigil", "tests"), [], "bf_ip lacks a test that fires"),
        (("mailvigil", "tests"), [{"name": "x", "steps": [{"tick": "1s"}], "expect": {"alerts": 1}}], "bf_ip lacks a near miss"),
        (("mailvigil", "tests"), [{"name": "x", "steps": [{"tick": "1s"}], "expect": {"alerts": 1, "source.ipp": "x"}}], "unknown field source.ipp"),
        (("mailvigil", "tests"), [{"name": "x", "steps": [{"tick": "1s", "line": "x"}], "expect": {"alerts": 1}}], "either a line, an event or a tick"),
        (("mailvigil", "tests"), [{"name": "x", "steps": [{"tick": "1s"}], "site": {"network": []}, "expect": {"alerts": 1}}], "unknown key site.network"),
        (("mailvigil", "suppress"), {"by": ["source.ipp"]}, "unknown field source.ipp"),
        (("mailvigil", "suppress"), {"by": ["mail.nrcpt"]}, "suppress.by: mail.nrcpt is never in these events"),
        (("mailvigil", "suppress"), {"for": "1x"}, "is no span of time"),
        (("mailvigil", "tear"), "core", "unknown key mailvigil.tear, did you mean tier?"),
        (("mailvigil", "version"), 0, "mailvigil.version"),
    ],
)
def test_a_correlation_is_refused(path, value, says):
    refused(FAILURE, changed(bf_ip(), path, value), says=says)


@pytest.mark.parametrize(
    ("condition", "says"),
    [
        ({"gte": 3}, "value_count takes a field"),
        ({"gte": 3, "field": "user.nam"}, "unknown field user.nam"),
        ({"gte": 3, "field": "mail.nrcpt"}, "field: mail.nrcpt is never in these events"),
        ({"gte": 2, "field": "source.ip"}, "can never be reached: source.ip has at most 1 value in a group"),
        ({"gte": 3, "field": "mail.auth.honeypot"}, "can never be reached: mail.auth.honeypot has at most 2 values in a group"),
        ({"gte": 2, "field": "event.action"}, "can never be reached: event.action has at most 1 value in these events (auth-failure)"),
        ({"gte": 2, "field": "event.outcome"}, "can never be reached: event.outcome has at most 1 value"),
        ({"gte": 50, "field": "network.protocol"}, "can never be reached: network.protocol has at most 7 values in a group"),
    ],
)
def test_a_count_of_values_is_refused(condition, says):
    refused(FAILURE, correlation("many", "value_count", ["auth_failure"], ["source.ip"], "1h", condition), says=says)


@pytest.mark.parametrize(("condition", "says"), [({"gte": 3, "field": "user.name"}, "user.name is no number"), ({"gt": 0, "field": "mail.nrcpt"}, "must be above 0")])
def test_a_sum_is_refused(condition, says):
    queued = detection("queued", {"event.action": "queue-active"})
    refused(queued, correlation("volume", "value_sum", ["queued"], ["user.name"], "1h", condition), says=says)


def test_a_sequence_is_refused():
    refused(FAILURE, correlation("one", "temporal", ["auth_failure"], ["source.ip"], "1h"), says="temporal takes two or more rules")
    refused(FAILURE, SUCCESS, correlation("two", "temporal", ["auth_failure", "auth_success"], ["source.ip"], "1h", {"gte": 2}), says="and no condition")


@pytest.mark.parametrize(
    ("selection", "says"),
    [
        ({"event.action": "auth-failure", "mail.nrcpt|gte": 5}, "no event can match this"),
        ({"event.action": "auth-failure", "mail.nrcpt": None}, "mail.nrcpt is never in these events (auth-failure)"),
        ({"event.action": "rule-match"}, "no event can match this"),
        ({"event.action": "smtp-connect", "source.ip": None}, "no event can match this"),
        ({"event.action": "auth-failure", "event.outcome": "success"}, "no event can match this"),
    ],
)
def test_a_detection_that_nothing_can_match_is_refused(selection, says):
    refused(detection("plain", selection), says=says)


@pytest.mark.parametrize(
    ("stateful", "says"),
    [
        ({"type": "new_term"}, "stateful new_term"),
        ({"type": "absence", "expect": "baseline"}, "expect: baseline is not built yet"),
        ({"type": "absense"}, "unknown stateful type absense, did you mean absence?"),
        ({"type": "absence", "by": ["mail.nrcpt"]}, "by: mail.nrcpt is never in these events"),
        ({"type": "absence", "by": []}, "mailvigil.stateful.by"),
        ({"type": "absence", "by": ["event.id"]}, "by: every event has an event.id of its own"),
    ],
)
def test_a_stateful_rule_is_refused(stateful, says):
    refused(detection("plain", {"event.action": "auth-failure"}, level="low", stateful={"by": ["host.name"], "window": "15m"} | stateful), says=says)


def test_the_fields_of_a_key_stand_in_one_event():
    either = detection("either", {"event.action": ["imap-session-end", "smtp-reject"]})
    two = correlation("two", "event_count", ["either"], ["mail.imap.expunged", "mail.reject.class"], "1h", {"gte": 3})
    refused(either, two, says="group-by: no event has all of mail.imap.expunged, mail.reject.class (imap-session-end, smtp-reject)")
    many = correlation("many", "value_count", ["either"], ["mail.imap.expunged"], "1h", {"gte": 3, "field": "mail.reject.class"})
    refused(either, many, says="field and group-by: no event has all of mail.imap.expunged, mail.reject.class")


def test_an_absence_feeds_nothing():
    silence = detection("silence", {"event.action": "auth-failure"}, level="high", stateful={"type": "absence", "by": ["host.name"], "window": "15m"})
    refused(silence, changed(bf_ip(), ("correlation", "rules"), ["silence"]), says="silence waits for an absence")


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (("mailvigil", "owner"), ..., "key mailvigil.owner is missing"),
        (("mailvigil", "reason"), ..., "key mailvigil.reason is missing"),
        (("mailvigil",), ..., "key mailvigil is missing"),
        (("filter", "condition"), "selection", "would alert only for the excepted"),
        (("filter", "condition"), ["not selection", "selection"], "would alert only for the excepted"),
        (("filter", "rules"), ["bf_ipp"], "there is no rule bf_ipp, did you mean bf_ip?"),
        (("filter", "rules"), [], "a list of rules, or any"),
        (("filter", "rules"), "bf_ip", "a list of rules, or any"),
        (("filter", "selection"), {"source.ipp": "x"}, "unknown field source.ipp"),
    ],
)
def test_an_exception_is_refused(path, value, says):
    refused(FAILURE, bf_ip(), changed(exception("office", ["bf_ip"], {"source.ip": "203.0.113.9"}), path, value), says=says)


def test_only_an_exception_that_ships_may_stand_without_an_end():
    endless = changed(exception("office", "any", {"source.ip": "203.0.113.9"}), ("mailvigil", "expires"), ...)
    assert rules(FAILURE, endless).exemptions[0].expires is None
    refused(FAILURE, endless, says="office never ends", origin="/etc/mailvigil/exceptions.d/office.yaml")
    refused(FAILURE, endless, says="office never ends", origin="./rules/office.yaml")


@pytest.mark.parametrize("site", [{"networks": ["office"]}, {"maintenance": ["always"]}])
def test_a_test_whose_site_is_none_is_refused(site):
    tests = [PAIR[0] | {"site": site}, PAIR[1]]
    refused(detection("one", {"event.action": "auth-failure"}, level="high", tests=tests), says="site: ")


def test_names_and_ids_stand_once():
    fault = refused(FAILURE, FAILURE | {"id": SUCCESS["id"]}, says="name auth_failure stands twice, first in rules/authentication/test.yaml:")
    assert fault.at.line > 10
    refused(FAILURE, SUCCESS | {"id": FAILURE["id"].upper()}, says="stands twice")
    refused(FAILURE, exception("auth_failure", "any", {"source.ip": "203.0.113.9"}), says="name auth_failure stands twice")


def test_a_document_is_of_one_kind():
    refused({"title": "x"}, says="one of detection, correlation and filter is expected")
    refused(FAILURE | {"correlation": {}}, says="one of detection, correlation and filter is expected")


def test_broken_yaml_has_a_place():
    with pytest.raises(RuleError) as caught:
        loader.load([("title: x\ntitle: y\n", "rules/a/x.yaml")], [], catalogue())
    assert str(caught.value) == "rules/a/x.yaml:2:1: key title stands twice"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("applies_to: []", "applies_to: [bf_ipp]", "there is no rule bf_ipp, did you mean bf_ip?"),
        ("applies_to: []", "applies_to: [bf_ip]", "input user.name is in no alert of bf_ip"),
    ],
)
def test_a_playbook_and_its_rules_agree(old, new, says):
    refused(FAILURE, bf_ip(), says=says, error=PlaybookError, playbook=PLAYBOOK.replace(old, new))


def test_several_files_are_one_set():
    files = [(text(bf_ip()), "rules/authentication/a.yaml"), (text(FAILURE), "rules/authentication/b.yaml")]
    assert list(loader.load(files, [(PLAYBOOK, "p.md")], catalogue()).rules) == ["auth_failure", "bf_ip"]
