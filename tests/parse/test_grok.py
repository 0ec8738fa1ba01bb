import re

import pytest

from collector.errors import Location, ParserError
from collector.parse.grok import Patterns

AT = Location("p.yaml", 7, 11)


def compiled(grok, *files):
    return Patterns(files).compile(grok, AT)


def refusal(grok, *files):
    with pytest.raises(ParserError) as error:
        compiled(grok, *files)
    return error.value


def parts(pattern, text):
    match = pattern.regex.fullmatch(text)
    return None if match is None else {part: match[group] for group, part in pattern.parts}


def test_parts_are_named_and_may_hold_dots():
    pattern = compiled("%{WORD:source.domain} is %{INT:_n}")
    assert parts(pattern, "here is 12") == {"source.domain": "here", "_n": "12"}


def test_a_pattern_is_a_unit():
    pattern = compiled("%{EITHER}!", ("EITHER a|b", "x.grok"))
    assert pattern.regex.fullmatch("a!") is not None
    assert pattern.regex.fullmatch("a") is None


def test_parts_may_stand_inside_parts():
    pattern = compiled("%{OUTER:_outer}", ("OUTER <%{WORD:user.name}>", "x.grok"))
    assert parts(pattern, "<bob>") == {"_outer": "<bob>", "user.name": "bob"}


def test_a_part_may_stand_in_several_branches():
    pattern = compiled("(?:a=%{WORD:_x}|b=%{WORD:_x})")
    assert pattern.parts == (("part0", "_x"), ("part1", "_x"))
    assert pattern.regex.fullmatch("b=1")["part1"] == "1"


def test_files_override_the_dictionary_and_earlier_files():
    pattern = compiled("%{WORD:_x}", ("WORD [a-c]+", "1.grok"), ("# comment\n\nWORD [d-f]+", "2.grok"))
    assert pattern.regex.fullmatch("abc") is None
    assert pattern.regex.fullmatch("def") is not None


def test_classes_are_ascii_and_a_dot_matches_a_line_end():
    assert compiled(r"\d+").regex.fullmatch("\u0663") is None
    assert compiled("%{GREEDYDATA:_x}").regex.fullmatch("a\nb") is not None


@pytest.mark.parametrize(
    ("grok", "files", "message"),
    [
        ("%{NOPE}", (), "unknown pattern NOPE"),
        ("%{WROD:_x}", (), "did you mean WORD?"),
        ("%{WORD:_x:int}", (), "left-over"),
        ("%{WORD", (), "left-over"),
        ("%{}", (), "left-over"),
        ("a(", (), "no regex"),
        ("a{99999999999}", (), "no regex"),
        ("(?P<own>a)", (), "name of its own"),
        (r"(a)\1", (), "back-reference"),
        ("(a)?(?(1)b|c)", (), "back-reference"),
        ("a.*b", (), "unnamed .*"),
        ("a.*?b", (), "unnamed .*"),
        ("a%{DATA}b", (), "unnamed .*"),
        ("(?:a.*)?b", (), "unnamed .*"),
        ("%{DATA:_x}", (), "lazy"),
        ("a%{DATA:_x}b", (), "lazy"),
        ("%{GREEDYDATA:_x}%{WORD}", (), "greedy"),
        ("a=%{GREEDYDATA:_x} b=%{GREEDYDATA:_y}", (), "greedy"),
        ("a=%{GREEDYDATA:_x}(?: b)?", (), "greedy"),
        ("%{GREEDYDATA:_x}; .*", (), "greedy"),
        ("(?:[a-z]+=[0-9]+)*", (), "nested quantifiers"),
        ("(?:(?:a*)b)+", (), "nested quantifiers"),
    ],
)
def test_what_could_run_away_or_astray_is_refused_with_its_place(grok, files, message):
    error = refusal(grok, *files)
    assert message in str(error)
    assert str(error).startswith("p.yaml:7:11: ")


@pytest.mark.parametrize(
    "grok",
    [
        "a.*",
        "a(?: b.*)?",
        "a%{GREEDYDATA:_x}",
        "user=<%{GREEDYDATA:user.name}>, rip=[0-9.]+(?:, TLS)?",
        "(?:x%{GREEDYDATA:_a}|y%{GREEDYDATA:_b})",
        "%{GREEDYDATA:_x}(?:ab|ac)d",
        "(?:[a-z]++=[0-9]++ ?)*",
        "(?:[^,]{1,9},)*",
        "(?>(?:a+)b)*",
    ],
)
def test_what_is_anchored_is_taken(grok):
    assert compiled(grok).regex.pattern


def test_a_pattern_that_contains_itself_is_refused_where_it_stands():
    error = refusal("%{A}", ("A x%{B}\nB y%{A}", "x.grok"))
    assert "contains itself" in str(error)
    assert str(error).startswith("x.grok:2:1: ")


def test_patterns_that_double_each_other_are_refused():
    lines = ["P0 ab", *(f"P{n} %{{P{n - 1}}}%{{P{n - 1}}}" for n in range(1, 16))]
    assert "characters" in str(refusal("%{P15}", ("\n".join(lines), "x.grok")))


@pytest.mark.parametrize(("text", "message"), [("LONELY", "no pattern"), ("a-b x", "no pattern"), ("A x\nA y", "stands twice")])
def test_a_broken_pattern_file_is_refused(text, message):
    with pytest.raises(ParserError, match=message):
        Patterns([(text, "x.grok")])


def test_only_the_dictionary_of_the_library_is_used():
    assert re.fullmatch(compiled("%{IPV4:source.ip}").regex, "192.0.2.1")
