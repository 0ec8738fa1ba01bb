import pytest

from collector.errors import ParserError

SAMPLE = "2026-11-24T10:00:00+00:00 mx1 postfix/smtpd[12]: connect from unknown[203.0.113.7]"


FACTS = "set: {network.protocol: smtp, network.direction: inbound}"


def parser(shape="", *, top="", grok="connect from %{CLIENT}", action="smtp-connect", expect="{source.ip: 203.0.113.7}", facts=FACTS):
    return f"""parser: postfix.smtpd
program: ['*/smtpd']
{facts}
{top}
shapes:
  - name: connect
    contains: connect from
    grok: '{grok}'
    action: {action}
    samples:
      - line: '{SAMPLE}'
        expect: {expect}
    {shape}
"""


def entry(load, *given, **others):
    return next(load(parser(*given, **others)).entries)


def refusal(load, *given, **others):
    with pytest.raises(ParserError) as error:
        load(parser(*given, **others))
    assert str(error.value).startswith("0.yaml:"), "a refusal says where"
    return str(error.value)


def test_a_shape_says_all_that_its_events_may_carry(load):
    shape = entry(load).shape
    assert (shape.name, shape.action, shape.stream) == ("postfix.smtpd.connect", "smtp-connect", "postfix")
    assert shape.static["network.direction"] == "inbound"
    assert shape.static["event.dataset"] == "mail.postfix"
    assert {name for name, carried in shape.fields.items() if carried.sure} == {"event.original", "message"}, "an address may be none"
    assert {"source.port", "source.domain", "related.ip", "related.hosts"} <= shape.fields.keys()
    assert {"event.original", "message", "log.offset", "mail.redacted", "mail.capped", "log.level"} <= shape.fields.keys()
    assert shape.fields["source.port"].type == "long"
    assert "user.name" not in shape.fields


def test_facts_of_the_file_reach_only_the_actions_that_allow_them(load):
    facts = "set: {network.protocol: smtp, network.direction: inbound, mail.smtp.stage: auth}"
    also = "also: [{action: auth-failure, copies: [source.ip]}]"
    found = entry(load, also, facts=facts)
    assert "mail.smtp.stage" not in found.shape.static
    assert found.further[0].shape.static["mail.smtp.stage"] == "auth"
    assert found.further[0].shape.name == "postfix.smtpd.connect+1"


@pytest.mark.parametrize(
    ("grok", "sure"),
    [
        ("connect from %{NAME:source.domain}\\[%{ADDR:source.ip}\\]", {"source.domain", "related.hosts"}),
        ("connect from unknown\\[%{COUNT:source.port}.%{REST:source.ip}", {"source.port"}),
        ("connect from (?:%{NAME:source.domain})?\\[%{ADDR:source.ip}\\]", set()),
        ("connect from unknown\\[%{ADDR:source.ip}\\]%{REST:source.domain}", set()),
        ("connect from (?:a%{NAME:source.domain}|%{NAME:source.domain})\\[%{ADDR:source.ip}\\]", set()),
    ],
)
def test_a_field_is_sure_if_every_line_of_the_shape_has_it(load, grok, sure):
    fields = entry(load, grok=grok, expect="{}").shape.fields
    assert {name for name, carried in fields.items() if carried.sure} == {"event.original", "message", *sure}


@pytest.mark.parametrize("use", ["gives: [message]", "takes: [log.level]"])
def test_no_session_lends_what_the_engine_says_of_each_line(load, use):
    assert "every event has its own" in refusal(load, f"session: {{of: t, {use}}}", top="sessions: {t: {key: [host.name, process.pid]}}")


def test_a_list_is_no_part_of_a_key(load):
    top = "sessions: {t: {key: [host.name, related.ip]}}"
    assert "related.ip is a list" in refusal(load, "session: {of: t, takes: [email.local_id], counts: n}", top=top)


def test_what_functions_give_is_carried_where_it_is_allowed(load):
    found = entry(load, "derive: {seconds: _s}", grok="connect from %{CLIENT}(?: %{COUNT:_s})?", action="smtp-disconnect")
    assert "event.duration" in found.shape.fields
    assert [part for part, _ in found.derive] == ["_s"]


def test_sessions_lend_fields_to_the_shape(load):
    top = "sessions: {t: {key: [host.name, process.pid], age: 2h}}"
    found = entry(load, "session: {of: t, gives: [source.ip, network.protocol, email.local_id], takes: [email.local_id], counts: n}", top=top)
    assert "email.local_id" in found.shape.fields
    assert found.uses[0].table.age == 7_200_000


def test_what_a_use_sets_is_for_later_events_alone(load):
    top = "sessions: {t: {key: [host.name, process.pid]}}"
    found = entry(load, "session: {of: t, set: {email.local_id: A1}, takes: [email.local_id]}", top=top)
    assert found.uses[0].set == {"email.local_id": "A1"}
    assert "email.local_id" not in found.shape.static


