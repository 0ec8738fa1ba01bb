"""In: paths of MaxMind databases (.mmdb). Out: where an address is and who runs its network, as fields; the only door of maxminddb, an extra.

Format: MaxMind DB File Format Specification 2.0. A database is read into memory whole: whoever replaces the file, in place
or by a rename, never disturbs a look-up. A new one is taken at the next ``look``.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

from collector.agent.health import health
from collector.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from maxminddb import Reader

    from collector.config.settings import GeoSettings
    from collector.model.alert import Fact

_KINDS = {"country": ("country", "city", "enterprise"), "city": ("city", "enterprise"), "asn": ("asn", "isp", "enterprise")}
"""What the name of a database of each kind holds, whoever made it: GeoLite2-ASN, DBIP-Country-Lite."""

_BROKEN = (RuntimeError, ValueError, TypeError, LookupError, AttributeError, struct.error, OverflowError)
"""What maxminddb raises over a file whose bytes mean nothing; its own InvalidDatabaseError is a RuntimeError, and so is RecursionError."""

_HINT = "name the .mmdb file of a country, city or ASN database; without it everything but places works"


class Geo:
    """Answers look-ups from the databases of ``[site.geo]``; one that cannot be read is left out."""

    def __init__(self, settings: GeoSettings) -> None:
        self._paths = {kind: Path(path) for kind in _KINDS if (path := getattr(settings, kind)) is not None}
        self._readers: dict[str, Reader] = {}
        self._seen: dict[str, object] = {}
        self._fault = ""
        self._broken: dict[str, ConfigError] = {}
        """Of readers that gave way in a look-up, until the file is another one."""

    def __call__(self, ip: str) -> Mapping[str, Any]:
        """See parse.enrich.Lookup."""
        found: dict[str, Any] = {}
        for kind in tuple(self._readers):
            record = self._record(kind, ip)
            if isinstance(record, dict):
                found |= _autonomous_system(record) if kind == "asn" else _place(record)
        return found

    def _record(self, kind: str, ip: str) -> object:
        reader = self._readers[kind]
        if ":" in ip and reader.metadata().ip_version == 4:  # noqa: PLR2004 - IPv4
            return None
        try:
            return reader.get(ip)
        except _BROKEN as error:
            del self._readers[kind]
            self._broken[kind] = _refusal(self._paths[kind], f"is damaged: {error}")
            return None

    def load(self) -> bool:
        """Read what is new or has changed; True if something did. Raises ConfigError for the first file that is of no use, the others are read."""
        changed, faults = False, []
        for kind, path in self._paths.items():
            try:
                stat = path.stat()
                stamp = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
                if self._seen.get(kind) != stamp:
                    self._readers[kind] = _open(kind, path)
                    self._seen[kind] = stamp
                    self._broken.pop(kind, None)
                    changed = True
            except OSError as error:
                faults.append(_refusal(path, f"cannot be read: {error.strerror}"))
            except ConfigError as error:
                faults.append(error)
        faults += self._broken.values()
        if faults:
            raise faults[0]
        return changed

    def look(self) -> tuple[bool, list[Fact]]:
        """Read what has changed while the agent runs, and return whether something did and what there is to tell, once."""
        try:
            changed, fault = self.load(), ""
        except ConfigError as error:
            changed, fault = True, error.with_hint
        before, self._fault = self._fault, fault
        if fault == before:
            return changed, []
        return changed, [health("geo", "degraded", fault) if fault else health("geo", "ok", "every database of [site.geo] is read")]


def _open(kind: str, path: Path) -> Reader:
    try:
        import maxminddb  # noqa: PLC0415 - an extra: nobody else pays for it
    except ImportError as error:
        raise ConfigError("[site.geo] needs the package maxminddb, which is not installed", hint="pip install 'mailvigil[geo]', or remove [site.geo]") from error
    try:
        reader = maxminddb.open_database(path, maxminddb.MODE_MEMORY)
        name = reader.metadata().database_type
        wanted = any(one in name.lower() for one in _KINDS[kind])
    except _BROKEN as error:
        raise _refusal(path, "is no MaxMind database") from error
    if not wanted:
        raise _refusal(path, f"is a {name} database, not one for {kind}")
    return reader


def _refusal(path: Path, what: str) -> ConfigError:
    return ConfigError(f"{path} {what}", hint=_HINT)


def _place(record: Mapping[str, Any]) -> dict[str, Any]:
    """Read a record of a country or city database; the location as ``latitude,longitude``, a form of geo_point."""
    found: dict[str, Any] = {}
    country, location = record.get("country"), record.get("location")
    if isinstance(country, dict) and isinstance(country.get("iso_code"), str):
        found["source.geo.country_iso_code"] = country["iso_code"]
    if isinstance(location, dict) and isinstance(location.get("latitude"), float) and isinstance(location.get("longitude"), float):
        found["source.geo.location"] = f"{location['latitude']:g},{location['longitude']:g}"
    return found


def _autonomous_system(record: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    number, name = record.get("autonomous_system_number"), record.get("autonomous_system_organization")
    if isinstance(number, int):
        found["source.as.number"] = number
    if isinstance(name, str):
        found["source.as.organization.name"] = name
    return found
