"""Databases of places: real files, broken ones, and files that are replaced while somebody looks."""

import builtins

import pytest

from collector.agent.geo import Geo
from collector.config.settings import GeoSettings
from collector.errors import ConfigError
from collector.parse.enrich import GEO
from tests.support.mmdb import COUNTRIES, SYSTEMS, database

BRAZIL = {"source.geo.country_iso_code": "BR", "source.as.number": 64500, "source.as.organization.name": "Example Carrier"}


@pytest.fixture
def files(tmp_path):
    (tmp_path / "country.mmdb").write_bytes(database(COUNTRIES, "GeoLite2-Country"))
    (tmp_path / "asn.mmdb").write_bytes(database(SYSTEMS, "DBIP-ASN-Lite"))
    return tmp_path


def geo(folder, **names):
    return Geo(GeoSettings(**{kind: str(folder / name) for kind, name in (names or {"country": "country.mmdb", "asn": "asn.mmdb"}).items()}))


def test_an_address_has_a_place_and_a_network(files):
    places = geo(files)
    assert places.load()
    assert places("203.0.113.7") == BRAZIL
    assert places("192.0.2.1") == {"source.geo.country_iso_code": "AT", "source.geo.location": "48.2,16.37"}
    assert places("2001:db8:7::1") == {"source.geo.country_iso_code": "NZ", "source.as.number": 64501}
    assert places("198.51.100.1") == places("::1") == {}
    assert {*places("203.0.113.7"), *places("192.0.2.1")} == set(GEO)


def test_nothing_configured_knows_nothing_and_reads_nothing():
    places = Geo(GeoSettings())
    assert not places.load()
    assert places("203.0.113.7") == {}


def test_a_file_is_read_again_only_when_it_has_changed(files):
    places = geo(files)
    assert (places.load(), places.load()) == (True, False)
    (files / "new").write_bytes(database({"203.0.113.0/24": {"country": {"iso_code": "PT"}}}, "GeoLite2-Country"))
    (files / "new").rename(files / "country.mmdb")
    assert places("203.0.113.7") == BRAZIL
    assert places.load()
    assert places("203.0.113.7") == BRAZIL | {"source.geo.country_iso_code": "PT"}


@pytest.mark.parametrize("content", [b"", b"not a database", b"\xab\xcd\xefMaxMind.com", b"\xab\xcd\xefMaxMind.com\xe1\x41a\x41b", database(SYSTEMS, "x")[900:]])
def test_what_is_no_database_is_refused_with_advice(files, content):
    (files / "bad.mmdb").write_bytes(content)
    with pytest.raises(ConfigError, match=r"bad\.mmdb is no MaxMind database") as refusal:
        geo(files, country="bad.mmdb").load()
    assert "name the .mmdb file" in refusal.value.hint


def test_databases_that_were_mixed_up_are_refused(files):
    with pytest.raises(ConfigError, match="is a GeoLite2-Country database, not one for asn"):
        geo(files, asn="country.mmdb").load()


def test_a_file_that_is_not_there_is_refused_and_the_other_is_read(files):
    places = geo(files, country="none.mmdb", asn="asn.mmdb")
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        places.load()
    assert places("203.0.113.7")["source.as.number"] == 64500


def test_without_the_extra_the_refusal_names_it(files, monkeypatch):
    real = builtins.__import__

    def without(name, *rest):
        if name == "maxminddb":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigError) as refusal:
        geo(files).load()
    assert "mailvigil[geo]" in refusal.value.hint


def test_damage_that_a_look_up_meets_is_told_at_the_next_look_and_ends_nothing(files):
    whole = database(SYSTEMS, "GeoLite2-ASN")
    begin = whole.index(b"\xe2\x58autonomous_system_number")
    (files / "asn.mmdb").write_bytes(whole[:begin] + b"\x20\xff\xff\xff" + whole[begin + 4 :])
    places = geo(files)
    assert places.look()[0]
    assert places("203.0.113.7") == {"source.geo.country_iso_code": "BR"}
    _, facts = places.look()
    assert [fact.fields["mail.agent.state"] for fact in facts] == ["degraded"]
    assert "asn.mmdb is damaged" in facts[0].fields["event.reason"]
    assert places.look()[1] == []
    (files / "asn.mmdb").write_bytes(whole + b"\0")
    assert [fact.fields["mail.agent.state"] for fact in places.look()[1]] == ["ok"]
    assert places("203.0.113.7") == BRAZIL


def test_a_fault_is_told_once_and_its_end_too(files):
    places = geo(files, country="country.mmdb", asn="later.mmdb")
    changed, facts = places.look()
    assert changed
    assert [(fact.action, fact.fields["mail.agent.subject"], fact.fields["mail.agent.state"]) for fact in facts] == [("agent-health", "geo", "degraded")]
    assert places.look()[1] == []
    (files / "later.mmdb").write_bytes((files / "asn.mmdb").read_bytes())
    changed, facts = places.look()
    assert changed
    assert [fact.fields["mail.agent.state"] for fact in facts] == ["ok"]
    assert places.look() == (False, [])
