"""ATT&CK: ids and names stand together, sub-techniques under their parents."""

import re

import pytest

from collector.detect import attack


def test_a_sub_technique_stands_under_its_parent():
    assert attack.threat(["attack.credential-access", "attack.t1110.001"]) == {
        "threat.framework": "MITRE ATT&CK",
        "threat.tactic.id": ["TA0006"],
        "threat.tactic.name": ["Credential Access"],
        "threat.tactic.reference": ["https://attack.mitre.org/tactics/TA0006/"],
        "threat.technique.id": ["T1110"],
        "threat.technique.name": ["Brute Force"],
        "threat.technique.reference": ["https://attack.mitre.org/techniques/T1110/"],
        "threat.technique.subtechnique.id": ["T1110.001"],
        "threat.technique.subtechnique.name": ["Password Guessing"],
        "threat.technique.subtechnique.reference": ["https://attack.mitre.org/techniques/T1110/001/"],
    }


def test_tactics_follow_from_techniques_where_none_is_named():
    assert attack.threat(["attack.t1557"])["threat.tactic.name"] == ["Credential Access", "Collection"]
    assert attack.threat(["attack.collection", "attack.t1557"])["threat.tactic.name"] == ["Collection"]


def test_one_parent_stands_once():
    assert attack.threat(["attack.t1110.001", "attack.t1110.003"])["threat.technique.id"] == ["T1110"]


def test_an_unknown_technique_is_its_id():
    assert attack.threat(["attack.t1999"])["threat.technique.name"] == ["T1999"]


def test_other_tags_say_nothing():
    assert attack.threat(["cve.2026-1234", "collection"]) == {}


@pytest.mark.parametrize("tag", ["attack.t1110", "attack.t1110.001", "attack.credential-access", "cve.2026-1234", "detection.emerging-threats"])
def test_well_formed(tag):
    assert attack.well_formed(tag)


@pytest.mark.parametrize("tag", ["attack.T1110", "attack.t110", "attack.t1110.1", "attack.credential_access", "attack.credentials", "attack", "t1110", "attack."])
def test_ill_formed(tag):
    assert not attack.well_formed(tag)


def test_the_table_is_closed():
    for technique, (name, tactics) in attack.TECHNIQUES.items():
        assert re.fullmatch(r"T\d{4}(\.\d{3})?", technique)
        assert technique.partition(".")[0] in attack.TECHNIQUES, technique
        assert name
        assert tactics
        assert set(tactics) <= attack.TACTICS.keys()
