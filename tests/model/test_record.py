"""Records and positions."""

import dataclasses

import pytest

from collector.model.record import Position, Record, SourceInfo, offset_of


def test_a_file_has_an_offset_and_a_journal_has_none():
    assert offset_of(Position((b"lineage", (4096).to_bytes(8, "big")), b"token")) == 4096
    assert offset_of(Position((b"cursor",), b"token")) is None
    assert offset_of(Position((b"stdin", b"run", b"7"), b"token")) is None


def test_a_source_says_what_it_does_not_know():
    info = SourceInfo("mail.log")
    assert (info.timezone, info.host, info.format, info.path, info.input) == ("UTC", None, "auto", None, "file")
    with pytest.raises(dataclasses.FrozenInstanceError):
        info.name = "other"


def test_a_record_is_whole_unless_it_says_otherwise():
    record = Record(SourceInfo("mail.log"), b"raw", 0, Position((b"x",), b""))
    assert (record.truncated, record.header) == (False, None)
    with pytest.raises(AttributeError):
        record.note = "slots only"
