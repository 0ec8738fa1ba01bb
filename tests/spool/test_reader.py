import pytest

from collector.errors import SpoolError
from collector.model.document import Delivery
from collector.spool.cursors import SinkSpec
from collector.spool.reader import AlertSummary, Waiting
from collector.spool.store import Spool


@pytest.fixture
def spool(house, batch):
    found = house.open()
    found.configure([SinkSpec("es"), SinkSpec("syslog", only="alerts")])
    found.commit(found.pack(batch(["aa1", "aa2", "b%"], postfix=["p1", "p2"], deltas={"windows": b"{}"}, severity=47)), 10)
    found.commit(found.pack(batch(["c3"], dovecot=["d1"], severity=99)), 20)
    return found


def test_alerts_are_listed_newest_first_and_chosen_by_time_rule_and_severity(spool):
    found = spool.alerts()
    assert [alert.id for alert in found] == ["b%", "aa2", "c3", "aa1"]
    assert found[2] == AlertSummary("c3", 1000, "rule c3", 99, "source.ip=c3", "logs-mail.alert-default", 20)
    assert [alert.id for alert in spool.alerts(since=1001)] == ["b%", "aa2"]
    assert [alert.id for alert in spool.alerts(rule="rule aa1")] == ["aa1"]
    assert [alert.id for alert in spool.alerts(severity_at_least=73)] == ["c3"]
    assert [alert.id for alert in spool.alerts(limit=2)] == ["b%", "aa2"]


def test_an_alert_is_found_by_the_beginning_of_its_id(spool):
    assert spool.alert("aa1") == b'{"alert":"aa1"}'
    assert spool.alert("c") == b'{"alert":"c3"}'
    assert spool.alert("zz") is None
    assert spool.alert("%") is None
    assert spool.alert("b%") == b'{"alert":"b%"}'
    for several in ("aa", ""):
        with pytest.raises(SpoolError, match="several alerts"):
            spool.alert(several)
    spool._db.run("update alert set body = x'1f' where id = 'c3'")
    with pytest.raises(SpoolError, match="damaged"):
        spool.alert("c3")


def test_a_reader_works_while_the_service_writes(spool, house, batch):
    with Spool.read(house.folder) as reader:
        assert len(reader.alerts()) == 4
        spool.commit(spool.pack(batch(["new"])), 30)
        assert len(reader.alerts()) == 5
        assert reader.alert("new") == b'{"alert":"new"}'
        with pytest.raises(SpoolError):
            reader._db.run("delete from alert")
    spool.commit(spool.pack(batch(["newer"])), 40)


def test_a_reader_works_after_an_orderly_end_and_after_a_crash_and_leaves_the_end_as_it_was(spool, house, batch):
    crashed = house.crash(spool)._folder
    for spool_ in house._open:
        house.leave(spool_)
    with Spool.read(crashed) as reader:
        assert len(reader.alerts()) == 4
    spool = house.open(crashed)
    assert spool.unclean
    spool.close()
    with Spool.read(crashed) as reader:
        assert reader.statistics().seq == 2
    assert not house.open(crashed).unclean


def test_where_there_is_no_spool_nothing_is_made(tmp_path):
    with pytest.raises(SpoolError, match="no spool"):
        Spool.read(tmp_path)
    with pytest.raises(SpoolError, match="no spool"):
        Spool.read(tmp_path / ("x" * 300))
    assert list(tmp_path.iterdir()) == []


def test_statistics_count_everything(spool, house):
    parcel = spool.next("es", "logs-mail.postfix-default")
    spool.delivered("es", parcel, Delivery(rejected=(("p2", "bad"),)), 77)
    with Spool.read(house.folder) as reader:
        found = reader.statistics()
        assert reader.dead_letter_count() == 1
        assert reader.dead_letters()[0].document() == b'{"id":"p2"}'
    assert (found.seq, found.run, found.document_rows, found.alerts, found.dead_letters, found.oldest_dead_letter) == (2, 1, 1, 4, 1, 77)
    assert found.document_bytes == spool.pending("es").bytes - sum(waiting.bytes for waiting in found.waiting if waiting.sink == "syslog")
    assert found.file_bytes > 4096
    assert list(found.memory) == ["windows"]
    alert, dovecot = "logs-mail.alert-default", "logs-mail.dovecot-default"
    size = {(waiting.sink, waiting.stream): waiting.bytes for waiting in found.waiting}
    assert found.waiting == (
        Waiting("es", alert, 4, 4, size["es", alert], 10),
        Waiting("es", dovecot, 1, 1, size["es", dovecot], 20),
        Waiting("syslog", alert, 4, 4, size["es", alert], 10),
    )


def test_what_the_agent_left_is_there_until_it_says_something_else(spool, house, batch):
    with Spool.read(house.folder) as reader:
        assert reader.standing() == (None, False)
    for standing in (b'{"rules":1}', b""):
        one = batch(postfix=["x"], positions={"mail.log": b"there"})
        one.standing = standing
        spool.commit(spool.pack(one), 30)
        with Spool.read(house.folder) as reader:
            assert reader.standing() == ({"rules": 1}, False)
            assert reader.positions() == [("mail.log", b"there", 30)]
    spool.close()
    with Spool.read(house.folder) as reader:
        assert reader.standing() == ({"rules": 1}, True)


def test_sinks_say_how_far_they_are_and_when_they_took_something(spool, house):
    with Spool.read(house.folder) as reader:
        assert [(one.sink, one.seq, one.moved) for one in reader.sinks()] == [("es", 0, None), ("syslog", 0, None)]
    spool.delivered("es", spool.next("es", "logs-mail.postfix-default"), Delivery(), 55)
    with Spool.read(house.folder) as reader:
        assert [(one.sink, one.moved) for one in reader.sinks()] == [("es", 55), ("syslog", None)]
