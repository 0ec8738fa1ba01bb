import inspect

import pytest

from collector.sources.base import Source, Start
from collector.sources.file import FileSource


def test_start_rules_have_the_names_of_the_settings():
    assert [start.value for start in Start] == ["beginning", "end", "oldest-copy"]


@pytest.mark.parametrize("name", [name for name, _ in inspect.getmembers(Source, inspect.isfunction) if not name.startswith("_")])
def test_a_file_source_has_the_methods_of_the_protocol(name):
    assert inspect.signature(getattr(FileSource, name)) == inspect.signature(getattr(Source, name))
