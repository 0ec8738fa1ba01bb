from collector.model.document import Delivery
from collector.spool.cursors import SinkSpec

POSTFIX, ALERT = "logs-mail.postfix-default", "logs-mail.alert-default"


def size(spool, table="document", after=0):
    return spool._db.value(f"select coalesce(sum(length(body)), 0) from {table} where seq > ?", after)


def deliver(spool, sink, stream, **limits):
    parcel = spool.next(sink, stream, **limits)
    spool.delivered(sink, parcel, Delivery(), 0)


def test_what_waits_is_what_the_slowest_required_sink_has_not_passed(house, batch):
    spool = house.open()
    spool.configure([SinkSpec("es"), SinkSpec("file"), SinkSpec("archive", required=False)])
    for n in range(3):
        spool.commit(spool.pack(batch([f"a{n}"], postfix=[f"p{n}"], agent=[f"h{n}"])), 100 + n)
    assert spool._backlog.waiting == size(spool) + size(spool, "alert")
    deliver(spool, "es", POSTFIX)
    assert spool._backlog.waiting == size(spool) + size(spool, "alert"), "file has passed nothing"
    deliver(spool, "file", POSTFIX, max_documents=2)
    left = spool._db.value("select length(body) from document where stream = ? and seq = 3", POSTFIX)
    assert spool._backlog.waiting == left + size(spool, "alert") + spool._db.value("select sum(length(body)) from document where stream like '%agent%'")
    for sink in ("es", "file"):
        deliver(spool, sink, ALERT)
        deliver(spool, sink, "logs-mail.agent-default")
    deliver(spool, "file", POSTFIX)
    assert spool._backlog.waiting == 0
    assert spool._backlog.held == size(spool), "the archive's part is still there"


def test_pending_says_batches_documents_bytes_and_the_oldest(house, batch):
    spool = house.open()
    spool.configure([SinkSpec("es"), SinkSpec("syslog", only="alerts")])
    assert not spool.pending("es")
    for n in range(3):
        spool.commit(spool.pack(batch([f"a{n}"], postfix=[f"p{n}", f"q{n}"])), 100 + n)
    found = spool.pending("es")
    assert (found.batches, found.documents, found.bytes, found.oldest) == (6, 9, size(spool) + size(spool, "alert"), 100)
    assert spool.pending("syslog").documents == 3
    deliver(spool, "es", POSTFIX, max_documents=2)
    deliver(spool, "es", ALERT, max_documents=2)
    assert spool.pending("es").oldest == 101
    deliver(spool, "es", POSTFIX)
    deliver(spool, "es", ALERT)
    assert not spool.pending("es")
    assert spool.pending("es").oldest is None


def test_the_totals_are_found_again_at_the_next_start(house, batch):
    spool = house.open()
    sinks = [SinkSpec("es"), SinkSpec("archive", required=False)]
    spool.configure(sinks)
    for n in range(4):
        spool.commit(spool.pack(batch([f"a{n}"], postfix=[f"p{n}"])), n)
    deliver(spool, "es", POSTFIX, max_documents=2)
    before = (spool._backlog.waiting, spool._backlog.held, spool.pending("es"), spool.pending("archive"))
    spool = house.crash(spool)
    spool.configure(sinks)
    assert (spool._backlog.waiting, spool._backlog.held, spool.pending("es"), spool.pending("archive")) == before


def test_an_alert_that_was_there_already_is_not_counted_again(house, batch):
    spool = house.open()
    spool.configure([SinkSpec("es")])
    spool.commit(spool.pack(batch(["a1"])), 0)
    spool.commit(spool.pack(batch(["a1", "a2"])), 0)
    assert spool.pending("es").documents == 2
    assert spool._backlog.waiting == size(spool, "alert")
