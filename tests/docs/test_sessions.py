"""What a page shows of a session is what is printed when it is typed."""

import pytest

from tests.support.markdown import Block, blocks, name, pages
from tests.support.sessions import Typed, commands_of, fits, type_page

SHOWN = [path for path in pages() if blocks(path, "console")]


@pytest.mark.parametrize("path", SHOWN, ids=name)
def test_each_command_prints_what_stands_there(path, tmp_path):
    typed = type_page(path, tmp_path)
    assert len(typed) > 0
    for one in typed:
        assert one.as_documented, f"{one.block}\n$ {one.command}\n{one.printed}[{one.ended}]"


def test_the_tutorial_is_one_of_them():
    assert "docs/tutorial/first-evening.md" in map(name, SHOWN)


def test_a_session_reads_commands_output_gaps_and_exit_codes():
    block = Block(None, 1, "console", "$ one\na\n...\nb ... c\n\n$ two \\\n> three\n[3]\n")
    first, second = commands_of(block)
    assert (first.command, first.expected, first.code) == ("one", ["a", "...", "b ... c"], 0)
    assert (second.command, second.expected, second.code) == ("two \\\nthree", [], 3)


@pytest.mark.parametrize(
    ("expected", "printed", "same"),
    [
        (["a"], "a", True),
        (["a"], "b", False),
        (["a"], "a\nb", False),
        ([], "", True),
        ([], "a", False),
        (["a", "...", "d"], "a\nb\nc\nd", True),
        (["a", "...", "d"], "a\nd", True),
        (["a", "...", "d"], "a\nb", False),
        (["...", "d"], "x\nd", True),
        (["a", "..."], "a", True),
        (["a", "..."], "a\nb\nc", True),
        (["a", "..."], "b\nc", False),
        (["x=... y"], "x=17 y", True),
        (["x=... y"], "x=17\ny", False),
        (["..."], "", True),
        (["..."], "a\nb", True),
        (["one   two"], "one     two", True),
        (["one two"], "one  two", False),
        (["a.c"], "abc", False),
    ],
)
def test_gaps_take_any_text_and_everything_else_must_be_there(expected, printed, same):
    assert fits(expected, printed) is same


def test_an_exit_code_that_is_not_said_is_no_success():
    typed = Typed(None, "x", ["a"], printed="a\n", ended=1)
    assert not typed.as_documented
    typed.ended = 0
    assert typed.as_documented
