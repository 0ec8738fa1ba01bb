"""The documents of the bundled day, and documents made by hand."""

import json
from itertools import count

import pytest

from collector.agent import assembly
from collector.cli.demo_cmd import SITE, walk
from collector.report.summary import summarise
from tests.support.hostile import NAMES


@pytest.fixture(scope="session")
def catalogue():
    return assembly.load_catalogue()


@pytest.fixture(scope="session")
def bad_day(catalogue):
    """What the demo reads: documents of alerts, tallies, and their summary."""
    rules = assembly.load_rules(catalogue, site=SITE)
    _, documents, tallies = walk(assembly.Content(catalogue, assembly.load_parsers(catalogue), rules))
    return documents, tallies, summarise(tallies, documents, catalogue)


@pytest.fixture
def document():
    """Make the document of an alert, as the renderer does; every one is an episode of its own."""
    numbers = count(1)

    def make(rule="bf_ip", time="2026-11-24T06:37:04.000Z", severity=73, group=("source.ip=203.0.113.9",), playbook=None, episode=None, seen=None, **given):
        number = next(numbers)
        alert = {
            "episode": episode or f"e{number}", "step": "0", "count": 10, "group": list(group), "event_ids": [f"event{number}"], "evidence": ["a line"], "evidence_missing": 0,
            "first_seen": time, "last_seen": seen or time,
        }  # fmt: skip
        return {
            "@timestamp": time,
            "event": {"id": f"id{number}", "severity": severity, "reason": "Ten of them."},
            "rule": {"id": rule, "name": f"Title Of {rule}", "description": "What it means."},
            "host": {"name": "mx1"},
            "message": "x",
            "mail": {"alert": alert | given} | ({"playbook": playbook} if playbook else {}),
        }

    return make


@pytest.fixture
def hostile_day(document, catalogue):
    """A summary in which attackers chose every name."""
    rendered = "### Possible investigation steps\n\n1. **Look** at " + NAMES[0] + " and `" + NAMES[1] + "`.\n"
    book = {"id": "PB-X-01", "title": NAMES[0], "rendered": rendered}
    documents = [document(f"rule{len(name) % 2}", group=(f"user.name={name}",), evidence=[name, json.dumps(name)], playbook=book, event_ids=["same"]) for name in NAMES]
    for one, name in zip(documents, NAMES, strict=True):
        one["rule"] |= {"name": name, "description": name}
        one["event"]["reason"] = one["host"]["name"] = name
        one["source"] = {"ip": name}
    tallies = {(495_000, dimension, name): 3 for dimension in ("event.action", "source.ip", "user.name", "tls.version") for name in NAMES}
    return summarise(tallies, documents, catalogue)
