"""In: the ``[site]`` settings. Out: Site, what rules may ask about this host."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from collector.model.maintenance import Windows

LOOPBACK = ("127.0.0.1/32", "::1/128")
"""Never 127.0.0.0/8: a real listener or a test bed lives there."""

PLACEHOLDERS = ("domains", "networks", "trusted_clients", "honeypots", "maintenance", "known_monitors")
"""The facts that are lists of texts: each is ``%site.NAME%`` for ``|expand``."""


@dataclass(frozen=True, slots=True)
class OwnProbes:
    """By what the collector's own probes are known: the ports they connect from, addresses that nothing else connects from."""

    ports: range = range(0)
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Site:
    """Facts that no rule may hard-code. Networks are CIDR texts; ``timezone`` is that of the maintenance windows. Raises ValueError for what is none."""

    domains: tuple[str, ...] = ()
    networks: tuple[str, ...] = LOOPBACK
    trusted_clients: tuple[str, ...] = LOOPBACK
    honeypots: tuple[str, ...] = ()
    maintenance: tuple[str, ...] = ()
    known_monitors: tuple[str, ...] = ()
    timezone: str = "UTC"
    probes: OwnProbes = OwnProbes()

    def __post_init__(self) -> None:
        """Refuse networks and windows that are none."""
        ZoneInfo(self.timezone)
        Windows(self.maintenance, self.timezone)
        for network in (*self.networks, *self.trusted_clients, *self.known_monitors):
            ipaddress.ip_network(network)

    def expand(self, placeholder: str) -> tuple[str, ...] | None:
        """Return the values of ``site.NAME``, None for a placeholder that does not exist."""
        name = placeholder.removeprefix("site.")
        return getattr(self, name) if placeholder.startswith("site.") and name in PLACEHOLDERS else None
