from collector.model.document import Delivery
from collector.spool.cursors import SinkSpec
from collector.spool.retention import DAY_MS, STEP

POSTFIX, ALERT = "logs-mail.postfix-default", "logs-mail.alert-default"
MINUTE = 60_000


def commit(spool, batch, now=0):
    return spool.commit(spool.pack(batch), now)


def deliver(spool, sink, stream, now=0, **limits):
    parcel = spool.next(sink, stream, **limits)
    if parcel is not None:
        spool.delivered(sink, parcel, Delivery(token=b"at %d" % parcel.seq), now)
    return parcel


def seqs(spool, table="document"):
    return [seq for (seq,) in spool._db.rows(f"select seq from {table} order by seq")]


def test_documents_go_when_every_sink_has_passed_them_the_slow_one_too(house, batch):
    spool = house.open()
    spool.configure([SinkSpec("es"), SinkSpec("archive", required=False)])
    for n in range(4):
        commit(spool, batch(postfix=[f"p{n}"]))
    deliver(spool, "es", POSTFIX, max_documents=3)
    assert seqs(spool) == [1, 2, 3, 4]
    deliver(spool, "archive", POSTFIX, max_documents=2)
    assert seqs(spool) == [3, 4]
    deliver(spool, "archive", POSTFIX)
    assert seqs(spool) == [4]
    deliver(spool, "es", POSTFIX)
    assert seqs(spool) == []
    assert spool.facts() == ()


def test_over_the_limit_the_cursor_of_a_sink_that_is_not_required_jumps_and_the_gap_is_counted(house, batch):
    spool = house.open(max_bytes=1000)
    spool.configure([SinkSpec("archive", required=False), SinkSpec("alerts", only="alerts")])
    body = b', "x": "' + b"y" * 50 + b'"'
    commit(spool, batch(postfix=["p1", "p2"], body=body))
    deliver(spool, "archive", POSTFIX)
    in_hand = None
    for n in range(30):
        commit(spool, batch(postfix=[f"p{n}x", f"p{n}y"], dovecot=[f"d{n}"], body=body), n)
        in_hand = in_hand or spool.next("archive", POSTFIX)
        assert spool.room().read, "it holds nothing back"
    assert spool._db.value("select sum(length(body)) from document") == spool._backlog.held <= 1000
    assert spool.token("archive", POSTFIX) is None, "its state is of what was before the gap"
    spool.delivered("archive", in_hand, Delivery(token=b"late"), 30)
    left = spool._db.value("select sum(count) from document")
    assert spool.pending("archive").documents == left
    received = sum(deliver(spool, "archive", stream).count for stream in spool.streams("archive"))
    assert received == left
    commit(spool, batch(postfix=["later"]), 4_000_000)
    facts = spool.facts()
    assert {(fact.action, fact.fields["mail.agent.sink"]) for fact in facts} == {("agent-health", "archive")}
    assert sum(fact.fields["mail.agent.count"] for fact in facts) == 90 - left


def test_what_a_required_sink_needs_is_never_deleted(house, batch):
    spool = house.open(max_bytes=300)
    spool.configure([SinkSpec("es"), SinkSpec("archive", required=False)])
    for n in range(20):
        commit(spool, batch(postfix=[f"p{n}"]))
    assert len(seqs(spool)) == 20
    assert not spool.room().read
    deliver(spool, "es", POSTFIX, max_documents=15)
    commit(spool, batch(postfix=["more"]))
    assert seqs(spool)[-6:] == [16, 17, 18, 19, 20, 21]
    assert len(seqs(spool)) < 21, "what only the archive waits for goes over the limit"
    assert [document.id for document in deliver(spool, "es", POSTFIX).documents()] == ["p15", "p16", "p17", "p18", "p19", "more"]


def test_alerts_stay_their_days_and_until_each_required_sink_has_passed_them(house, batch):
    spool = house.open(alert_days=30)
    spool.configure([SinkSpec("es"), SinkSpec("notify", required=False)])
    commit(spool, batch(["a1"]), DAY_MS)
    commit(spool, batch(["a2"]), 2 * DAY_MS)
    deliver(spool, "es", ALERT)
    commit(spool, batch(["a3"]), 3 * DAY_MS)
    commit(spool, batch(), 31 * DAY_MS)
    assert seqs(spool, "alert") == [1, 2, 3], "30 days are not over"
    commit(spool, batch(), 31 * DAY_MS + MINUTE)
    assert seqs(spool, "alert") == [2, 3]
    commit(spool, batch(), 90 * DAY_MS)
    assert seqs(spool, "alert") == [3], "es has not had it"
    deliver(spool, "es", ALERT)
    commit(spool, batch(), 91 * DAY_MS)
    assert seqs(spool, "alert") == []


def test_retention_runs_in_small_steps_one_a_minute_or_one_a_commit_while_there_is_more(house, batch):
    spool = house.open()
    spool.configure([])
    commit(spool, batch([f"a{n}" for n in range(2 * STEP + 10)]), 0)
    left = []
    for now in (40 * DAY_MS, 40 * DAY_MS + 1, 40 * DAY_MS + 2):
        commit(spool, batch(), now)
        left.append(len(seqs(spool, "alert")))
    assert left == [STEP + 10, 10, 0]
    commit(spool, batch(["new"]), 40 * DAY_MS + 3)
    spool._db.run("update alert set committed = 0")
    commit(spool, batch(), 40 * DAY_MS + 1 + MINUTE)
    assert len(seqs(spool, "alert")) == 1, "the minute is not over"
    commit(spool, batch(), 40 * DAY_MS + 2 + MINUTE)
    assert seqs(spool, "alert") == []


def test_before_the_sinks_are_known_nothing_goes(house, batch):
    spool = house.open()
    commit(spool, batch(["a1"], postfix=["p1"]), 0)
    commit(spool, batch(), 90 * DAY_MS)
    assert (seqs(spool), seqs(spool, "alert")) == ([1], [1])


def test_the_position_of_a_path_missing_for_thirty_days_goes(house, batch):
    spool = house.open()
    commit(spool, batch(positions={"kept": b"1", "gone": b"2", "quiet": b"3"}), 0)
    assert spool.saw(["kept"], 20 * DAY_MS) == []
    commit(spool, batch(positions={"quiet": b"4"}), 25 * DAY_MS)
    assert spool.saw([], 30 * DAY_MS + 1) == ["gone"]
    assert [spool.position(source) for source in ("kept", "gone", "quiet")] == [b"1", None, b"4"]
    assert spool.saw(["kept"], 400 * DAY_MS) == ["quiet"], "a long stop of the service takes nothing that is there"
    spool.forget_position("kept")
    assert spool.position("kept") is None


def test_what_was_passed_and_not_deleted_goes_at_the_next_start(house, batch):
    spool = house.open()
    spool.configure([SinkSpec("es")])
    for n in range(STEP + 5):
        commit(spool, batch(postfix=[f"p{n}"]))
    spool._cursors.move("es", POSTFIX, STEP + 2, None, 0)
    spool = house.crash(spool)
    spool.configure([SinkSpec("es")])
    assert seqs(spool) == [STEP + 3, STEP + 4, STEP + 5]
