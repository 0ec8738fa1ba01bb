"""``--update`` writes the golden files anew; what changed is read in the diff."""

import pytest


def pytest_addoption(parser):
    parser.addoption("--update", action="store_true", help="write the golden files anew")


@pytest.fixture
def golden(request):
    """Compare a text with a file, or write the file."""
    update = request.config.getoption("--update", default=False)

    def compare(path, text):
        if update:
            path.write_text(text, "utf-8")
        assert text == path.read_text("utf-8"), f"if {path.name} is wrong: make golden, and read the diff"

    return compare
