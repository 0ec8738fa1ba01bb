"""What people read names no registry, no issue, and no address or domain that belongs to somebody."""

import ipaddress
import re
from pathlib import Path

import pytest

from tests.support.markdown import ROOT, name

FOLDERS = ("collector", "parsers", "rules", "deploy", "docs", "changelog.d", ".ci", "tests/content", "tests/docs", "tests/golden")
SUFFIXES = {".md", ".py", ".toml", ".yaml", ".grok", ".jsonl", ".json", ".log", ".txt", ".build", ""}
PATHS = [path for path in (*ROOT.glob("*"), *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*"))) if path.is_file() and path.suffix in SUFFIXES]
OWN = sorted(path for path in PATHS if path.name != "LICENSE" and path != Path(__file__) and not {"__pycache__", "_content"} & set(path.parts))

REGISTRY = re.compile(r"pyp[i]\.|pythonhoste[d]|npmj[s]|repo1?\.mave[n]|maven\.or[g]|crates\.i[o]|docker\.i[o]|ghcr\.i[o]|quay\.i[o]", re.IGNORECASE)
ISSUE = re.compile(r"(?<![\w&/'\"(])#[1-9][0-9]*\b|\b(?:GH-|issues? |PR )#?[0-9]+\b", re.IGNORECASE)
URL = re.compile(r"https?://([\w.-]+|\[[0-9a-f:]+\])", re.IGNORECASE)
MAIL = re.compile(r"[\w+.-]@((?:[a-z0-9-]+\.)+[a-z]{2,})(?![\w-]|\.\w)", re.IGNORECASE)
HOST = re.compile(r"(?<![\w.@/-])(?:[a-z0-9-]+\.)+(?:com|net|org|edu|gov|io|dev)(?![\w-]|\.[\w*])", re.IGNORECASE)
V4 = re.compile(r"(?<![\w.-])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![\w-]|\.\w)")
V6 = re.compile(r"(?<![\w:.])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w:.])", re.IGNORECASE)
NOBODYS = re.compile(r"(?:.*\.)?(?:example\.(?:com|net|org)|example|invalid|test|localhost)", re.IGNORECASE)
LINKS = {"www.elastic.co", "sigmahq.io", "attack.mitre.org", "www.rfc-editor.org"}
NETWORKS = [ipaddress.ip_network(text) for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "127.0.0.0/8", "0.0.0.0/32", "2001:db8::/32", "fe80::/10", "::/127")]


def foreign(text):
    try:
        address = ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return False
    return not any(address in network for network in NETWORKS if network.version == address.version)


def faults(text, *, prose):
    yield from (match[0] for match in (*REGISTRY.finditer(text), *ISSUE.finditer(text)))
    yield from (match[0] for match in URL.finditer(text) if "." in match[1] and match[1] not in LINKS and not NOBODYS.fullmatch(match[1]) and not V4.fullmatch(match[1]))
    yield from (match[0] for match in MAIL.finditer(text) if not NOBODYS.fullmatch(match[1]))
    yield from (match[0] for match in V4.finditer(text) if foreign(match[0]))
    if prose:  # a slice of Python looks like an address, its attributes like hosts
        yield from (match[0] for match in V6.finditer(text) if foreign(match[0]))
        yield from (match[0] for match in HOST.finditer(text) if match[0] not in LINKS and not NOBODYS.fullmatch(match[0]))


@pytest.mark.parametrize("path", OWN, ids=name)
def test_a_text_names_nobody(path):
    assert list(faults(path.read_text("utf-8", "replace"), prose=path.suffix != ".py")) == []


BAD = [
    "https://pypi.example/x",
    "see #12",
    "issue 7",
    "https://sigmahq.io.attacker.tld/",
    "http://10.1.2.3/",
    "bob@mail.tld",
    "rip=10.1.2.3,",
    "from fd00::1]",
    "mx.not-an-example.com",
]
GOOD = [
    "bob@example.org",
    "https://es1.example.org:9200",
    "rip=203.0.113.9,",
    "::ffff:192.0.2.7",
    "10:00:00",
    "7.113.0.203.zen.example",
    "https://sigmahq.io/x",
    "source.ip",
]


def test_the_search_finds_what_it_looks_for():
    assert [text for text in BAD if not list(faults(text, prose=True))] == []
    assert [text for text in GOOD if list(faults(text, prose=True))] == []
