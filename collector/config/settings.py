"""In: merged tables of TOML. Out: Settings: every component's options in one checked tree. Everything has a default."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from collector.model.maintenance import Windows
from collector.model.moment import span
from collector.model.site import LOOPBACK, OwnProbes, Site
from collector.model.strict_yaml import Strict
from collector.sinks.elasticsearch import ElasticsearchOptions
from collector.sinks.file import FileOptions
from collector.sinks.syslog import SyslogOptions

_SIZE = re.compile(r"([0-9]+) ?(B|KiB|MiB|GiB)")
_SIZES = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_PORTS = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")
_LAST_PORT = 65535
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


def _windows(texts: tuple[str, ...]) -> tuple[str, ...]:
    Windows(texts)
    return texts


def ports(text: str) -> range:
    """Return the ports of ``61000-61099`` or ``61000``; raises ValueError for anything else."""
    match = _PORTS.fullmatch(text)
    first, last = (int(match[1]), int(match[2] or match[1])) if match is not None else (0, 0)
    if not 1 <= first <= last <= _LAST_PORT:
        raise ValueError(f"{text!r} are no ports: write 61000-61099")
    return range(first, last + 1)


def _ports(text: str) -> str:
    ports(text)
    return text


def _addresses(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(str(ipaddress.ip_address(text)) for text in texts)


FACILITIES = {
    name: number for number, name in enumerate(("kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp"))
} | {f"local{number}": number + 16 for number in range(8)}  # fmt: skip
"""RFC 5424 6.2.1, under the names of syslog(3)."""
_MATCH = re.compile(r"[A-Z_][A-Z0-9_]{0,63}=[^\0\n]*")
_ENDPOINT = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):([0-9]{1,5})")


def endpoint(text: str) -> tuple[str, int]:
    """Return address and port of ``127.0.0.1:514`` or ``[::1]:514``; raises ValueError for anything else."""
    match = _ENDPOINT.fullmatch(text)
    if match is None or int(match[3]) > 65535:  # noqa: PLR2004 - the highest port
        raise ValueError(f"{text!r} is no address and port: write 127.0.0.1:5140 or [::1]:5140")
    address = match[1] or match[2]
    ipaddress.ip_address(address)
    return address, int(match[3])


def _listen(text: str) -> str:
    endpoint(text)
    return text


def _one_or_more(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _facilities(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if name not in FACILITIES:
            raise ValueError(f"{name!r} is no facility: {', '.join(FACILITIES)}")
    if not names:
        raise ValueError("no facility is no entry: name one")
    return names


def _matches(texts: tuple[str, ...]) -> tuple[str, ...]:
    for text in texts:
        if not _MATCH.fullmatch(text):
            raise ValueError(f"{text!r} is no match: write FIELD=value")
    return texts


Zone = Annotated[str, AfterValidator(zone)]
Facilities = Annotated[tuple[str, ...], BeforeValidator(_one_or_more), AfterValidator(_facilities)]
Matches = Annotated[tuple[str, ...], BeforeValidator(_one_or_more), AfterValidator(_matches)]
Listen = Annotated[str, AfterValidator(_listen)]
Networks = Annotated[tuple[str, ...], AfterValidator(_networks)]
Namespace = Annotated[str, AfterValidator(_namespace)]
SpanText = Annotated[str, AfterValidator(_span)]
SizeText = Annotated[str, AfterValidator(_size)]


class GeoSettings(Strict):
    """``[site.geo]``: databases in MaxMind's format (.mmdb), which you supply; needs the extra geo."""

    country: str | None = Field(None, description="path of a country database")
    city: str | None = Field(None, description="path of a city database, which knows the country too")
    asn: str | None = Field(None, description="path of a database of autonomous systems (ASN)")


class ProbeSettings(Strict):
    """``[probe]``: by what the collector's own probes are known in the logs."""

    source_ports: Annotated[str, AfterValidator(_ports)] | None = Field(None, description="local ports that probes connect from, 61000-61099")
    source_address: Annotated[tuple[str, ...], AfterValidator(_addresses)] = Field((), description="addresses that only probes connect from")


