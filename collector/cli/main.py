"""In: argv. Out: an exit code. The verbs are imported when they are called, so that --help is quick."""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module

from collector import __version__
from collector.errors import CollectorError

VERBS = {
    "demo": "replay the bundled log of a bad day: a table of its alerts, and a report as one page",
    "run": "the service: read, judge, keep, ship",
    "replay": "the same road over files; no state is touched",
    "explain": "what becomes of one line, and why",
    "check": "configuration and content load and agree",
    "parsers": "list the parsers, test their samples, or show the documents of their shapes",
    "rules": "list the rules, check or test them, or show the Python that they become",
    "status": "sources, parse rate, spool, sinks, rules, last alerts; exit 1 where something is not well",
    "spool": "what waits for which sink; the documents that a sink refused: look at them, send them again, delete them",
    "alerts": "list the local alerts, or show one with its evidence and its playbook",
}
EXIT_CODES = """\
exit codes: 0 fine; 1 findings, or an unexpected error; 2 usage or configuration; 3 content that does not load;
4 a source; 5 the disk or the spool; 6 a sink, or something left unsent; 7 stack set-up
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("mailvigil", description="Watches what happens to a mail server.", epilog=EXIT_CODES, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--version", action="version", version=f"mailvigil {__version__}")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB", title="verbs")
    for verb, text in VERBS.items():
        verbs.add_parser(verb, help=text, add_help=False)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run one verb; every error of the product becomes a sentence, a hint and its exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    known, _ = _parser().parse_known_args(given[:1] or ["--help"])
    verb = import_module(f"collector.cli.{known.verb}_cmd")
    try:
        parser = argparse.ArgumentParser(f"mailvigil {known.verb}", description=VERBS[known.verb].capitalize() + ".", formatter_class=argparse.RawDescriptionHelpFormatter)
        verb.arguments(parser)
        return int(verb.run(parser.parse_args(given[1:])))
    except CollectorError as error:
        return _failed(error)
    except BrokenPipeError:
        # The reader has seen enough (`| head`): what is still buffered must not fail at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        if os.environ.get("MAILVIGIL_DEBUG"):
            raise
        return _failed(CollectorError(f"{type(error).__name__}: {error}", hint="this is a fault of mailvigil; MAILVIGIL_DEBUG=1 shows where"))


def _failed(error: CollectorError) -> int:
    from collector.cli.output import plain  # noqa: PLC0415 - rich is not needed for --help

    print(f"mailvigil: {plain(str(error))}", file=sys.stderr)
    print(f"  {plain(error.hint or error.advice)}", file=sys.stderr)
    return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
