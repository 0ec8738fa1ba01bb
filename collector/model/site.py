"""In: the ``[site]`` settings. Out: Site, what rules may ask about this host."""

from __future__ import annotations

from dataclasses import dataclass

LOOPBACK = ("127.0.0.1/32", "::1/128")
"""Never 127.0.0.0/8: a real listener or a test bed lives there."""


@dataclass(frozen=True, slots=True)
class Site:
    """Facts that no rule may hard-code; each is a list for ``|expand: '%site.NAME%'``. Networks are CIDR texts."""

    domains: tuple[str, ...] = ()
    networks: tuple[str, ...] = LOOPBACK
    trusted_clients: tuple[str, ...] = LOOPBACK
    honeypots: tuple[str, ...] = ()
    maintenance: tuple[str, ...] = ()
    known_monitors: tuple[str, ...] = ()

    def expand(self, placeholder: str) -> tuple[str, ...] | None:
        """Return the values of ``site.NAME``, None for a placeholder that does not exist."""
        name = placeholder.removeprefix("site.")
        return getattr(self, name) if placeholder.startswith("site.") and name in self.__slots__ else None