class SiteSettings(Strict):
    """``[site]``: what rules may ask about this host."""

    domains: tuple[str, ...] = Field((), description="the mail domains of this host")
    networks: Networks = Field(LOOPBACK, description="own networks, CIDR")
    trusted_clients: Networks | None = Field(None, description="relays and gateways; default: the networks")
    honeypots: tuple[str, ...] = Field((), description="accounts nobody may log in to")
    maintenance: Annotated[tuple[str, ...], AfterValidator(_windows)] = Field((), description="maintenance windows: 2026-12-01T22:00/2026-12-02T02:00, or weekly Sun 02:00-04:00")
    timezone: Zone | None = Field(None, description="zone of the maintenance windows; default: the global one")
    known_monitors: Networks = Field((), description="addresses of the own monitoring")

    geo: GeoSettings = GeoSettings()

    def site(self, probe: ProbeSettings, timezone: str) -> Site:
        """Return the facts as the stations take them; ``timezone`` is the global one."""
        trusted = self.networks if self.trusted_clients is None else self.trusted_clients
        domains = tuple(domain.lower().rstrip(".") for domain in self.domains)
        honeypots = tuple(name.lower() for name in self.honeypots)
        probes = OwnProbes(ports(probe.source_ports) if probe.source_ports is not None else range(0), probe.source_address)
        return Site(domains, self.networks, trusted, honeypots, self.maintenance, self.known_monitors, self.timezone or timezone, probes)


class FileSettings(Strict):
    """``[[source.file]]``: one file, or a glob whose rotated names are skipped."""

    path: str = Field(description="absolute path or glob")
    timezone: Zone | None = Field(None, description="of stamps that name none; default: the global one")
    host: str | None = Field(None, description="host.name of lines that name none; default: this host")
    format: Literal["auto", "rfc3164", "rfc3339", "rfc5424", "dovecot", "docker"] = Field("auto", description="the envelope of its lines; docker: a json-file log of containers")
    start: Literal["beginning", "end"] | None = Field(None, description="where reading begins without a position; default: the end on a host never seen, else the beginning")


class JournalSettings(Strict):
    """``[[source.journal]]``: what systemd-journald keeps, read through journalctl."""

    facility: Facilities = Field(("mail",), description="syslog facilities; beside container or matches only those that are written")
    container: str | None = Field(None, pattern=r"^[A-Za-z0-9][A-Za-z0-9_./-]*$", description="entries of this container instead: its name or its tag")
    matches: Matches = Field((), description="FIELD=value, as journalctl takes them: all fields must match, of one field any value")
    directory: str | None = Field(None, description="folder of journal files; default: this host's journal")
    namespace: str | None = Field(None, pattern=r"^[A-Za-z0-9_.-]+$", description="a journal namespace of this host")
    host: str | None = Field(None, description="host.name of entries that name none; default: this host")
    start: Literal["beginning", "end"] | None = Field(None, description="where reading begins without a position; default: now on a host never seen, else the oldest entry")

    @property
    def name(self) -> str:
        """What the source is called: the journal, not what is chosen of it, so that its position outlives another choice."""
        where = self.directory or (f"@{self.namespace}" if self.namespace else None)
        return " ".join(part for part in ("journal", where, f"of {self.container}" if self.container else None) if part)

    @property
    def match(self) -> tuple[str, ...]:
        """Arguments of journalctl."""
        alone = self.container is None and not self.matches
        facilities = tuple(f"SYSLOG_FACILITY={FACILITIES[name]}" for name in self.facility) if alone or "facility" in self.model_fields_set else ()
        chosen = (*facilities, *self.matches)
        return chosen if self.container is None else (f"CONTAINER_NAME={self.container}", *chosen, "+", f"CONTAINER_TAG={self.container}", *chosen)

    @model_validator(mode="after")
    def _one_journal(self) -> Self:
        if self.directory is not None and self.namespace is not None:
            raise ValueError("directory and namespace name two journals: write one source each")
        return self


class StdinSettings(Strict):
    """``[source.stdin]``: what is piped into ``mailvigil run``. It cannot be read again."""

    timezone: Zone | None = Field(None, description="of stamps that name none; default: the global one")
    host: str | None = Field(None, description="host.name of lines that name none; default: this host")
    format: Literal["auto", "rfc3164", "rfc3339", "rfc5424", "dovecot"] = Field("auto", description="the envelope of its lines")


