"""In: the bundled log of a bad day. Out: its alerts as a table, and what to do next. No root, no network, no state."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from collector import content
from collector.agent import assembly
from collector.agent.assembly import Content
from collector.cli import output
from collector.cli.replay_cmd import print_alerts, say_summary
from collector.model.alert import Alert
from collector.model.identity import Identity
from collector.model.record import SourceInfo
from collector.model.site import Site
from collector.pipeline.replay import Summary, replay
from collector.sources.whole import read_whole

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

LOG = "deploy/demo/bad-day.log"
ORDER = ("critical", "high", "medium", "low")


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--playbook", action="store_true", help="print the steps for the worst alert as well")


def run(options: Namespace) -> int:
    """Replay the day; the extended rules are on too."""
    began = time.monotonic()
    shipped = assembly.load_content()
    site = Site(domains=("example.org",))
    rules = assembly.load_rules(shipped.catalogue, site=site, enable=sorted(shipped.rules.rules))
    loaded = Content(shipped.catalogue, shipped.parsers, rules, site)
    path = str(content.root() / LOG)
    pipeline, summary, alerts = assembly.road(loaded, Identity(), live=False), Summary(), []
    for subject, _ in replay(pipeline, {LOG: read_whole(path, SourceInfo(LOG, path=LOG))}, summary):
        if isinstance(subject, Alert) and subject.step == "0":
            alerts.append(subject)
    output.say("A bad day of mx1.example.org\n", style="bold")
    alerts.sort(key=lambda alert: (ORDER.index(alert.rule.level), alert.time))
    print_alerts(alerts)
    output.say()
    say_summary(summary, ())
    output.say(f"{time.monotonic() - began:.1f} s", error=True)
    worst = next((alert for alert in alerts if alert.playbook is not None), None)
    if options.playbook and worst is not None and worst.playbook is not None:
        output.say(f"\n{worst.message}\n{worst.playbook.id}: {worst.playbook.title}\n", style="bold")
        output.say(worst.playbook.rendered)
    output.say("\nNext:", style="bold")
    output.say("  mailvigil demo --playbook                   what to do about the worst of them")
    output.say("  mailvigil replay --format table PATH...     the same for your own logs")
    output.say("  mailvigil check; mailvigil run              on a mail host")
    return 0
