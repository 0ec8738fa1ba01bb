import os
import sqlite3

import pytest

from collector.errors import SpoolDamaged, SpoolError, SpoolFull
from collector.spool.database import Database


@pytest.fixture
def db(tmp_path):
    found = Database(tmp_path / "a b?c#d%20.db")
    found.run("create table t(x integer primary key, y text)")
    yield found
    found.close()


def test_the_file_keeps_its_name_and_the_promised_settings(db, tmp_path):
    assert (tmp_path / "a b?c#d%20.db").exists()
    assert [db.value(f"pragma {name}") for name in ("journal_mode", "synchronous", "secure_delete", "wal_autocheckpoint")] == ["wal", 2, 0, 1000]


def insert(db, number, error=None):
    with db.transaction():
        db.run("insert into t values(7, 'first')")
        db.run("insert into t values(?, 'b')", number)
        if error:
            raise error


def test_a_transaction_is_all_or_nothing_whatever_leaves_it(db):
    with db.transaction():
        db.run("insert into t values(1, 'a')")
    for error in (SpoolError("x"), ValueError("y"), KeyboardInterrupt()):
        with pytest.raises(type(error)):
            insert(db, 2, error)
    with pytest.raises(SpoolError):
        insert(db, 1)
    assert db.rows("select * from t") == [(1, "a")]


def test_every_error_of_the_library_is_the_products_own(db, tmp_path):
    wrong = [
        lambda: db.rows("select nonsense"),
        lambda: db.run("delete from nowhere"),
        lambda: db.many("insert into t values(?, ?)", [(1,)]),
        lambda: Database(tmp_path / "absent" / "x.db"),
    ]
    for act in wrong:
        with pytest.raises(SpoolError) as caught:
            act()
        assert caught.value.hint
    with pytest.raises(SpoolError), db.reading("select abs(-9223372036854775807 - x) from (select 1 as x)") as rows:
        list(rows)
    db.close()
    with pytest.raises(SpoolError):
        db.value("select 1")


def test_rows_may_be_left_half_read(db):
    db.many("insert into t values(?, ?)", [(n, "x") for n in range(100)])
    with db.reading("select x from t order by x") as rows:
        assert next(rows) == (0,)
    db.run("drop table t")
    assert db.one("select name from sqlite_schema") is None


def test_a_full_disk_and_a_damaged_page_have_their_own_errors(tmp_path, db):
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorcode = sqlite3.SQLITE_FULL
    assert isinstance(db._meaning(error), SpoolFull)
    path = tmp_path / "torn.db"
    path.write_bytes(os.urandom(8192))
    with pytest.raises(SpoolDamaged):
        Database(path)


def test_a_reader_writes_nothing_and_sees_what_is_committed(db, tmp_path):
    reader = Database(tmp_path / "a b?c#d%20.db", read_only=True)
    db.run("insert into t values(1, 'a')")
    assert reader.rows("select * from t") == [(1, "a")]
    with pytest.raises(SpoolError):
        reader.run("insert into t values(2, 'b')")
    reader.close()
    reader.close()
