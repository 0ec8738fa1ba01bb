import pytest

from collector.errors import SpoolError
from collector.spool import tallies
from collector.spool.tallies import DAYS, HOURS, KEYS, Tallies

HOUR = 3_600_000
NOW = 500_000


def table(spool, unit="h"):
    return dict(spool._db.rows("select start || ' ' || key, n from tally where unit = ?", unit))


@pytest.fixture
def spool(house):
    return house.open()


def test_counts_add_up_and_are_read_most_first(spool, batch):
    counts = {(NOW, "source.ip", "192.0.2.1"): 2, (NOW, "source.ip", "192.0.2.2"): 3, (NOW - 1, "source.ip", "192.0.2.1"): 1, (NOW, "user.name", "bob"): 1}
    for _ in range(3):
        spool.commit(spool.pack(batch(tallies=counts)), NOW * HOUR)
    assert spool.tallies("source.ip", NOW, NOW + 1) == [("192.0.2.2", 9), ("192.0.2.1", 6)]
    assert spool.tallies("source.ip", NOW - 5, NOW + 1) == [("192.0.2.1", 9), ("192.0.2.2", 9)]
    assert spool.tallies("source.ip", NOW - 5, NOW + 1, limit=1) == [("192.0.2.1", 9)]


def test_the_first_thousand_keys_of_an_hour_are_kept_apart_the_rest_is_other(spool):
    found = Tallies(spool._db)
    found.add({(NOW, "user.name", f"u{n}"): 1 for n in range(KEYS + 50)}, NOW * HOUR)
    found.add({(NOW, "user.name", "u1"): 1, (NOW, "user.name", "one more"): 2, (NOW, "source.ip", "192.0.2.1"): 1}, NOW * HOUR)
    again = Tallies(spool._db)
    again.add({(NOW, "user.name", "u1"): 1, (NOW, "user.name", "yet another"): 3}, NOW * HOUR)
    rows = table(spool)
    assert len(rows) == KEYS + 2
    assert (rows[f"{NOW} u1"], rows[f"{NOW} other"]) == (3, 55)


def test_an_hour_over_eight_days_old_becomes_part_of_its_day_and_a_day_goes_after_400(spool):
    found = Tallies(spool._db)
    old = NOW - HOURS
    found.add({(old + 1, "source.ip", "192.0.2.1"): 1, (old + 2, "source.ip", "192.0.2.1"): 2, (old + 2, "user.name", "bob"): 4}, NOW * HOUR)
    assert not found.age(NOW * HOUR)
    steps = 0
    while found.age((NOW + 2) * HOUR):
        steps += 1
    assert steps == 3
    assert table(spool) == {}
    day = (old + 2) // 24
    assert table(spool, "d") == {f"{day} 192.0.2.1": 3, f"{day} bob": 4}
    assert spool.tallies("source.ip", day * 24, day * 24 + 24) == [("192.0.2.1", 3)]
    assert spool.tallies("source.ip", day * 24 + 1, day * 24 + 24) == []
    found.age((day + DAYS - 1) * 24 * HOUR)
    assert table(spool, "d") != {}
    found.age((day + DAYS) * 24 * HOUR)
    assert table(spool, "d") == {}


def test_hours_that_a_log_invents_do_not_make_the_table_grow(spool):
    found = Tallies(spool._db)
    found.add({(hour, "source.ip", "192.0.2.1"): 1 for hour in range(NOW - 40 * 24 * 400, NOW + 500, 7)}, NOW * HOUR)
    assert max(int(key.split()[0]) for key in table(spool)) == NOW
    assert len(table(spool)) <= HOURS
    assert len(table(spool, "d")) <= DAYS


def test_what_a_failed_commit_had_seen_is_forgotten(spool, batch, monkeypatch):
    counts = {(NOW, "user.name", f"u{n}"): 1 for n in range(KEYS)}
    with monkeypatch.context() as patch:
        patch.setattr(spool._retention, "evict", lambda excess: (_ for _ in ()).throw(SpoolError("torn")))
        spool._limits = type(spool._limits)(max_bytes=-1)
        with pytest.raises(SpoolError):
            spool.commit(spool.pack(batch(tallies=counts)), NOW * HOUR)
    spool._limits = type(spool._limits)()
    spool.commit(spool.pack(batch(tallies={(NOW, "user.name", "late"): 1})), NOW * HOUR)
    assert table(spool) == {f"{NOW} late": 1}


def test_few_sets_of_keys_stay_in_memory(spool):
    found = Tallies(spool._db)
    for hour in range(NOW - 100, NOW):
        found.add({(hour, "user.name", "x"): 1}, NOW * HOUR)
    assert len(found._known) <= 32
    assert tallies.read(spool._db, "user.name", NOW - 100, NOW, 5) == [("x", 100)]
