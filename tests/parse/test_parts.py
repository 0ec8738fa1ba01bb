import pytest

from collector.agent import assembly
from collector.errors import Location
from collector.parse.grok import Patterns
from collector.parse.parts import followed, parts_of, sure_fields

CATALOGUE = assembly.load_catalogue()
PATTERNS = Patterns([("NAME [^\\s<>]{1,9}\nREST .*\nCOUNT \\d{1,9}\nADDR [0-9.]{1,15}\n", "test.grok")])


def compiled(grok):
    return PATTERNS.compile(grok, Location("test"))


def test_a_part_knows_its_groups_and_what_is_true_of_whichever_took_part():
    parts = parts_of(compiled("(?:a%{NAME:user.name}|b%{COUNT:user.name}) %{COUNT:_n}"))
    assert list(parts) == ["user.name", "_n"]
    assert (parts["user.name"].groups, parts["user.name"].variable, parts["user.name"].sure) == ((1, 2), "t1", False)
    assert (parts["user.name"].group.most, parts["user.name"].group.digits) == (9, False)
    assert (parts["_n"].variable, parts["_n"].sure, parts["_n"].group.digits) == ("v3", True, True)


@pytest.mark.parametrize(
    ("grok", "sure"),
    [
        ("%{NAME:user.name}", {"user.name"}),
        ("x%{REST:user.name}", set()),
        ("x%{REST:email.from.address}", {"email.from.address"}),
        ("%{ADDR:source.ip} %{COUNT:source.port} %{NAME:_x}", {"source.port"}),
        ("(?:%{NAME:user.name} )?%{NAME:source.domain}", {"source.domain"}),
    ],
)
def test_sure_is_what_every_match_gives(grok, sure):
    assert sure_fields(compiled(grok), CATALOGUE) == sure


def test_what_follows_from_a_sure_field_is_sure_unless_it_depends_on_the_text():
    allowed = dict.fromkeys(["related.user", "user.domain", "source.address"])
    assert followed({"user.name", "source.ip", "source.domain"}, allowed) == {"related.user", "source.address"}
