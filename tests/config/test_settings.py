from dataclasses import replace

import pytest
from pydantic import ValidationError

from collector.config.settings import Overlay, Settings, endpoint, ports, size
from collector.model.site import OwnProbes, Site


def test_sizes_are_written_with_binary_units():
    assert [size("5 B"), size("2KiB"), size("64 MiB"), size("1 GiB")] == [5, 2048, 64 << 20, 1 << 30]
    for wrong in ("1 GB", "64", "-1 KiB", "1.5 GiB", ""):
        with pytest.raises(ValueError, match="is no size"):
            size(wrong)


def test_trusted_clients_are_the_networks_unless_said_otherwise():
    site = Settings.model_validate({"site": {"networks": ["192.0.2.0/24"], "domains": ["Example.ORG."]}}).facts()
    assert site.trusted_clients == ("192.0.2.0/24",)
    assert site.domains == ("example.org",)
    assert site.expand("site.networks") == ("192.0.2.0/24",)
    assert site.expand("site.nothing") is None
    assert site.expand("networks") is None


def test_every_option_says_what_it_is():
    def fields(model):
        for name, info in model.model_fields.items():
            inner = [a for a in (info.annotation, *getattr(info.annotation, "__args__", ())) if hasattr(a, "model_fields")]
            if not inner:
                assert info.description or name in ("file", "rules", "enable"), f"{model.__name__}.{name}"
            for one in inner:
                fields(one)

    fields(Settings)


def test_the_facts_of_a_site_are_read_strictly():
    given = {
        "timezone": "Europe/Vienna",
        "site": {"honeypots": ["Admin@example.org"], "maintenance": ["Sun 02:00-04:00"], "known_monitors": ["203.0.113.9/32"]},
        "probe": {"source_ports": "61000-61099", "source_address": ["127.0.0.77", "2001:DB8::7"]},
    }
    site = Settings.model_validate(given).facts()
    assert (site.timezone, site.honeypots, site.maintenance) == ("Europe/Vienna", ("admin@example.org",), ("Sun 02:00-04:00",))
    assert site.probes == OwnProbes(range(61000, 61100), ("127.0.0.77", "2001:db8::7"))
    assert Settings.model_validate(given | {"site": {"timezone": "Asia/Tokyo"}}).facts().timezone == "Asia/Tokyo"
    assert Overlay.model_validate({"site": given["site"], "probe": given["probe"]}).facts() == replace(site, timezone="UTC")
    assert Settings().facts() == Overlay().facts() == Site()


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"site": {"maintenance": ["at night"]}}, "no maintenance window"),
        ({"site": {"timezone": "Vienna"}}, "no time zone"),
        ({"site": {"known_monitors": ["nagios"]}}, "nagios"),
        ({"probe": {"source_ports": "61099-61000"}}, "write 61000-61099"),
        ({"probe": {"source_ports": "0-10"}}, "write 61000-61099"),
        ({"probe": {"source_ports": "65000-65536"}}, "write 61000-61099"),
        ({"probe": {"source_ports": "high"}}, "write 61000-61099"),
        ({"probe": {"source_address": ["127.0.0.0/8"]}}, "127.0.0.0/8"),
    ],
)
def test_what_is_no_fact_is_refused(table, says):
    with pytest.raises(ValidationError, match=says):
        Settings.model_validate(table)


def test_ports_are_one_or_a_range():
    assert (ports("61000"), ports("61000-61001")) == (range(61000, 61001), range(61000, 61002))


def source(**given):
    return Settings.model_validate({"source": given}).source


def refused(**given):
    with pytest.raises(ValidationError) as caught:
        source(**given)
    return str(caught.value)


def test_what_is_chosen_of_a_journal():
    def match(**given):
        return source(journal=[given]).journal[0].match

    assert match() == match(facility="mail") == ("SYSLOG_FACILITY=2",)
    assert match(facility=["mail", "local0"]) == ("SYSLOG_FACILITY=2", "SYSLOG_FACILITY=16")
    assert match(matches="_SYSTEMD_UNIT=dovecot.service") == ("_SYSTEMD_UNIT=dovecot.service",)
    assert match(facility="mail", matches=["_UID=0"]) == ("SYSLOG_FACILITY=2", "_UID=0")
    assert match(container="mail", matches=["_UID=0"]) == ("CONTAINER_NAME=mail", "_UID=0", "+", "CONTAINER_TAG=mail", "_UID=0")


def test_a_journals_name_is_where_it_is_not_what_is_chosen():
    names = [source(journal=[given]).journal[0].name for given in ({}, {"facility": "user"}, {"namespace": "mx"}, {"directory": "/j"}, {"container": "mail"})]
    assert names == ["journal", "journal", "journal @mx", "journal /j", "journal of mail"]


@pytest.mark.parametrize(
    "given",
    [
        *({"facility": wrong} for wrong in ("male", [])),
        *({"matches": [wrong]} for wrong in ("--vacuum-size=1", "+", "A=b\nC")),
        {"container": "--x"},
        {"namespace": "a b"},
        {"directory": "/j", "namespace": "x"},
    ],
)
def test_what_is_no_choice_of_a_journal_is_refused(given):
    refused(journal=[given])


def test_two_sources_that_are_one_are_refused():
    assert "two [[source.journal]] are one and the same, journal" in refused(journal=[{}, {"facility": "user"}])
    assert source(journal=[{}, {"container": "mail"}, {"namespace": "x"}]).any
    assert "two [[source.syslog]] are one and the same" in refused(syslog=[{}, {"protocols": ["tcp"]}])


def test_a_listener_stays_on_loopback_unless_said_otherwise():
    assert "write remote = true" in refused(syslog=[{"listen": "0.0.0.0:514"}])
    assert "write remote = true" in refused(syslog=[{"listen": "[2001:db8::1]:514"}])
    for given in ({"listen": "127.0.0.5:514"}, {"listen": "[::1]:514"}, {"listen": "192.0.2.1:514", "remote": True}):
        assert source(syslog=[given]).any
    assert [endpoint(text) for text in ("127.0.0.1:514", "[::1]:514")] == [("127.0.0.1", 514), ("::1", 514)]
    for wrong in ("localhost:514", "127.0.0.1", "::1:514", "127.0.0.1:70000", "999.0.0.1:514", "[zz]:1"):
        assert "listen" in refused(syslog=[{"listen": wrong}])
    refused(syslog=[{"protocols": []}])


def test_no_source_is_no_source():
    assert not source().any
    assert source(stdin={}).any
