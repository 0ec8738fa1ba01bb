"""In: settings, folders. Out: loaded content, a road, an agent: the one file that knows every class."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from collector import __version__, content
from collector.agent import inputs
from collector.agent import roster as rosters
from collector.agent.agent import Agent, Parts
from collector.agent.compressor import Compressor
from collector.agent.feeder import Feeder
from collector.agent.geo import Geo
from collector.agent.health import Health, health
from collector.agent.own_files import load_around
from collector.agent.roster import Roster
from collector.agent.shipper import Shipper
from collector.agent.telemetry import Telemetry
from collector.config.settings import ArchiveSettings, size
from collector.detect import loader as rule_loader
from collector.detect.engine import Detector
from collector.detect.loader import Override
from collector.model import catalogue as vocabulary
from collector.model.alert import Fact
from collector.model.finding import Births
from collector.model.identity import Identity
from collector.model.site import Site
from collector.parse import loader as parser_loader
from collector.parse.engine import Engine
from collector.parse.enrich import Enricher, nowhere
from collector.pipeline.merge import Merge
from collector.pipeline.pipeline import Pipeline
from collector.pipeline.render import Renderer
from collector.sinks.elasticsearch import ElasticsearchSink
from collector.sinks.file import FileSink
from collector.sinks.syslog import SyslogSink
from collector.sources.base import Start
from collector.sources.wake import Bell, Ears, Watch
from collector.spool.limits import Limits
from collector.spool.store import SinkSpec, Spool
from collector.spool.store import Start as Seen

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from collector.config.settings import GeoSettings, Overlay, RuleSettings, Settings, SinkSettings
    from collector.detect.loader import Rules
    from collector.errors import ContentError
    from collector.model.catalogue import Catalogue
    from collector.parse.enrich import Lookup
    from collector.parse.loader import Parsers
    from collector.sinks.base import Sink
    from collector.spool.cursors import Removed


@dataclass(frozen=True, slots=True)
class Content:
    """Everything that is data: the vocabulary, the parsers, the rules with their playbooks."""

    catalogue: Catalogue
    parsers: Parsers
    rules: Rules
    site: Site = field(default_factory=Site)
    lookup: Lookup = nowhere
    faults: Mapping[str, tuple[ContentError, ...]] = field(default_factory=dict)
    """``parsers``, ``rules`` -> why files of the host were left out."""


def load_catalogue() -> Catalogue:
    """Read the vocabulary."""
    return vocabulary.load(content.package_text("model/fields.yaml"), content.package_text("model/actions.yaml"))


def load_parsers(catalogue: Catalogue, overlays: Sequence[Path] = (), without: Collection[str] = ()) -> Parsers:
    """Read the parsers, shipped ones first; raises ParserError."""
    return parser_loader.load(content.texts("parsers", "*.yaml", overlays, without), content.texts("parsers", "*.grok", overlays, without), catalogue)


def load_rules(
    catalogue: Catalogue,
    overlays: Sequence[Path] = (),
    *,
    site: Site = Site(),  # noqa: B008 - frozen
    settings: Mapping[str, RuleSettings] | None = None,
    enable: Collection[str] = (),
    without: Collection[str] = (),
) -> Rules:
    """Read rules, exceptions and playbooks; raises RuleError or PlaybookError."""
    files = [*content.texts("rules", "*.yaml", overlays, without), *content.texts("exceptions", "*.yaml", overlays, without)]
    overrides = {name: Override(rule.threshold, rule.timespan, rule.suppress_for, rule.enabled) for name, rule in (settings or {}).items()}
    return rule_loader.load(files, content.texts("rules/playbooks", "*.md", overlays, without), catalogue, site=site, overrides=overrides, enable=enable)


def load_content(overlays: Sequence[Path] = (), overlay: Overlay | None = None) -> Content:
    """Read all content for replay and tests, with the facts and numbers of an overlay."""
    catalogue = load_catalogue()
    parsers = load_parsers(catalogue, overlays)
    if overlay is None:
        return Content(catalogue, parsers, load_rules(catalogue, overlays))
    site = overlay.facts()
    rules = load_rules(catalogue, overlays, site=site, settings=overlay.rules, enable=overlay.enable)
    return Content(catalogue, parsers, rules, site, load_geo(overlay.site.geo))


def load_geo(settings: GeoSettings) -> Geo:
    """Read the databases of places; raises ConfigError for one that is of no use."""
    geo = Geo(settings)
    geo.load()
    return geo


def road(
    loaded: Content, identity: Identity, *, live: bool, namespace: str = "default", debug_lines: str = "count", host: str = "localhost", host_id: str | None = None
) -> Pipeline:
    """Lay the one road over loaded content."""
    engine = Engine(loaded.parsers, loaded.catalogue, identity, debug_lines=debug_lines)
    agent = {"agent.id": identity.agent_id, "agent.type": "mailvigil", "agent.version": __version__} | ({"host.id": host_id} if host_id else {})
    births = Births(loaded.catalogue, {"host.name": host, "service.name": "mailvigil", "service.type": "mailvigil"})
    detector, renderer = Detector(loaded.rules, loaded.catalogue, identity), Renderer(loaded.catalogue, agent, namespace)
    return Pipeline(Merge(engine.open, live=live), engine, detector, renderer, births, identity, Enricher(loaded.site, loaded.lookup))


def this_host() -> str:
    """Return host.name of this machine."""
    return socket.gethostname().lower() or "localhost"


def machine_id() -> str | None:
    """Return host.id: what systemd wrote at installation, None where there is none."""
    try:
        return Path("/etc/machine-id").read_text("ascii").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def clock() -> int:
    """Return ms since the epoch."""
    return time.time_ns() // 1_000_000


def settled_content(settings: Settings) -> Content:
    """Read shipped content and the host's own, as the settings want it; files of the host that do not load are left out and stand in ``faults``.

    Raises ContentError where shipped content does not load, ConfigError for a setting that a rule has no use for.
    """
    catalogue, overlays = load_catalogue(), (Path(settings.content_dir),)
    parsers, parser_faults = load_around(
        lambda without: load_parsers(catalogue, overlays, without),
        lambda without: _overlaid((("parsers", "*.grok"), ("parsers", "*.yaml")), overlays, without),
    )
    site = settings.facts()
    rules, rule_faults = rules_around(catalogue, overlays, site, settings.rules)
    return Content(catalogue, parsers, rules, site, faults={"parsers": parser_faults, "rules": rule_faults})


def rules_around(catalogue: Catalogue, overlays: Sequence[Path], site: Site, settings: Mapping[str, RuleSettings]) -> tuple[Rules, tuple[ContentError, ...]]:
    """Read rules, exceptions and playbooks without the overlaid files that do not load; return one error for each of these."""
    return load_around(
        lambda without: load_rules(catalogue, overlays, site=site, settings=settings, without=without),
        lambda without: _overlaid((("rules/playbooks", "*.md"), ("rules", "*.yaml"), ("exceptions", "*.yaml")), overlays, without),
    )


def _overlaid(kinds: Sequence[tuple[str, str]], overlays: Sequence[Path], without: Collection[str]) -> list[str]:
    return [content.origin(path) for folder, pattern in kinds for path in content.overlaid(folder, pattern, overlays, without)]


def sinks(settings: Settings) -> list[tuple[Sink, SinkSpec]]:
    """Make the configured sinks; with none, the archive."""
    chosen: SinkSettings = settings.sink
    archive = chosen.archive
    if chosen.file is None and chosen.elasticsearch is None and chosen.syslog is None and archive is None:
        archive = ArchiveSettings()
    found: list[tuple[Sink, SinkSpec]] = []
    if archive is not None:
        placed = archive.model_copy(update={"path": archive.path or str(Path(settings.state_dir, "archive"))})
        found.append((FileSink("archive", placed), SinkSpec("archive", archive.required, archive.only, archive.start)))
    if chosen.file is not None:
        found.append((FileSink("file", chosen.file), SinkSpec("file", chosen.file.required, chosen.file.only, chosen.file.start)))
    if chosen.elasticsearch is not None:
        options = chosen.elasticsearch
        found.append((ElasticsearchSink("elasticsearch", options), SinkSpec("elasticsearch", options.required, options.only, options.start)))
    if chosen.syslog is not None:
        log = chosen.syslog
        found.append((SyslogSink("syslog", log, settings.host or this_host()), SinkSpec("syslog", log.required, log.only, log.start)))
    return found


def limits(settings: Settings) -> Limits:
    """Return what the spool may take."""
    return Limits(max_bytes=size(settings.spool.max_bytes), overflow=settings.spool.overflow, min_free=size(settings.spool.min_free) if settings.spool.min_free else None)


def agent(settings: Settings, loaded: Content, *, once: bool, signals: Sequence[int] = ()) -> Agent:
    """Open the spool and put everything together. Raises SpoolError."""
    reached = sinks(settings)
    specs = [spec for _, spec in reached]
    spool = Spool.open(Path(settings.state_dir), events=any(spec.takes("document") for spec in specs), limits=limits(settings))
    seen, removed = spool.state, spool.configure(specs)
    host = settings.host or this_host()
    geo = Geo(settings.site.geo)
    _, found = geo.look()
    pipeline = live_road(settings, replace(loaded, lookup=geo), spool)
    arrived, committed = Bell(), [Bell() for _ in reached]
    telemetry = Telemetry()
    compressor = Compressor(spool, clock, committed)
    ears = Ears(arrived)
    chosen, second = rosters.apart(rosters.configured(settings))
    first = _first(seen, once=once)
    others = inputs.others(chosen, inputs.Surroundings(settings, host, first, spool.position, clock, ears.listen, arrived.ring, once))
    roster = Roster(settings, chosen.file, host, first, spool.position, clock, others)
    feeder = Feeder(pipeline, spool, compressor, roster, telemetry, clock)
    feeder.geo = geo
    feeder.health = Health(spool, feeder.tell, clock, len(loaded.rules.active), loaded.faults)
    shippers = [Shipper(sink, spool, feeder.tell, clock, rereads=seen is Seen.LOST) for sink, _ in reached]
    for fact in (*found, *_start_facts(seen, spool, removed, reached), *second):
        feeder.tell(fact)
    return Agent(Parts(spool, feeder, compressor, shippers, feeder.health, telemetry, arrived, committed, Watch(arrived, () if once else roster.folders), ears), clock, signals)


def live_road(settings: Settings, loaded: Content, spool: Spool) -> Pipeline:
    """Lay the road of a service that remembers what its spool holds. Raises SpoolError."""
    host = settings.host or this_host()
    pipeline = road(loaded, Identity(spool.key), live=True, namespace=settings.namespace, debug_lines=settings.debug_lines, host=host, host_id=machine_id())
    for memory in pipeline.memories:
        spool.recall(memory)
    return pipeline


def _first(seen: Seen, *, once: bool) -> Start:
    """Return where a source without a position begins."""
    if seen is Seen.LOST:
        return Start.OLDEST_COPY
    return Start.END if seen is Seen.FRESH and not once else Start.BEGINNING


def _start_facts(seen: Seen, spool: Spool, removed: Sequence[Removed], reached: Sequence[tuple[Sink, SinkSpec]]) -> list[Fact]:
    """Return what the start found that people must know."""
    facts = [Fact("sink-removed", {"mail.agent.sink": gone.name, "mail.agent.count": gone.documents + gone.alerts}) for gone in removed]
    if spool.rescued is not None:
        facts.append(health("spool", "lost", str(spool.rescued)))
    if seen is Seen.LOST:
        reason = "the spool was lost: logs of the last 7 days are read again"
        facts.append(health("spool", "lost", reason))
        facts += [Fact("sink-restarted", {"mail.agent.sink": spec.name, "event.reason": reason}) for sink, spec in reached if isinstance(sink, FileSink | SyslogSink)]
    return facts
