import pytest

from collector.errors import ParserError
from collector.parse.definition import define, define_all


def text(shape="", top=""):
    return f"""
parser: postfix.smtpd
program: ['*/smtpd']
{top}
shapes:
  - name: connect
    contains: connect from
    grok: 'connect from %{{WORD}}'
    action: smtp-connect
    {shape}
    samples:
      - line: x
        expect: {{source.ip: 192.0.2.1}}
"""


def test_a_file_is_read_with_the_places_of_its_keys():
    definition, source = define(text(), "smtpd.yaml")
    assert (definition.parser, definition.product, definition.program) == ("postfix.smtpd", "postfix", ("*/smtpd",))
    assert str(source.at("shapes", 0, "grok")) == "smtpd.yaml:8:5"
    assert definition.shapes[0].samples[0].events == [{"source.ip": "192.0.2.1"}]


def test_one_use_of_a_session_is_a_list_of_one():
    one = define(text("session: {of: t, opens: true}"), "x.yaml")[0].shapes[0]
    two = define(text("session: [{of: t}, {of: u, counts: n}]"), "x.yaml")[0].shapes[0]
    assert [use.of for use in one.session] == ["t"]
    assert [use.of for use in two.session] == ["t", "u"]


def test_earlier_lines_come_first():
    given = text().replace("line: x", "lines: [x, y]")
    assert define(given, "x.yaml")[0].shapes[0].samples[0].all_lines == ("x", "y")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (text("colour: red"), "unknown key shapes.0.colour"),
        (text("contain: x"), "did you mean contains?"),
        (text("session: {of: t, takes: user.name}"), "session"),
        (text(top="sessions: {t: {key: []}}"), "sessions.t.key"),
        (text(top="sessions: {t: {key: [host.name], age: soon}}"), "no span of time"),
        (text().replace("postfix.smtpd", "smtpd"), "parser"),
        (text().replace("name: connect", "name: Connect It"), "shapes.0.name"),
        (text().replace("contains: connect from", "contains: ''"), "contains"),
        (text().replace("program: ['*/smtpd']", "program: []"), "program"),
        (text().replace("line: x", "line: x\n        lines: [y]"), "either line or lines"),
        (text().replace("- line: x\n        expect", "- expect"), "either line or lines"),
        (text("name: again"), "stands twice"),
        ("parser: [", "no YAML"),
        ("", "one YAML document"),
    ],
)
def test_a_wrong_form_is_refused_with_its_place(given, message):
    with pytest.raises(ParserError, match=r"^x\.yaml") as error:
        define(given, "x.yaml")
    assert message in str(error.value)


def test_a_name_stands_once():
    with pytest.raises(ParserError, match=r"b\.yaml:2:1: parser postfix\.smtpd stands in a\.yaml already"):
        define_all([(text(), "a.yaml"), (text(), "b.yaml")])
