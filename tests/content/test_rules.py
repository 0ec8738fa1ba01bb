"""The shipped rules and playbooks: they load, prove themselves, know no site, and are what the lab's table names."""

import re
import shlex
from functools import cache

import pytest
import yaml

from collector import content
from collector.detect import loader as rule_loader
from collector.detect import playbooks
from collector.detect.engine import Detector
from collector.model import catalogue
from collector.model.finding import Births
from collector.model.identity import Identity
from collector.parse import loader as parser_loader
from collector.parse.engine import Engine
from collector.parse.enrich import Enricher
from collector.pipeline import rule_tests
from collector.pipeline.merge import Merge
from collector.pipeline.pipeline import Pipeline
from collector.pipeline.render import Renderer

LAB = content.root() / "tests" / "lab"
CORE = {
    "authentication": {"bf_ip", "bf_user", "spray_ip", "distributed_user", "bf_success", "plaintext_auth", "honeypot_user"},
    "encryption": {
        "tls_outbound_dest", "tls_weak_protocol", "client_refuses_cert", "many_clients_refuse_cert", "client_says_expired",
        "outbound_cert_refused", "tls_required_missing", "dane_failure",
    },
    "traffic": {"relay_attempt", "dir_harvest", "deferred_spike", "send_volume_user"},
    "reputation": {"remote_says_listed"},
    "service": {"auth_backend_down", "agent_stopped"},
}  # fmt: skip
EXTENDED = {"encryption": {"tls_inbound_burst"}, "traffic": {"local_script_mail"}, "service": {"log_silence"}}
NOT_IN_THE_LAB = {"agent_stopped", "deferred_spike", "honeypot_user", "log_silence"}

ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}", re.IGNORECASE)
DOMAIN = re.compile(r"\b[a-z0-9-]+\.(?:example|com|net|org|at|de|io|local)\b", re.IGNORECASE)

# What fires at the firing samples of another rule, and why that is right.
CROSS = {
    ("bf_ip", "spray_ip"): "ten failures at ten accounts",
    ("bf_ip", "bf_user"): "half an hour at one account",
    ("bf_success", "bf_ip"): "twenty failures in twenty minutes before the login",
    ("bf_success", "log_silence"): "a quarter of an hour between the failures and the login",
    ("tls_weak_protocol", "log_silence"): "a connection an hour",
}


@cache
def vocabulary():
    return catalogue.load(content.package_text("model/fields.yaml"), content.package_text("model/actions.yaml"))


@cache
def parsers():
    return parser_loader.load(content.texts("parsers", "*.yaml"), content.texts("parsers/patterns", "*.grok"), vocabulary())


@cache
def shipped(site=None):
    texts, pages = list(content.texts("rules", "*.yaml")), list(content.texts("rules/playbooks", "*.md"))
    names = rule_loader.load(texts, pages, vocabulary()).rules
    return rule_loader.load(texts, pages, vocabulary(), site=site, enable=names)


def fresh(site):
    identity = Identity()
    engine = Engine(parsers(), vocabulary(), identity)
    births = Births(vocabulary(), {"host.name": "mx1", "service.type": "mailvigil"})
    renderer = Renderer(vocabulary(), {"agent.id": identity.agent_id, "agent.type": "mailvigil", "agent.version": "0"})
    return Pipeline(Merge(engine.open, live=False), engine, Detector(shipped(site), vocabulary(), identity), renderer, births, identity, Enricher(site))


SPEAKING = sorted(rule.name for rule in shipped().rules.values() if rule.speaks)


@pytest.mark.parametrize("name", SPEAKING)
def test_every_test_of_a_rule_passes(name):
    results = list(rule_tests.run(shipped().rules[name], fresh))
    assert [f"{result.test}: {result.message}" for result in results if not result.ok] == []


def test_the_pack_is_what_it_says():
    for tier, wanted in (("core", CORE), ("extended", EXTENDED)):
        found = {}
        for rule in shipped().rules.values():
            if rule.speaks and rule.document.mailvigil.tier == tier:
                found.setdefault(rule.facts.category, set()).add(rule.name)
        assert found == wanted


