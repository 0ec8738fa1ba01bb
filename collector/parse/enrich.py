"""In: a shape, the site's facts, a way to look up addresses. Out: what an event's own fields mean at this site, added to it.

A pure function of the event and the site: nothing is remembered but answers. A fact stands wherever it is known, true or
false; it stays away where the site states no such list or the event lacks what it is about.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any, Protocol

from collector.model.maintenance import Windows
from collector.model.site import Site
from collector.parse import convert

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from collector.model.event import Event
    from collector.model.shape import Shape

    Fill = Callable[[dict[str, Any], Mapping[str, Any]], None]

LIMIT = 8192
"""Answers remembered about each kind of thing; beyond it they are found out anew."""

GEO = ("source.geo.country_iso_code", "source.geo.location", "source.as.number", "source.as.organization.name")
_CLIENT = ("mail.client.internal", "mail.client.trusted", "mail.client.monitor", "mail.client.network", *GEO)
_DIRECTIONS = ("network.direction", "email.direction")
MAINTENANCE = "mail.maintenance"

FOLLOWS: Mapping[str, tuple[str, ...]] = {
    "source.ip": _CLIENT,
    "user.name": ("mail.auth.honeypot",),
    "mail.from.domain": ("mail.from.internal",),
    "mail.to.domain": ("mail.to.internal", *_DIRECTIONS),
}
"""What may be added, by the field that it follows from; on top of it ``PROBED`` and ``MAINTENANCE``."""

OWN_PROBE = "mail.probe.own"
PROBED = frozenset((
    *("smtp-connect", "smtp-disconnect", "smtp-lost-connection", "smtp-timeout", "postscreen-connect", "postscreen-pass", "postscreen-hangup", "postscreen-disconnect"),
    *("tls-start", "tls-established", "tls-handshake-failed", "tls-library-error", "imap-no-auth", "imap-disconnect", "imap-inactivity"),
))
"""What a probe leaves in a log: it connects, shakes hands and goes. It never logs in and sends no mail, so no such event is ever excused."""

_LOCAL = ("local", "pipe")
_V6_PREFIX, _V4_PREFIX = 64, 24


class Lookup(Protocol):
    """Where an address is and who runs its network."""

    def __call__(self, ip: str) -> Mapping[str, Any]:
        """Return fields of ``GEO``; none for an address that nobody knows. Never raises."""


def nowhere(ip: str) -> Mapping[str, Any]:
    """Know nothing about any address."""
    del ip
    return {}


class _Known(dict[str, Any]):
    """Answers by what was asked, bounded: a hit costs one look."""

    def __init__(self, answer: Callable[[str], Any]) -> None:
        super().__init__()
        self._answer = answer

    def __missing__(self, asked: str) -> Any:
        if len(self) >= LIMIT:
            self.clear()
        found = self[asked] = self._answer(asked)
        return found


class Enricher:
    """Adds facts to events of one site."""

    def __init__(self, site: Site | None = None, lookup: Lookup = nowhere) -> None:
        site = Site() if site is None else site
        self._lookup = lookup
        self._networks = _networks(site.networks)
        self._trusted = _networks(site.trusted_clients)
        self._monitors = _networks(site.known_monitors)
        self._ports = frozenset(site.probes.ports)
        self._probes = frozenset(str(ipaddress.ip_address(one)) for one in site.probes.addresses)
        self._windows = Windows(site.maintenance, site.timezone)
        self._domains = tuple(convert.domain(one) for one in site.domains)
        self._honeypots = frozenset(one.lower() for one in site.honeypots)
        self._clients: dict[frozenset[str], _Known] = {}
        self._own = _Known(self._is_own)
        self._accounts = _Known(self._is_honeypot)
        self._internal = _Known(self._is_internal)
        self._fills: dict[Shape, Fill | None] = {}

    def enrich(self, event: Event) -> None:
        """Add to an event what is known about it."""
        shape = event.shape
        try:
            fill = self._fills[shape]
        except KeyError:
            fill = self._fills[shape] = self.bind(shape)
        if fill is not None:
            fill(event.dynamic, event.tag)
        if self._windows:
            event.dynamic[MAINTENANCE] = self._windows.hold(event.time)

    def at(self, time: int) -> dict[str, Any]:
        """Return the facts about a moment (ms since the epoch), for what is no event."""
        return {MAINTENANCE: self._windows.hold(time)} if self._windows else {}

    def forget(self) -> None:
        """Look addresses up anew: the answers may have changed."""
        for known in self._clients.values():
            known.clear()

    def bind(self, shape: Shape) -> Fill | None:
        """Return what fills the fields of a shape's events (dynamic fields, tag); None where there is nothing to add."""
        fills = [fill for fill in (self._client(shape), self._probe(shape), self._account(shape), self._message(shape)) if fill is not None]
        if len(fills) <= 1:
            return fills[0] if fills else None

        def fill(dynamic: dict[str, Any], tag: Mapping[str, Any]) -> None:
            for one in fills:
                one(dynamic, tag)

        return fill

    def _client(self, shape: Shape) -> Fill | None:
        wanted = frozenset(name for name in _CLIENT if name in shape.fields)
        if not wanted or "source.ip" not in shape.fields:
            return None
        known = self._clients.setdefault(wanted, _Known(lambda ip: {name: value for name, value in self._of_client(ip).items() if name in wanted}))

        def fill(dynamic: dict[str, Any], _tag: Mapping[str, Any]) -> None:
            ip = dynamic.get("source.ip")
            if ip is not None:
                dynamic.update(known[ip])

        return fill

    def _of_client(self, ip: str) -> dict[str, Any]:
        address = _address(ip)
        if address is None:
            return {}
        prefix = _V4_PREFIX if address.version == 4 else _V6_PREFIX  # noqa: PLR2004 - IPv4
        facts: dict[str, Any] = {
            "mail.client.internal": _within(address, self._networks),
            "mail.client.trusted": _within(address, self._trusted),
            "mail.client.network": str(ipaddress.ip_network((address, prefix), strict=False)),
        }
        if self._monitors:
            facts["mail.client.monitor"] = _within(address, self._monitors)
        return facts | dict(self._lookup(ip))

    def _probe(self, shape: Shape) -> Fill | None:
        if shape.action not in PROBED or "source.ip" not in shape.fields or not (self._ports or self._probes):
            return None
        ports, addresses, own = self._ports, self._probes, self._own

        def fill(dynamic: dict[str, Any], _tag: Mapping[str, Any]) -> None:
            ip, port = dynamic.get("source.ip"), dynamic.get("source.port")
            if ip is not None and (ip in addresses if port is None or not ports else port in ports and own[ip]):
                dynamic[OWN_PROBE] = True

        return fill

    def _is_own(self, ip: str) -> bool:
        address = _address(ip)
        return address is not None and (ip in self._probes or _within(address, self._networks))

    def _account(self, shape: Shape) -> Fill | None:
        if "mail.auth.honeypot" not in shape.fields or not self._honeypots:
            return None
        known = self._accounts

        def fill(dynamic: dict[str, Any], _tag: Mapping[str, Any]) -> None:
            name = dynamic.get("user.name")
            if name is not None:
                dynamic["mail.auth.honeypot"] = known[name]

        return fill

    def _is_honeypot(self, name: str) -> bool:
        plain = name.lower()
        return plain in self._honeypots or plain.rpartition("@")[0] in self._honeypots

    def _message(self, shape: Shape) -> Fill | None:
        wanted = [name for name in ("mail.from.internal", "mail.to.internal") if name in shape.fields]
        directions = [name for name in _DIRECTIONS if name in shape.fields] if "mail.to.internal" in wanted else []
        if not wanted or not self._domains:
            return None
        pairs = [(name, name.replace("internal", "domain")) for name in wanted]
        known = self._internal

        def fill(dynamic: dict[str, Any], _tag: Mapping[str, Any]) -> None:
            for name, origin in pairs:
                value = dynamic.get(origin)
                if value is not None:
                    dynamic[name] = known[value]
            if directions:
                way = direction(dynamic)
                if way is not None:
                    for name in directions:
                        dynamic.setdefault(name, way)

        return fill

    def _is_internal(self, name: str) -> bool:
        return any(name == own or name.endswith(f".{own}") for own in self._domains)


def direction(fields: Mapping[str, Any]) -> str | None:
    """Return which way a message goes, None where that is not known.

    The recipient decides whether it leaves. One that stays is internal if one of the site's own handed it in: whoever had
    logged in; a local program or a trusted client, unless it passes on the mail of a stranger. A sender's address alone
    proves nothing.
    """
    stays = fields.get("mail.to.internal")
    if not stays:
        return None if stays is None else "outbound"
    if "user.name" in fields:
        return "internal"
    trusted = True if fields.get("mail.origin") in _LOCAL else fields.get("mail.client.trusted")
    sender = fields.get("mail.from.internal")
    if trusted:
        return "inbound" if sender is False else "internal"
    return "inbound" if trusted is False or sender is False else None


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return an address, IPv4 for a mapped one; None for what is none."""
    plain = convert.ip(text)
    return None if plain is None else ipaddress.ip_address(plain)


def _networks(texts: Iterable[str]) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    return [ipaddress.ip_network(text) for text in texts]


def _within(address: ipaddress.IPv4Address | ipaddress.IPv6Address, networks: Iterable[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    return any(address in network for network in networks)
