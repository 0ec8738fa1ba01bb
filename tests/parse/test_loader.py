import pytest

from collector.errors import ParserError

OTHER = """
parser: {name}
program: [{program}]
shapes:
  - name: line
    contains: '{contains}'
    grok: '{contains}%{{REST:event.reason}}'
    action: {action}
    {more}
    samples:
      - line: '{line}'
        expect: {{}}
"""


def other(name="postfix.other", program="'*/other'", contains="warning: ", line="2026-11-24T10:00:00+00:00 mx1 postfix/other[12]: warning: x", more="", action="service-error"):
    return OTHER.format(name=name, program=program, contains=contains, line=line, more=more, action=action)


def names(dispatch):
    return [entry.shape.name for entry in dispatch.entries]


def test_a_name_finds_the_shapes_of_its_files_in_order(parsers):
    found = parsers.lookup("postfix/smtpd")
    assert (found.product, found.daemon, found.service_name) == ("postfix", "smtpd", "postfix/smtpd")
    assert names(found) == ["postfix.smtpd.connect", "postfix.smtpd.sasl-failure", "postfix.smtpd.disconnect"]


@pytest.mark.parametrize("name", ["postfix/submission/smtpd", "mail-In/smtpd", "x/10025/smtpd", "postfix/smtpd.local", "postfix/smtpd-amavis", "postfix/a/smtpd_b-c"])
def test_the_last_part_or_its_known_prefix_decides(parsers, name):
    assert parsers.lookup(name).service_name == "postfix/smtpd"


@pytest.mark.parametrize("name", ["sshd", "smtpd", "imap-login", "kernel", ""])
def test_other_programs_are_no_mail_programs(parsers, name):
    assert parsers.lookup(name) is None


def test_a_daemon_that_no_file_names_is_still_its_products(parsers):
    found = parsers.lookup("postfix/newcomer")
    assert (found.service_name, found.entries) == ("postfix/newcomer", ())
    assert parsers.lookup("dovecot/newcomer").service_name == "dovecot/newcomer"


def test_a_bare_product_is_tried_with_all_its_files(load, smtpd):
    again = smtpd.replace("postfix.smtpd", "postfix.again").replace("*/smtpd", "*/again").replace("postfix/smtpd", "postfix/again").replace("smtpd-process", "again-process")
    found = load(smtpd, other(more="catch_all: true"), again).lookup("postfix")
    assert (found.service_name, found.daemon) == ("postfix", None)
    assert names(found)[0] == "postfix.smtpd.connect"
    assert names(found)[3] == "postfix.again.connect"
    assert names(found)[-1] == "postfix.other.line", "a catch_all stands last, whatever its file"


def test_a_leading_star_never_takes_dovecot(load):
    parsers = load(other(program="'*/lmtp'", line="2026-11-24T10:00:00+00:00 mx1 postfix/lmtp[1]: warning: x"))
    assert parsers.lookup("postfix/lmtp").product == "postfix"
    assert parsers.lookup("dovecot/lmtp") is None


def test_a_product_of_its_own_goes_to_the_filter_stream(load):
    parsers = load(other(name="opendkim.milter", program="opendkim", line="2026-11-24T10:00:00+00:00 mx1 opendkim[1]: warning: x", action="filter-error"))
    found = parsers.lookup("opendkim")
    assert (found.product, found.service_name, found.entries[0].shape.stream) == ("opendkim", "opendkim", "filter")


def test_a_program_of_another_name_is_a_daemon_of_its_product(load):
    line = "2026-11-24T10:00:00+00:00 mx1 auth[1]: warning: x"
    found = load(other(name="dovecot.pam", program="auth", line=line)).lookup("auth")
    assert (found.product, found.service_name, found.entries[0].shape.stream) == ("dovecot", "dovecot/auth", "dovecot")


def test_a_file_without_shapes_names_its_programs(load):
    parsers = load("parser: postfix.more\nprogram: ['*/proxymap']")
    assert parsers.lookup("postfix/proxymap").entries == ()


def test_every_shape_of_an_event_is_known(parsers):
    found = {shape.name for shape in parsers.shapes}
    assert found == {
        "postfix.smtpd.connect",
        "postfix.smtpd.sasl-failure",
        "postfix.smtpd.disconnect",
        "postfix.smtpd.disconnect+1",
        "dovecot.login.auth-failed",
        "postfix.unparsed",
        "dovecot.unparsed",
        "filter.unparsed",
        "postfix.debug",
        "dovecot.debug",
        "filter.debug",
    }
    assert parsers.products == ("postfix", "dovecot")


def test_a_sample_that_another_shape_takes_is_refused(load):
    greedy = other(name="postfix.a", program="'*/smtpd'", contains="connect", line="2026-11-24T10:00:00+00:00 mx1 postfix/smtpd[12]: connect x")
    narrow = greedy.replace("postfix.a", "postfix.b").replace("connect x", "connect y")
    with pytest.raises(ParserError, match=r"^1\.yaml:5:5: postfix\.b\.line, sample 0: postfix\.a\.line takes the line first"):
        load(greedy, narrow)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("warning: x", "no envelope opens the line"),
        ("2026-11-24T10:00:00+00:00 mx1 sshd[1]: warning: x", "its own shape does not take the line"),
        ("2026-11-24T10:00:00+00:00 mx1 postfix/other[1]: my warning: x", "its own shape does not take the line"),
    ],
)
def test_a_sample_that_its_shape_does_not_take_is_refused(load, line, message):
    with pytest.raises(ParserError, match=message):
        load(other(line=line))


def test_a_sample_that_quotes_a_secret_is_refused_without_it(load):
    line = "2026-11-24T10:00:00+00:00 mx1 dovecot: auth: warning (given password: hunter2)"
    with pytest.raises(ParserError) as error:
        load(other(name="dovecot.auth", program="dovecot/auth", contains="warning", line=line).replace("warning%{REST:event.reason}", "warning!%{REST:event.reason}"))
    assert "hunter2" not in str(error.value)
