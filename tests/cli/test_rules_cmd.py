"""Rules: a list, and their tests through the real parsers."""

import json

import yaml

from collector import content


def test_the_list_names_every_rule_that_speaks(mailvigil):
    result = mailvigil("rules", "list")
    assert result.code == 0
    lines = {line.split()[0]: line for line in result.out.splitlines()[1:]}
    assert " on " in lines["bf_ip"]
    assert " off " in lines["log_silence"]
    assert "auth_failure" not in lines, "it feeds others"
    assert "rules/authentication/" in lines["bf_ip"]


def test_as_json_and_one_of_them(mailvigil):
    found = {one["name"]: one for one in json.loads(mailvigil("rules", "list", "--json").out)}
    assert (found["bf_ip"]["level"], found["bf_ip"]["on"]) == ("medium", True)
    assert "auth_failure" in found
    assert [one["name"] for one in json.loads(mailvigil("rules", "list", "bf_ip", "--json").out)] == ["bf_ip"]


def test_the_tests_of_one_rule(mailvigil):
    result = mailvigil("rules", "test", "bf_ip")
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines()[-1].startswith("1 rules, ")
    assert result.out.splitlines()[-1].endswith(" 0 failures")
    assert json.loads(mailvigil("rules", "test", "bf_ip", "--json").out)["failures"] == []


def own(threshold, expected):
    """The shipped rule under another name, with one test more."""
    [rule] = [document for text, _ in content.texts("rules", "*.yaml") for document in yaml.safe_load_all(text) if document["name"] == "bf_ip"]
    rule |= {"name": "own_bf", "title": "Own", "id": "7f2a1f60-5a54-4b0e-9f0a-2b8a8f6a1c99"}
    rule["correlation"]["condition"] = {"gte": threshold}
    firing = rule["mailvigil"]["tests"][0]
    rule["mailvigil"]["tests"] = [*rule["mailvigil"]["tests"], firing | {"name": "one more", "expect": {"alerts": expected}}]
    return yaml.safe_dump(rule, sort_keys=False)


def test_a_test_that_fails_is_exit_1_and_says_what_was_seen(mailvigil, overlay):
    folder = overlay(rules__own=own(10, 7))
    result = mailvigil("rules", "test", "own_bf", "--overlay", folder)
    assert result.code == 1
    assert "own_bf: one more: 1 alerts, expected 7 (events: " in result.out
    found = json.loads(mailvigil("rules", "test", "own_bf", "--overlay", folder, "--json").out)
    assert [failure["test"] for failure in found["failures"]] == ["one more"]


def test_numbers_of_an_overlay_are_not_what_tests_are_written_for(mailvigil, overlay):
    folder = overlay(overlay="rules: {bf_ip: {threshold: 3}}\nenable: [log_silence]\n")
    assert mailvigil("rules", "test", "bf_ip", "--overlay", folder).code == 0
    assert " on " in next(line for line in mailvigil("rules", "list", "--overlay", folder).out.splitlines() if line.startswith("log_silence"))


def test_the_dump_of_a_rule_is_the_python_of_the_shapes_that_it_judges(mailvigil):
    found = json.loads(mailvigil("rules", "dump", "bf_ip", "--json").out)
    assert {"dovecot.login.auth-failed", "postfix.smtpd.sasl-failure"} <= found.keys()
    for name, source in found.items():
        compile(source, name, "exec")
        assert "add_bf_ip(" in source
    result = mailvigil("rules", "dump", "dovecot.login.auth-failed")
    assert (result.code, result.err) == (0, "")
    assert result.out.strip() == found["dovecot.login.auth-failed"].strip()


def test_the_dump_of_nothing_says_what_to_name(mailvigil):
    result = mailvigil("rules", "dump", "log_silence")
    assert result.code == 2
    assert "nothing judges log_silence" in result.err


def test_the_dump_without_a_name_is_every_judge(mailvigil):
    out = mailvigil("rules", "dump").out
    assert out.count("\ndef judge(event):") > 30
    assert len(mailvigil("rules", "dump", "auth-failure").out) < len(out)


def test_check_names_every_file_that_does_not_load_with_exit_3(mailvigil, overlay, config, tmp_path):
    folder = overlay(rules__own=own(10, 7), rules__broken="title: x\n")
    result = mailvigil("rules", "check", "--overlay", folder)
    assert result.code == 3
    assert f"! {folder / 'rules' / 'broken.yaml'}:1: " in result.err
    assert result.out.endswith(" rules load, 1 files do not\n")
    found = json.loads(mailvigil("rules", "check", "--overlay", folder, "--json").out)
    assert [fault["at"] for fault in found["faults"]] == [f"{folder / 'rules' / 'broken.yaml'}:1"]
    (folder / "rules" / "broken.yaml").unlink()
    assert mailvigil("rules", "check", "--overlay", folder).code == 0
    (tmp_path / "content" / "rules.d").mkdir(parents=True)
    (tmp_path / "content" / "rules.d" / "own.yaml").write_text("title: x\n")
    assert mailvigil("rules", "check", "--config", config()).code == 3
