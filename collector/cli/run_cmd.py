"""In: settings. Out: the service, or one pass over everything (--once)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from collector.agent import assembly, roster
from collector.agent.agent import catch_signals
from collector.agent.reload import Reload
from collector.cli import output
from collector.config import load
from collector.errors import ConfigError
from collector.model.moment import span

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--config", type=Path, metavar="FILE", help=f"default: {load.DEFAULT}, where it is there")
    parser.add_argument("--once", action="store_true", help="read every source to its end, ship what there is, end (exit 6: something stays spooled)")
    parser.add_argument("--deadline", default="30s", metavar="SPAN", help="how long --once may ship (default: 30s)")


def run(options: Namespace) -> int:
    """Run until told to stop, or once."""
    try:
        deadline = span(options.deadline) / 1000
    except ValueError as error:
        raise ConfigError(f"--deadline: {error}") from error
    signals = catch_signals()
    settings = load.load(options.config).settings
    if not roster.configured(settings).any:
        raise ConfigError("no mail log was found on this host", hint='name one: [[source.file]] path = "/var/log/mail.log"')
    loaded = assembly.settled_content(settings)
    for name in loaded.rules.unknown:
        output.say(f"unknown rule in the settings: {name}", error=True)
    agent = assembly.agent(settings, loaded, once=options.once, signals=signals)
    sys.stdout.flush()
    if options.once:
        return agent.once(deadline)
    reload = Reload(lambda: load.load(options.config).settings, settings, agent.parts)
    reload.listen()
    return agent.serve(reload)
