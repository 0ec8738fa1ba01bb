"""What rules may ask about the host."""

import pytest

from collector.model.site import LOOPBACK, PLACEHOLDERS, Site


def test_every_fact_of_the_site_expands_to_its_values():
    site = Site(domains=("example.org",), honeypots=("admin@example.org",))
    assert site.expand("site.domains") == ("example.org",)
    assert site.expand("site.honeypots") == ("admin@example.org",)
    assert site.expand("site.known_monitors") == ()
    assert all(isinstance(site.expand(f"site.{name}"), tuple) for name in PLACEHOLDERS)


@pytest.mark.parametrize("placeholder", ["domains", "site.domain", "site.", "site.expand", "site.__class__", "", "other.domains", "site.timezone", "site.probes"])
def test_a_placeholder_that_is_no_fact_expands_to_nothing_at_all(placeholder):
    assert Site().expand(placeholder) is None


def test_only_the_two_loopback_addresses_are_trusted_by_default():
    assert Site().networks == Site().trusted_clients == LOOPBACK == ("127.0.0.1/32", "::1/128")


@pytest.mark.parametrize(
    "fact", [{"networks": ("192.0.2.1/24",)}, {"trusted_clients": ("office",)}, {"known_monitors": ("",)}, {"maintenance": ("always",)}, {"timezone": "Vienna"}]
)
def test_what_is_no_network_window_or_zone_is_refused(fact):
    with pytest.raises((ValueError, KeyError)):
        Site(**fact)