class ListenerSettings(Strict):
    """``[[source.syslog]]``: a listener for programs and containers that only speak syslog. Its messages cannot be received again."""

    listen: Listen = Field("127.0.0.1:5140", description="address and port")
    protocols: Annotated[tuple[Literal["udp", "tcp"], ...], Field(min_length=1)] = Field(("udp", "tcp"), description="udp loses what comes too fast, tcp waits")
    remote: bool = Field(False, description="true: listen on an address that other hosts reach; anybody there can then forge lines")
    timezone: Zone | None = Field(None, description="of stamps that name none; default: the global one")
    host: str | None = Field(None, description="host.name of messages that name none; default: this host")
    format: Literal["auto", "rfc3164", "rfc3339", "rfc5424"] = Field("auto", description="the envelope of its messages")

    @property
    def name(self) -> str:
        """What the source is called."""
        return f"syslog {self.listen}"

    @model_validator(mode="after")
    def _loopback(self) -> Self:
        if not self.remote and not ipaddress.ip_address(endpoint(self.listen)[0]).is_loopback:
            raise ValueError(f"{self.listen} can be reached by other hosts, and syslog proves nobody's name: listen on 127.0.0.1, or write remote = true")
        return self


class SourceSettings(Strict):
    """``[source]``."""

    file: tuple[FileSettings, ...] = ()
    journal: tuple[JournalSettings, ...] = ()
    stdin: StdinSettings | None = None
    syslog: tuple[ListenerSettings, ...] = ()

    @property
    def any(self) -> bool:
        """True if a source is configured."""
        return bool(self.file or self.journal or self.stdin is not None or self.syslog)

    @model_validator(mode="after")
    def _apart(self) -> Self:
        for kind, names in (("journal", [one.name for one in self.journal]), ("syslog", [one.name for one in self.syslog])):
            if twice := {name for name in names if names.count(name) > 1}:
                raise ValueError(f"two [[source.{kind}]] are one and the same, {', '.join(sorted(twice))}: put what they choose into one")
        return self


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


class SyslogSettings(SyslogOptions, Routing):
    """``[sink.syslog]``: a SIEM or a log server that takes RFC 5424."""

    only: Literal["all", "alerts", "events"] = Field("alerts", description="what it gets")


class SinkSettings(Strict):
    """``[sink.NAME]``; with none configured, ``[sink.archive]`` keeps what was seen on this host."""

    archive: ArchiveSettings | None = None
    file: FileSinkSettings | None = None
    elasticsearch: ElasticsearchSettings | None = None
    syslog: SyslogSettings | None = None


class Settings(Strict):
    """Everything. ``check`` and ``run`` read the same."""

    namespace: Namespace = Field("default", description="the last part of every data stream's name")
    timezone: Zone = Field("UTC", description="of stamps that name none")
    host: str | None = Field(None, description="host.name; default: this host's own name")
    state_dir: str = Field("/var/lib/mailvigil", description="the spool and the install key")
    content_dir: str = Field("/etc/mailvigil", description="holds parsers.d, rules.d, exceptions.d")
    debug_lines: Literal["count", "ship"] = Field("count", description="what becomes of the daemons' debug lines")
    site: SiteSettings = SiteSettings()
    probe: ProbeSettings = ProbeSettings()
    source: SourceSettings = SourceSettings()
    sink: SinkSettings = SinkSettings()
    spool: SpoolSettings = SpoolSettings()
    rules: dict[str, RuleSettings] = Field(default_factory=dict)

    def facts(self) -> Site:
        """Return what rules may ask about this host."""
        return self.site.site(self.probe, self.timezone)


class Overlay(Strict):
    """``overlay.yaml`` of an ``--overlay`` folder: the same keys, for replay and tests."""

    site: SiteSettings = SiteSettings()
    probe: ProbeSettings = ProbeSettings()
    enable: tuple[str, ...] = Field((), description="extended rules to switch on")
    rules: dict[str, RuleSettings] = Field(default_factory=dict)

    def facts(self) -> Site:
        """Return what rules may ask about the host whose logs are replayed."""
        return self.site.site(self.probe, "UTC")
