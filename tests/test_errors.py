"""What can go wrong is a closed tree with exit codes."""

import inspect

import pytest

from collector import errors
from collector.errors import CollectorError, Location

TREE = {
    "CollectorError": ("Exception", 1),
    "ConfigError": ("CollectorError", 2),
    "ContentError": ("CollectorError", 3),
    "ParserError": ("ContentError", 3),
    "RuleError": ("ContentError", 3),
    "PlaybookError": ("ContentError", 3),
    "SourceError": ("CollectorError", 4),
    "SpoolError": ("CollectorError", 5),
    "SpoolFull": ("SpoolError", 5),
    "SpoolDamaged": ("SpoolError", 5),
    "ReportError": ("CollectorError", 5),
    "SinkError": ("CollectorError", 6),
    "SinkUnavailable": ("SinkError", 6),
    "SinkRefused": ("SinkError", 6),
    "StackError": ("CollectorError", 7),
}


def test_the_tree_is_closed():
    found = {name: (kind.__base__.__name__, kind.exit_code) for name, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, Exception)}
    assert found == TREE


@pytest.mark.parametrize("name", TREE)
def test_an_error_says_its_place_first_and_keeps_its_hint(name):
    error = getattr(errors, name)("is broken", Location("a.yaml", 3, 5), "mend it")
    assert str(error) == "a.yaml:3:5: is broken"
    assert (error.message, error.hint) == ("is broken", "mend it")
    assert error.with_hint == "a.yaml:3:5: is broken; mend it"
    assert isinstance(error, CollectorError)
    assert getattr(errors, name)("is broken").with_hint == "is broken"
    assert str(getattr(errors, name)("is broken")) == "is broken"


@pytest.mark.parametrize(("location", "text"), [(Location("a"), "a"), (Location("a", 1), "a:1"), (Location("a", 1, 2), "a:1:2")])
def test_places_read_as_editors_write_them(location, text):
    assert str(location) == text
