"""A file of the host that does not load costs that file only: with real parsers, rules, exceptions and playbooks, through the whole agent."""

import json
from functools import cache

import pytest

from collector.agent import assembly
from collector.agent.own_files import load_around
from collector.config.settings import Settings
from collector.errors import ContentError, Location, ParserError
from tests.support.markdown import ROOT, blocks

PARSER = next(block.text for block in blocks(ROOT / "parsers" / "README.md", "yaml") if block.text.startswith("parser: mailgarden"))
RULE, EXCEPTION = (block.text for block in blocks(ROOT / "rules" / "README.md", "yaml"))


@cache
def shipped():
    return assembly.load_content()


def refuses(*wrong, place="/own/{}", shipped_at=None):
    """Load all names but those left out; the first wrong one is refused, by its own place or by that of a shipped file."""

    def load(without):
        for name in ("a", "b", "c"):
            if name in wrong and f"/own/{name}" not in without:
                raise ContentError(f"{name} is wrong", Location(shipped_at or place.format(name), 1))
        return [name for name in ("a", "b", "c") if f"/own/{name}" not in without]

    return load


def own(without):
    return [name for name in ("/own/a", "/own/b", "/own/c") if name not in without]


def test_what_is_wrong_is_left_out_one_after_the_other():
    loaded, faults = load_around(refuses("a", "c"), own)
    assert loaded == ["b"]
    assert [str(fault) for fault in faults] == ["/own/a:1: a is wrong", "/own/c:1: c is wrong"]


def test_a_file_that_spoils_a_shipped_one_is_found():
    loaded, [fault] = load_around(refuses("b", shipped_at="rules/x.yaml"), own)
    assert loaded == ["a", "c"]
    assert str(fault) == "/own/b: with this file, rules/x.yaml:1: b is wrong"


def test_shipped_content_that_does_not_load_is_an_error():
    def load(without):
        raise ParserError("torn", Location("parsers/x.yaml", 1))

    with pytest.raises(ParserError):
        load_around(load, own)


# real files


@pytest.fixture
def host(tmp_path):
    """Put files of the host; load them."""

    class Host:
        settings = Settings.model_validate({"state_dir": "/nowhere", "content_dir": str(tmp_path)})

        def put(self, path, text):
            file = tmp_path / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            return str(file)

        def load(self):
            return assembly.settled_content(self.settings)

    return Host()


def places(loaded, kind):
    return [str(fault.at) for fault in loaded.faults[kind]]


def test_files_that_load_are_there_and_nothing_is_said(host):
    host.put("parsers.d/mailgarden.yaml", PARSER)
    host.put("rules.d/role.yaml", RULE)
    host.put("exceptions.d/office.yaml", EXCEPTION)
    loaded = host.load()
    assert loaded.faults == {"parsers": (), "rules": ()}
    assert "role_account_guessing" in loaded.rules.active
    assert loaded.parsers.lookup("mailgarden") is not None


def test_a_broken_rule_takes_what_rests_on_it_and_nothing_else(host):
    first, second = RULE.split("---\n")
    broken = host.put("rules.d/a.yaml", first.replace("auth-failure", "auth-falure"))
    resting = host.put("rules.d/b.yaml", second)
    host.put("rules.d/c.yaml", RULE.replace("role_", "other_").replace("7f2a1f60", "7f2a1f61"))
    loaded = host.load()
    assert [place.rpartition("yaml")[0] + "yaml" for place in places(loaded, "rules")] == [broken, resting]
    assert {"other_account_guessing", *shipped().rules.active} == set(loaded.rules.active)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("rules.d/same.yaml", RULE.replace("role_account_failure", "auth_failure")),
        ("rules.d/circle.yaml", RULE.replace("rules: [role_account_failure]", "rules: [role_account_guessing]")),
        ("rules.d/latin.yaml", "title: \ud8ff"),
        ("exceptions.d/wide.yaml", EXCEPTION.replace("rules: [bf_ip]", "rules: any").replace("not selection", "not selektion")),
        ("exceptions.d/gone.yaml", EXCEPTION.replace("bf_ip", "bf_iq")),
        ("rules.d/playbooks/PB-AUTH-01.md", "---\nid: PB-AUTH-01\n---\n"),
    ],
)
def test_what_would_shadow_or_silence_a_shipped_rule_does_not_when_it_is_broken(host, tmp_path, path, text):
    file = host.put(path, "") if "\ud8ff" in text else host.put(path, text)
    if "\ud8ff" in text:
        (tmp_path / path).write_bytes(b"title: \xff")
    loaded = host.load()
    assert [place.partition(":")[0] for place in places(loaded, "rules")] == [file]
    assert loaded.rules.active.keys() == shipped().rules.active.keys()
    assert [one.name for one in loaded.rules.exemptions] == [one.name for one in shipped().rules.exemptions]
    assert loaded.rules.active["bf_ip"].playbook == shipped().rules.active["bf_ip"].playbook


def test_a_pattern_of_the_host_that_spoils_a_shipped_parser_is_left_out(host):
    host.put("parsers.d/a.yaml", PARSER)
    grok = host.put("parsers.d/own.grok", "CLIENT nobody\n")
    loaded = host.load()
    [fault] = loaded.faults["parsers"]
    assert str(fault).startswith(f"{grok}: with this file, parsers/postfix/")
    assert loaded.parsers.lookup("mailgarden") is not None
    assert len(loaded.parsers.shapes) > len(shipped().parsers.shapes)


def test_shipped_content_that_is_broken_is_an_error(host, monkeypatch, tmp_path):
    (tmp_path / "shipped" / "rules").mkdir(parents=True)
    (tmp_path / "shipped" / "rules" / "x.yaml").write_text("title: x\n")
    monkeypatch.setattr("collector.content.root", lambda: tmp_path / "shipped")
    with pytest.raises(ContentError, match=r"rules/x\.yaml:1"):
        host.load()


# the whole agent


def test_the_agent_goes_on_without_the_file_alerts_and_says_why(station):
    file = station.path("content") / "rules.d" / "own.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(RULE.replace("timespan: 10m", "timespan: 10 parsecs"))
    parser = station.path("content") / "parsers.d" / "own.yaml"
    parser.parent.mkdir()
    parser.write_text(PARSER.replace("%{ADDR:", "%{ADRR:"))
    station.write(*[station.failure(user=f"u{n}@example.org") for n in range(12)])
    station.start(once=True, loaded=assembly.settled_content(Settings.model_validate(station.settings)))
    station.parts.health.started()
    station.settle()
    assert {"bf_ip", "spray_ip"} <= {alert["rule"]["id"] for alert in station.documents("alert")}
    told = {document["mail"]["agent"]["subject"]: document for document in station.documents("agent") if document["event"]["action"] == "agent-health"}
    assert set(told) == {"rules", "parsers"}
    for subject, path in (("rules", file), ("parsers", parser)):
        assert told[subject]["mail"]["agent"]["state"] == "degraded"
        assert told[subject]["event"]["reason"].startswith(f"left out: {path}:")
        assert told[subject]["event"]["outcome"] == "failure"
    assert "parsecs" in told["rules"]["event"]["reason"]
    assert json.dumps(told["parsers"]).count("did you mean ADDR") == 1