def test_the_names_are_those_of_the_labs_table():
    table = yaml.safe_load((LAB / "expected.yaml").read_text())
    entries = [*table.values(), *(entry for row in table.values() for entry in row.get("scenarios", {}).values())]
    known = {name for entry in entries for key in ("rules", "also") for name in entry.get(key, ())}
    assert set(SPEAKING) - known == NOT_IN_THE_LAB


def test_the_labs_overlay_changes_only_what_its_rules_have():
    overlay = yaml.safe_load((LAB / "overlay.yaml").read_text())
    overrides = {name: rule_loader.Override(**settings) for name, settings in overlay["rules"].items() if name in shipped().rules}
    assert {"bf_ip", "bf_user", "client_says_expired", "dane_failure", "outbound_cert_refused", "send_volume_user", "tls_inbound_burst", "tls_required_missing"} <= overrides.keys()
    rules = rule_loader.load(content.texts("rules", "*.yaml"), content.texts("rules/playbooks", "*.md"), vocabulary(), overrides=overrides, enable=overlay["enable"])
    assert rules.rules["bf_ip"].correlation.threshold == 3
    assert rules.rules["client_says_expired"].suppress.quiet == 30_000
    assert {"tls_inbound_burst", "local_script_mail"} <= rules.active.keys()


def test_every_rule_that_speaks_loudly_has_a_playbook_and_every_playbook_is_used():
    rules = [rule for rule in shipped().rules.values() if rule.speaks]
    assert [rule.name for rule in rules if rule.playbook is None] == []
    used = {}
    for rule in rules:
        used.setdefault(rule.playbook.id, set()).add(rule.name)
    assert used == {page.id: set(page.applies_to) for page in shipped().playbooks.values()}


def test_a_playbook_names_only_playbooks_that_exist():
    for page in shipped().playbooks.values():
        named = set(re.findall(r"PB-[A-Z]+-\d+", page.note + page.setup + " ".join(page.severity_guide.values())))
        assert named <= shipped().playbooks.keys(), page.id


@pytest.mark.parametrize("hostile", ["x'; touch /tmp/x; '", "$(id)", "`id`", 'a"b\\', "-rf", "a b|c>d", "\u202ex\n"])
def test_a_value_is_one_word_of_a_playbooks_command_whatever_it_holds(hostile):
    for page in shipped().playbooks.values():
        for number, command in enumerate(page.commands):
            fields = dict.fromkeys(page.inputs, hostile)
            rendered = playbooks.render(page, fields)
            lines = [line.strip() for line in rendered.split("### Commands")[1].splitlines() if line.startswith("      ")]
            words = shlex.split(lines[number])
            plain = shlex.split(re.sub(r"\{\{.*?\}\}", "VALUE", command.run))
            holders = [word for word in words if playbooks.visible(hostile) in word]
            assert len(holders) == sum("VALUE" in word for word in plain), (page.id, command.label)
            assert [word for word in words if word not in holders and word != "--"] == [word for word in plain if "VALUE" not in word and word != "--"]


def test_commands_say_what_they_change_and_how_to_take_it_back():
    for page in shipped().playbooks.values():
        assert {command.where for command in page.commands} <= {"host", "elsewhere"}
        assert len(page.commands) >= 3, page.id
        if any(command.effect == "changes" for command in page.commands):
            assert "ndo" in page.note, page.id


def test_no_rule_knows_a_site():
    for rule in shipped().rules.values():
        block = rule.document.detection if rule.correlation is None else rule.document.correlation.model_dump(by_alias=True)
        assert ADDRESS.findall(str(block)) == DOMAIN.findall(str(block).replace("%site.", "%")) == [], rule.name


def test_every_rule_names_the_principal_of_its_episodes():
    assert [rule.name for rule in shipped().rules.values() if rule.speaks and rule.document.mailvigil.suppress.by is None] == []


def test_ids_are_random_and_stand_once():
    ids = [rule.facts.uuid for rule in shipped().rules.values()]
    assert len(set(ids)) == len(ids)
    assert all(one[14] == "4" for one in ids)


def test_other_rules_fire_at_a_rules_samples_only_where_that_is_right():
    hits = {(hit.rule, hit.other) for hit in rule_tests.cross([shipped().rules[name] for name in SPEAKING], fresh)}
    assert hits == CROSS.keys()
