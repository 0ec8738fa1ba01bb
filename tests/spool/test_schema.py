import re
from pathlib import Path

import pytest

from collector.errors import SpoolError
from collector.spool import schema
from collector.spool.database import Database

FORMAT = Path(__file__).parents[2] / "docs" / "design" / "spool-format.md"


@pytest.fixture
def db(tmp_path):
    found = Database(tmp_path / "x.db")
    yield found
    found.close()


def test_an_empty_file_gets_the_newest_format_and_keeps_it(db):
    assert schema.version(db) == 0
    for _ in range(2):
        with db.transaction():
            schema.migrate(db)
        assert schema.version(db) == schema.VERSION == 2


def test_a_format_of_a_later_release_is_refused_and_left_as_it_is(db):
    db.run("pragma user_version = 99")
    with pytest.raises(SpoolError, match="format 99"), db.transaction():
        schema.migrate(db)
    assert db.value("pragma user_version") == 99


def test_the_format_document_names_every_column_in_its_order(db):
    with db.transaction():
        schema.migrate(db)
    tables = [name for (name,) in db.rows("select name from sqlite_schema where type = 'table' order by name")]
    text = FORMAT.read_text()
    described = {match[1]: re.findall(r"^\| `(\w+)` \|", match[2], re.MULTILINE) for match in re.finditer(r"^### `(\w+)`\n(.*?)(?=^#|\Z)", text, re.MULTILINE | re.DOTALL)}
    assert described == {table: [name for (name,) in db.rows("select name from pragma_table_info(?)", table)] for table in tables}
    indices = {name for (name,) in db.rows("select name from sqlite_schema where type = 'index' and sql is not null")}
    columns = {f"`{name}({', '.join(column for (column,) in db.rows('select name from pragma_index_info(?)', name))})`" for name in indices}
    assert [one for one in columns if one not in text] == []


def test_a_spool_of_the_first_format_is_brought_up_to_date_with_all_its_rows(tmp_path):
    db = Database(tmp_path / "old.db")
    for statement in schema.MIGRATIONS[0]:
        db.run(statement)
    db.run("pragma user_version = 1")
    db.run("insert into meta values(1, ?, 7, 3, 1, 'known')", bytes(32))
    db.run("insert into cursor values('es', 'document', 7, x'01')")
    db.run("insert into dead_letter values(5, 1, 'es', 'logs-mail.postfix-default', 'd', 'why', x'00')")
    with db.transaction():
        schema.migrate(db)
    assert db.rows("select seq, standing from meta") == [(7, None)]
    assert db.rows("select seq, token, moved from cursor") == [(7, b"\x01", None)]
    assert db.rows("select id, reason, retry from dead_letter") == [(5, "why", 0)]
    assert db.sound()
    db.close()
