from hypothesis import given
from hypothesis import strategies as st

from collector.cli import output


@given(st.text())
def test_nothing_that_is_printed_moves_the_cursor_or_the_reading_direction(text):
    shown = output.plain(text)
    assert all(ord(character) >= 32 and ord(character) != 127 and not 0x80 <= ord(character) < 0xA0 for character in shown)
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u2028\u2029")
    assert output.plain(shown) == shown


def test_line_feeds_stay_where_they_are_meant():
    assert output.plain("a\nb\x1b[31m", lines=True) == "a\nb\\x1b[31m"
    assert output.plain("a\nb") == "a\\nb"


def test_log_text_is_no_markup(capsys):
    output.say("[red]x[/red] [bold]")
    output.table("t", ("a",), [("[link=https://x.example]y[/link]",)])
    shown = capsys.readouterr().out
    assert "[red]x[/red] [bold]" in shown
    assert "[link=https://x.example]y[/link]" in shown


def test_log_text_is_no_picture(capsys):
    output.say("user :skull: 2001:db8:ab::1")
    output.table("t", ("a",), [(":skull:",)])
    assert capsys.readouterr().out.count(":skull:") == 2


def test_json_is_one_document(capsysbinary):
    output.as_json({"a": [1, "\u202e"]})
    assert capsysbinary.readouterr().out == b'{\n  "a": [\n    1,\n    "\xe2\x80\xae"\n  ]\n}\n'
