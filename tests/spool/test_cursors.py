import pytest

from collector.spool import cursors
from collector.spool.cursors import ENDLESS, Removed, SinkSpec

POSTFIX, ALERT = "logs-mail.postfix-default", "logs-mail.alert-default"


@pytest.mark.parametrize(("only", "takes"), [("all", (True, True)), ("alerts", (True, False)), ("events", (False, True))])
def test_what_a_sink_takes(only, takes):
    assert tuple(SinkSpec("s", only=only).takes(kind) for kind in ("alert", "document")) == takes


def commit(spool, *batches):
    for batch in batches:
        spool.commit(spool.pack(batch), 0)


def ids(spool, sink, stream=POSTFIX):
    parcel = spool.next(sink, stream)
    return [document.id for document in parcel.documents()] if parcel else []


def test_a_new_spool_begins_at_zero_and_a_new_sink_at_the_newest(house, batch):
    spool = house.open()
    assert spool.configure([SinkSpec("es")]) == []
    commit(spool, batch(["a1"], postfix=["p1"]))
    spool.configure([SinkSpec("es"), SinkSpec("new"), SinkSpec("old", start="oldest")])
    assert (ids(spool, "es"), ids(spool, "new"), ids(spool, "old")) == (["p1"], [], ["p1"])
    assert ids(spool, "old", ALERT) == ["a1"]
    commit(spool, batch(["a2"], postfix=["p2"], dovecot=["d2"]))
    assert (ids(spool, "es"), ids(spool, "new"), ids(spool, "old")) == (["p1", "p2"], ["p2"], ["p1", "p2"])
    assert ids(spool, "new", ALERT) == ["a2"]
    assert ids(spool, "new", "logs-mail.dovecot-default") == ["d2"]


def test_a_sink_that_has_received_nothing_yet_is_not_new_at_the_next_start(house, batch):
    spool = house.open()
    spool.configure([SinkSpec("es")])
    commit(spool, batch(postfix=["p1"]))
    spool = house.crash(spool)
    spool.configure([SinkSpec("es")])
    assert ids(spool, "es") == ["p1"]


def test_a_sink_that_is_configured_no_more_goes_and_what_it_had_not_received_is_said(house, batch):
    spool = house.open()
    spool.configure([SinkSpec("es"), SinkSpec("syslog", only="alerts")])
    commit(spool, batch(["a1", "a2"], postfix=["p1", "p2", "p3"]))
    assert spool.configure([SinkSpec("file")]) == [Removed("es", 3, 2), Removed("syslog", 0, 2)]
    assert spool.configure([SinkSpec("file")]) == []
    assert spool._db.value("select count(*) from document") == 0, "nobody is left who wants them"
    assert spool.configure([SinkSpec("es")]) == [Removed("file", 0, 0)]
    assert ids(spool, "es", ALERT) == []


def test_a_sink_that_takes_events_again_begins_at_the_newest_again(house, batch):
    spool = house.open()
    spool.configure([SinkSpec("es"), SinkSpec("two")])
    commit(spool, batch(["a1"], postfix=["p1"]))
    spool.configure([SinkSpec("es"), SinkSpec("two", only="alerts")])
    assert spool.next("two", POSTFIX) is None
    assert spool.streams("two") == [ALERT]
    spool.configure([SinkSpec("es"), SinkSpec("two")])
    commit(spool, batch(postfix=["p2"]))
    assert ids(spool, "two") == ["p2"]
    assert ids(spool, "two", ALERT) == ["a1"]


def test_a_cursor_moves_forward_only_and_keeps_its_token(house):
    table = cursors.Cursors(house.open()._db)
    table.configure([SinkSpec("es")], 5)
    assert (table.after("es", POSTFIX), table.token("es", POSTFIX)) == (5, None)
    table.move("es", POSTFIX, 3, b"t", 0)
    assert (table.after("es", POSTFIX), table.token("es", POSTFIX)) == (5, b"t")
    table.move("es", POSTFIX, 9, None, 0)
    table.move("es", POSTFIX, 7, None, 0)
    assert (table.after("es", POSTFIX), table.token("es", POSTFIX)) == (9, b"t")
    table.jump("es", POSTFIX, 12)
    assert (table.after("es", POSTFIX), table.token("es", POSTFIX)) == (12, None)


def test_what_every_sink_has_passed(house):
    table = cursors.Cursors(house.open()._db)
    table.configure([SinkSpec("es"), SinkSpec("archive", required=False), SinkSpec("syslog", only="alerts")], 2)
    table.move("es", POSTFIX, 9, None, 0)
    assert (table.passed(POSTFIX), table.passed(POSTFIX, required=True)) == (2, 9)
    assert table.passed(ALERT) == 2
    table.configure([SinkSpec("archive", required=False)], 2)
    assert table.passed(POSTFIX, required=True) == ENDLESS


def test_streams_are_found_by_steps_and_counted_by_range(house, batch):
    spool = house.open()
    commit(spool, batch(["a1"], postfix=["p1"]), batch(dovecot=["d1", "d2"], postfix=["p2"]), batch(postfix=["p3"]))
    assert cursors.present(spool._db, "document") == ["logs-mail.dovecot-default", POSTFIX]
    assert cursors.count(spool._db, POSTFIX, 1)[:2] == (2, 2)
    assert cursors.count(spool._db, "logs-mail.dovecot-default", 1)[:2] == (1, 2)
    assert cursors.count(spool._db, ALERT, 0)[:2] == (1, 1)
    assert cursors.count(spool._db, POSTFIX, 0, 2)[:2] == (2, 2)
