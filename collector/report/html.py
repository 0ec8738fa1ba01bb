"""In: a summary. Out: one HTML page that needs nothing else: no script, no font, no picture from elsewhere. The only door for jinja2.

Every value is escaped by the template engine; a name that the template does not know is an error, never an empty place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from collector import __version__, content
from collector.model.moment import moment
from collector.report import charts
from collector.report.classes import CLASSES

if TYPE_CHECKING:
    from collector.report.summary import Summary

DAY = 86_400_000
"""ms; what lasts longer is dated."""
LINES = 4
"""So many lines of evidence stand open; the others are folded."""
STORY = 8
"""The most alerts of one group."""


def page(summary: Summary, title: str) -> str:
    """Return the page."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    long = summary.end - summary.start > DAY
    environment.filters |= {"clock": clock, "day": day, "percent": percent, "number": number, "when": stamp if long else clock, "mark": date if long else clock}
    style = Markup(content.package_text("report/page.css"))  # noqa: S704 - the package's own file
    return environment.from_string(content.package_text("report/page.html.j2")).render(
        summary=summary,
        title=title,
        style=style,
        classes=CLASSES,
        hours=charts.hours(summary),
        lanes=charts.lanes(summary),
        lines=LINES,
        story_length=STORY,
        long=long,
        version=__version__,
    )


def clock(ms: int) -> str:
    """Return ``06:37``."""
    return f"{moment(ms):%H:%M}"


def day(ms: int) -> str:
    """Return ``24 Nov 2026``."""
    return f"{moment(ms):%-d %b %Y}"


def date(ms: int) -> str:
    """Return ``24 Nov``."""
    return f"{moment(ms):%-d %b}"


def stamp(ms: int) -> str:
    """Return ``24 Nov 06:37``."""
    return f"{date(ms)} {clock(ms)}"


def percent(share: float) -> str:
    """Return a length of a picture."""
    return f"{share:.2f}%"


def number(count: int) -> str:
    """Return ``8,448``."""
    return f"{count:,}"
