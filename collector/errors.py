"""In: nothing. Out: the tree of what can go wrong, with exit codes and places.

A bad line, a refused document and a failed probe are values (unparsed-line, Delivery.rejected, an event with outcome
failure), never exceptions. Foreign exceptions are translated at the one door of their library.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Location:
    """Where in a text something is wrong; line and column count from 1."""

    file: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        """Print file:line:column, as editors and compilers do."""
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)


class CollectorError(Exception):
    """What the product says when it cannot go on."""

    exit_code = 1
    advice = "read the message; MAILVIGIL_DEBUG=1 shows where a fault of mailvigil itself happened"

    def __init__(self, message: str, at: Location | None = None, hint: str | None = None) -> None:
        """Take the plain sentence, its place if it has one, and what to do next: where that is not known here, the class's ``advice`` holds."""
        self.message = message
        self.at = at
        self.hint = hint
        super().__init__(f"{at}: {message}" if at is not None else message)

    @property
    def with_hint(self) -> str:
        """The place, the sentence and the advice, where there is one line for all of it."""
        return f"{self}; {self.hint}" if self.hint else str(self)


class ConfigError(CollectorError):
    """Usage or settings."""

    exit_code = 2
    advice = "mailvigil VERB --help lists the options, mailvigil check reads the configuration"


class ContentError(CollectorError):
    """A parser, rule, playbook or vocabulary file that does not load."""

    exit_code = 3
    advice = "correct the file at that place; parsers/README.md and rules/README.md say what may stand there"


class ParserError(ContentError):
    """A parser file."""

    advice = "correct the file at that place; parsers/README.md says what may stand there, mailvigil parsers test tries it"


class RuleError(ContentError):
    """A rule file."""

    advice = "correct the file at that place; rules/README.md says what may stand there, mailvigil rules check and rules test try it"


class PlaybookError(ContentError):
    """A playbook."""

    advice = "correct the file at that place; rules/README.md names the headings and the front matter"


class SourceError(CollectorError):
    """A source that cannot be read now; the agent keeps trying."""

    exit_code = 4
    advice = "look at the path and who may read it"


class SpoolError(CollectorError):
    """The spool or its disk; a failed commit is retried with the same batch."""

    exit_code = 5
    advice = "look at the disk and the state directory"


class SpoolFull(SpoolError):
    """No room: the commit did not happen, the feeder reads nothing until there is."""

    advice = "make room on the disk; reading goes on by itself"


class SpoolDamaged(SpoolError):
    """The file does not hold together; the next start moves it aside and copies out what can be read."""

    advice = "start again; what was moved aside stays beside the spool"


class ReportError(CollectorError):
    """A report that cannot be written."""

    exit_code = 5
    advice = "look at the path, its folder and the room on its disk"


class SinkError(CollectorError):
    """A sink."""

    exit_code = 6
    advice = "what was not sent stays spooled and goes at the next run"


class SinkUnavailable(SinkError):
    """Nothing of the parcel is known to have arrived: wait and send it again."""

    advice = "look at the server and the way to it; what waits is kept and sent by itself"


class SinkRefused(SinkError):
    """The sink stops until somebody acts or it is tried again minutes later; no document is at fault."""

    advice = "mend what the server says (a key, a right, a template), then reload: it is tried at once, and every five minutes anyway"


class StackError(CollectorError):
    """Setting up Elasticsearch, OpenSearch or Kibana."""

    exit_code = 7
    advice = "look at the address and the rights of the account that sets it up"