@pytest.mark.parametrize(
    ("shape", "others", "message"),
    [
        ("", {"action": "smtp-conect"}, "did you mean smtp-connect?"),
        ("", {"grok": "connect from %{CLIENT}%{COUNT:source.prt}"}, "unknown field source.prt, did you mean source.port?"),
        ("", {"grok": "connect from %{CLIENT}(?: %{COUNT:dovecot.mail_pid})?"}, "smtp-connect may not carry dovecot.mail_pid"),
        ("", {"grok": "connect from %{CLIENT}(?: %{NAME:event.kind})?"}, "may not carry event.kind"),
        ("", {"grok": "connect from %{CLIENT}(?: %{NAME:event.outcome})?"}, "may not carry event.outcome"),
        ("", {"grok": "connect from %{CLIENT}(?: %{NAME:related.ip})?"}, "may not carry related.ip"),
        ("", {"grok": "connect from %{CLINT}"}, "unknown pattern CLINT, did you mean CLIENT?"),
        ("", {"grok": "connect from unknown.*"}, "never has source.ip, source.address"),
        ("", {"facts": "set: {network.protocol: smtp}"}, "never has network.direction"),
        ("", {"facts": "set: {network.protocol: 5, network.direction: inbound}"}, "5 is no keyword"),
        ("", {"facts": "set: {network.protocol: smtp, network.direction: sideways}"}, "closed list"),
        ("", {"facts": "set: {network.protocol: smtp, network.direction: inbound, event.id: x}"}, "not for a parser to say"),
        ("", {"facts": "set: {network.protocol: smtp, network.direction: inbound, dovecot.mailbox: x}"}, "no action of this file may carry dovecot.mailbox"),
        ("", {"top": "service: {submission: {network.protocol: smtp}}"}, "stands in set and in service"),
        ("", {"top": "service: {submission: {network.protocoll: smtp}}"}, "did you mean network.protocol?"),
        ("set: {source.port: '25'}", {}, "no long"),
        ("set: {source.port: 25}", {}, "says source.port twice"),
        ("set: {mail.client.trusted: true}\n    also: [{action: auth-failure, copies: [source.ip], set: {source.ip: 192.0.2.1}}]", {}, "says source.ip twice"),
        ("set: {mail.smtp.stage: auth}", {}, "smtp-connect may not carry mail.smtp.stage"),
        ("derive: {secs: source.ip}", {}, "unknown function secs"),
        ("derive: {openssl: source.ip}", {}, "may carry nothing that the function gives"),
        ("derive: {seconds: _x}", {"action": "smtp-disconnect"}, "no part _x"),
        ("times: _n", {}, "no part _n"),
        ("session: {of: nowhere}", {}, "unknown session table nowhere"),
        ("session: {of: t, takes: [dovecot.session]}", {"top": "sessions: {t: {key: [host.name]}}"}, "may not carry dovecot.session"),
        ("session: {of: t, takes: [email.local_id]}", {"top": "sessions: {t: {key: [host.name]}}"}, "which no shape gives to t"),
        ("session: {of: t, gives: [user.name]}", {"top": "sessions: {t: {key: [host.name]}}"}, "never has user.name"),
        ("session: {of: t, set: {source.port: '25'}}", {"top": "sessions: {t: {key: [host.name]}}"}, "no long"),
        ("session: {of: t, opens: true}", {"top": "sessions: {t: {key: [dovecot.session]}}"}, "never has dovecot.session"),
        ("", {"action": "imap-disconnect"}, "imap-disconnect is no event of stream postfix"),
        ("also: [{action: auth-failed}]", {}, "did you mean auth-failure?"),
        ("also: [{action: auth-failure, copies: [source.ip], times: _n}]", {}, "no part _n"),
        ("also: [{action: auth-failure, copies: [source.ip, user.name]}]", {}, "copies user.name, which postfix.smtpd.connect never has"),
        ("also: [{action: auth-failure, copies: [source.ip], set: {mail.auth.reason: bad-luck}}]", {}, "closed list"),
        ("also: [{action: auth-failure, copies: [source.ip], less: x}]", {}, "less needs times"),
        ("", {"expect": "{source.ipp: x}"}, "unknown field source.ipp"),
    ],
)
def test_what_the_vocabulary_does_not_know_is_refused_with_its_place(load, shape, others, message):
    assert message in refusal(load, shape, **others)


def test_the_place_is_the_keys(load):
    assert refusal(load, "set: {source.port: '25'}").startswith("0.yaml:13:11: ")


def test_less_must_be_counted_by_somebody(load):
    top = "sessions: {t: {key: [host.name]}}"
    shape = "session: {of: t, gives: [source.ip]}\n    also: [{action: auth-failure, copies: [source.ip], times: _n, less: sasl}]"
    assert "which no shape counts" in refusal(load, shape, top=top, grok="connect from %{CLIENT}(?: %{COUNT:_n})?")


def test_a_table_is_declared_once(load, smtpd):
    with pytest.raises(ParserError, match="declared twice"):
        load(smtpd, smtpd.replace("postfix.smtpd", "postfix.again").replace("*/smtpd", "*/other"))


def test_a_shape_without_a_sample_is_refused(load):
    with pytest.raises(ParserError, match=r"0\.yaml:6:5: shape connect has no sample"):
        load(parser().partition("    samples:")[0])


def test_a_sample_must_hold_the_literal(load):
    with pytest.raises(ParserError, match="does not contain 'connected from'"):
        load(parser().replace("contains: connect from", "contains: connected from"))


def test_names_and_catch_alls_are_in_order(load):
    shape = parser().partition("shapes:")[2]
    with pytest.raises(ParserError, match="connect stands twice"):
        load(parser() + shape.lstrip("\n"))
    with pytest.raises(ParserError, match="again stands behind a catch_all"):
        load(parser("catch_all: true") + shape.lstrip("\n").replace("name: connect", "name: again"))
