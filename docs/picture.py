"""In: the bundled day. Out: docs/images/report.png, the picture of the README.

Run `python docs/picture.py` in a checkout after a change of the report or of the day. Chromium and a font come from Debian's packages, unpacked into .cache;
the picture ends below the groups of alerts.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
HERE = ROOT / "docs" / "images"
FONTS = "fonts-roboto-unhinted"
WIDTH = 1200
FAMILY = "document.body.style.fontFamily = 'Roboto'"
BOTTOM = "Math.ceil(document.querySelector('.stories').closest('section').getBoundingClientRect().bottom) + 20"


def main() -> int:
    """Write the picture."""
    sys.path.insert(0, str(ROOT))
    from collector.cli.main import main as mailvigil  # noqa: PLC0415 - the checkout must be on the path first
    from tests.support import browser  # noqa: PLC0415

    HERE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, browser.page(FONTS) as page:
        report = Path(folder, "report.html")
        mailvigil(["demo", "--output", str(report)])
        page.open(report.as_uri(), WIDTH)
        page.ask(FAMILY)
        page.resize(WIDTH, page.ask(BOTTOM))
        HERE.joinpath("report.png").write_bytes(page.picture())
    return 0


if __name__ == "__main__":
    sys.exit(main())
