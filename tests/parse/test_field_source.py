"""What is settled when a shape is compiled, and so is not asked of any line."""

import pytest

from collector.agent import assembly
from collector.parse.field_source import FieldSource

PARSERS = assembly.load_parsers(assembly.load_catalogue())
ENTRIES = {entry.shape.name: entry for entry in PARSERS.entries}


class Fields(FieldSource):
    """The fields alone, without sessions."""

    def lines(self):
        self._extract()
        self._derive()
        self._prefix()
        self._facts()
        self._finish()
        return [line.strip() for line in self._lines]


def lines(shape):
    return Fields(0, ENTRIES[shape], assembly.load_catalogue(), {}).lines()


def test_what_every_match_has_stands_in_one_display_with_what_follows_from_it():
    (display,) = [line for line in lines("postfix.smtpd.connect") if line.startswith("d = ")]
    assert display == "d = {'event.original': text, 'message': message, 'log.offset': offset, 'source.ip': x1, 'source.address': x1, 'related.ip': [x1]}"


def test_an_address_that_is_none_sends_the_line_the_plain_way_before_anything_is_done():
    found = lines("postfix.smtpd.connect")
    assert found.index("return None") < found.index(next(line for line in found if line.startswith("d = ")))


def test_a_number_whose_digits_the_regex_counts_is_not_checked_again():
    assert "x2 = int(v3)" in lines("postfix.qmgr.active")
    assert not any("typed" in line for line in lines("postfix.qmgr.active"))


def test_functions_whose_texts_come_again_are_asked_from_memory():
    found = "\n".join(lines("postfix.smtp-delivery.sent"))
    assert "d.update(known_seconds(v9))" in found or "f = known_seconds(v9)" in found
    assert "known_delivery_text if len(" in found


@pytest.mark.parametrize("shape", sorted(ENTRIES))
def test_nothing_stands_there_that_the_shape_cannot_carry(shape):
    names = {*ENTRIES[shape].shape.fields, "event.original", "message", "log.offset"}
    for line in lines(shape):
        if line.startswith("d['"):
            assert line[3 : line.index("']")] in names, line
