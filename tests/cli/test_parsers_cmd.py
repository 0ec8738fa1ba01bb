"""Parsers: a list, and their samples."""

import json

PARSER = """
parser: own.filter
program: [ownfilter]
shapes:
  - name: verdict
    contains: verdict
    grok: 'verdict %{WORD:mail.filter.verdict} for %{WORD:email.local_id}'
    action: content-verdict
    samples:
      - line: '2026-11-24T10:00:00+00:00 mx1 ownfilter[12]: verdict spam for ABC'
        expect: {mail.filter.verdict: spam, email.local_id: @ID@}
"""


def test_the_list_names_products_programs_and_numbers_of_shapes(mailvigil):
    found = json.loads(mailvigil("parsers", "list", "--json").out)
    assert {"postfix", "dovecot"} <= {row["product"] for row in found}
    assert sum(row["shapes"] for row in found) > 200
    text = mailvigil("parsers", "list")
    assert text.code == 0
    assert any(line.split()[:2] == ["postfix", "*/smtpd"] for line in text.out.splitlines())
    assert "none: unparsed-line" in text.out or all(row["shapes"] for row in found)


def test_every_shipped_sample_is_what_it_expects(mailvigil):
    result = mailvigil("parsers", "test")
    assert (result.code, result.err) == (0, "")
    assert result.out.endswith(" samples, 0 failures\n")
    assert json.loads(mailvigil("parsers", "test", "--json").out)["samples"] > 300


def test_an_own_parser_is_tested_too(mailvigil, overlay):
    folder = overlay(parsers__own=PARSER.replace("@ID@", "ABC"))
    shipped = json.loads(mailvigil("parsers", "test", "--json").out)["samples"]
    found = json.loads(mailvigil("parsers", "test", "--overlay", folder, "--json").out)
    assert (found["samples"], found["failures"]) == (shipped + 1, [])
    assert "ownfilter" in mailvigil("parsers", "list", "--overlay", folder).out


def test_a_sample_that_is_not_what_it_expects_is_exit_1_and_names_its_place(mailvigil, overlay):
    folder = overlay(parsers__own=PARSER.replace("@ID@", "XYZ"))
    result = mailvigil("parsers", "test", "--overlay", folder)
    assert result.code == 1
    assert f"{folder}/parsers/own.yaml:" in result.out
    assert "XYZ" in result.out
    found = json.loads(mailvigil("parsers", "test", "--overlay", folder, "--json").out)
    assert [failure["shape"] for failure in found["failures"]] == ["own.filter.verdict"]


def test_the_documents_of_a_shape_are_shown(mailvigil):
    found = mailvigil("parsers", "dump", "postfix.smtpd.connect", "--render")
    assert (found.code, found.err) == (0, "")
    name, _, text = found.out.partition(" ")
    assert name == "postfix.smtpd.connect"
    assert json.loads(text)["source"]["ip"] == "<ip>"
    assert json.loads(text)["event"]["action"] == "smtp-connect"
    every = json.loads(mailvigil("parsers", "dump", "--render", "--json").out)
    assert every["postfix.smtpd.connect"] == json.loads(text)
    assert "postfix.qmgr.removed" in every


def test_a_shape_that_does_not_exist_is_named(mailvigil):
    found = mailvigil("parsers", "dump", "postfix.smtpd.conect", "--render")
    assert found.code == 2
    assert "postfix.smtpd.connect" in found.err


def test_the_source_of_a_parser_is_shown(mailvigil):
    result = mailvigil("parsers", "dump", "postfix.smtpd")
    assert result.code == 0
    compile(result.out, "dumped", "exec")
    assert "# postfix.smtpd.connect" in result.out
    (found,) = json.loads(mailvigil("parsers", "dump", "postfix.smtpd", "--json").out)
    assert found == {"parser": "postfix.smtpd", "source": result.out.rstrip("\n") + "\n"}
    assert len(json.loads(mailvigil("parsers", "dump", "--json").out)) > 30


def test_an_unknown_parser_is_an_error_with_the_nearest_name(mailvigil):
    result = mailvigil("parsers", "dump", "postfix.smptd")
    assert result.code == 2
    assert "did you mean postfix.smtpd" in result.err
