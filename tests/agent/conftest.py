"""A host that is walked by hand."""

import pytest

from tests.support.station import Station


@pytest.fixture
def station(tmp_path, monkeypatch):
    made = Station(tmp_path, monkeypatch)
    yield made
    made.crash()
