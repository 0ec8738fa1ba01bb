"""In: merged tables of TOML. Out: Settings: every component's options in one checked tree. Everything has a default."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, ConfigDict, Field

from collector.model.moment import span
from collector.model.site import LOOPBACK, Site
from collector.model.strict_yaml import Strict
from collector.sinks.elasticsearch import ElasticsearchOptions
from collector.sinks.file import FileOptions

_SIZE = re.compile(r"([0-9]+) ?(B|KiB|MiB|GiB)")
_SIZES = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_NAME = re.compile(r"[a-z0-9][a-z0-9_]{0,99}")


def size(text: str) -> int:
    """Return the bytes of ``64 MiB``; raises ValueError for anything else."""
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no size: write a number and B, KiB, MiB or GiB")
    return int(match[1]) * _SIZES[match[2]]


def zone(name: str) -> str:
    """Return the name of a time zone; raises ValueError for one that does not exist."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"{name!r} is no time zone: write a name such as Europe/Vienna") from error
    return name


def _networks(texts: tuple[str, ...]) -> tuple[str, ...]:
    for text in texts:
        ipaddress.ip_network(text)
    return texts


def _namespace(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError(f"{text!r}: lower-case letters, digits and underscores only, at most 100")
    return text


def _span(text: str) -> str:
    span(text)
    return text


def _size(text: str) -> str:
    size(text)
    return text


def _some(text: str) -> str:
    if not size(text):
        raise ValueError("nothing is no limit")
    return text


Zone = Annotated[str, AfterValidator(zone)]
Networks = Annotated[tuple[str, ...], AfterValidator(_networks)]
Namespace = Annotated[str, AfterValidator(_namespace)]
SpanText = Annotated[str, AfterValidator(_span)]
SizeText = Annotated[str, AfterValidator(_size)]


class SiteSettings(Strict):
    """``[site]``: what rules may ask about this host."""

    domains: tuple[str, ...] = Field((), description="the mail domains of this host")
    networks: Networks = Field(LOOPBACK, description="own networks, CIDR")
    trusted_clients: Networks | None = Field(None, description="relays and gateways; default: the networks")
    honeypots: tuple[str, ...] = Field((), description="accounts nobody may log in to")
    maintenance: tuple[str, ...] = Field((), description="maintenance windows")
    known_monitors: Networks = Field((), description="addresses of the own monitoring")

    def site(self) -> Site:
        """Return the facts as the stations take them."""
        trusted = self.networks if self.trusted_clients is None else self.trusted_clients
        domains = tuple(domain.lower().rstrip(".") for domain in self.domains)
        return Site(domains, self.networks, trusted, tuple(name.lower() for name in self.honeypots), self.maintenance, self.known_monitors)


class FileSettings(Strict):
    """``[[source.file]]``: one file, or a glob whose rotated names are skipped."""

    path: str = Field(description="absolute path or glob")
    timezone: Zone | None = Field(None, description="of stamps that name none; default: the global one")
    host: str | None = Field(None, description="host.name of lines that name none; default: this host")
    format: Literal["auto", "rfc3164", "rfc3339", "rfc5424", "dovecot"] = Field("auto", description="the envelope of its lines")
    start: Literal["beginning", "end"] | None = Field(None, description="where reading begins without a position; default: the end on a host never seen, else the beginning")


class SourceSettings(Strict):
    """``[source]``."""

    file: tuple[FileSettings, ...] = ()


class RuleSettings(Strict):
    """``[rules.NAME]``: what a site may change of a shipped rule."""

    enabled: bool | None = Field(None, description="switch it on (extended rules) or off")
    threshold: float | None = Field(None, description="the number at which it fires")
    timespan: SpanText | None = Field(None, description="the length of its window")
    suppress_for: SpanText | None = Field(None, description="quiet time that ends an episode")


class SpoolSettings(Strict):
    """``[spool]``."""

    max_bytes: Annotated[str, AfterValidator(_some)] = Field("1 GiB", description="documents that a required sink has not got yet; then nothing more is read")
    min_free: SizeText | None = Field(None, description="free space to leave on the disk; default: 256 MiB or 5 %, whichever is less")
    overflow: Literal["stop", "alerts_only"] = Field("stop", description="at the limit: read nothing more, or drop event documents only")


class Routing(Strict):
    """What every sink may say about what it gets."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    required: bool = Field(True, description="documents wait for this sink; one that is not required misses what had to go")
    only: Literal["all", "alerts", "events"] = Field("all", description="what it gets")
    start: Literal["newest", "oldest"] = Field("newest", alias="from", description="where a sink that was just configured begins")


class FileSinkSettings(FileOptions, Routing):
    """``[sink.file]``: one NDJSON file a stream and day."""


class ArchiveSettings(FileSinkSettings):
    """``[sink.archive]``: the file sink's default instance."""

    path: str = Field("", description="folder; default: archive/ in the state directory")
    compress: bool = Field(True, description="write .ndjson.gz")
    keep: SpanText | None = Field("7d", description="delete files of days that ended longer ago")
    max_bytes: int | None = Field(2 << 30, gt=0, description="delete the oldest files until all fit in so many bytes")
    required: bool = Field(False, description="documents wait for this sink")


class ElasticsearchSettings(ElasticsearchOptions, Routing):
    """``[sink.elasticsearch]``: Elasticsearch or OpenSearch."""


class SinkSettings(Strict):
    """``[sink.NAME]``; with none configured, ``[sink.archive]`` keeps what was seen on this host."""

    archive: ArchiveSettings | None = None
    file: FileSinkSettings | None = None
    elasticsearch: ElasticsearchSettings | None = None


class Settings(Strict):
    """Everything. ``check`` and ``run`` read the same."""

    namespace: Namespace = Field("default", description="the last part of every data stream's name")
    timezone: Zone = Field("UTC", description="of stamps that name none")
    host: str | None = Field(None, description="host.name; default: this host's own name")
    state_dir: str = Field("/var/lib/mailvigil", description="the spool and the install key")
    content_dir: str = Field("/etc/mailvigil", description="holds parsers.d, rules.d, exceptions.d")
    debug_lines: Literal["count", "ship"] = Field("count", description="what becomes of the daemons' debug lines")
    site: SiteSettings = SiteSettings()
    source: SourceSettings = SourceSettings()
    sink: SinkSettings = SinkSettings()
    spool: SpoolSettings = SpoolSettings()
    rules: dict[str, RuleSettings] = Field(default_factory=dict)


class Overlay(Strict):
    """``overlay.yaml`` of an ``--overlay`` folder: the same keys, for replay and tests."""

    site: SiteSettings = SiteSettings()
    enable: tuple[str, ...] = Field((), description="extended rules to switch on")
    rules: dict[str, RuleSettings] = Field(default_factory=dict)
