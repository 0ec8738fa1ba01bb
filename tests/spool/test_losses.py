from collector.spool.losses import HOUR, Losses


def test_an_overflow_is_told_at_the_beginning_every_hour_and_at_the_end():
    losses = Losses()
    told = []
    for now, counts in ((0, {"a": 2}), (1000, {"a": 1}), (2000, {"b": 4}), (HOUR, {"a": 1}), (HOUR + 1, {"a": 5}), (HOUR + 2, {}), (HOUR + 3, {})):
        losses.overflow(counts, now)
        told.append([(fact.action, fact.fields["mail.agent.dropped"], fact.fields["mail.agent.streams"]) for fact in losses.facts()])
    assert told == [[("spool-overflow", 2, ["a=2"])], [], [], [("spool-overflow", 6, ["a=2", "b=4"])], [], [("spool-overflow", 5, ["a=5"])], []]


def test_what_came_after_the_first_word_is_told_within_the_hour_even_if_no_more_comes():
    losses = Losses()
    for now in (0, 1, 2):
        losses.missed("archive", {"s": 10}, now)
    told = []
    for now in (3, HOUR, 2 * HOUR):
        losses.settle(now)
        told.append([fact.fields["mail.agent.count"] for fact in losses.facts()])
    assert told == [[10], [20], []]


def test_the_first_and_the_last_time_stand_in_it():
    losses = Losses()
    losses.overflow({"a": 1}, 0)
    losses.facts()
    losses.overflow({"a": 1}, 1000)
    losses.overflow({"a": 1}, 3000)
    losses.overflow({}, 9000)
    (fact,) = losses.facts()
    assert (fact.fields["event.start"], fact.fields["event.end"]) == ("1970-01-01T00:00:01.000Z", "1970-01-01T00:00:03.000Z")


def test_a_slow_sink_damage_and_dead_letters_are_told_once_an_hour_each():
    losses = Losses()
    for now in range(0, 2 * HOUR, HOUR // 4):
        losses.missed("archive", {"s": 10}, now)
        losses.dead_letters_gone("es", 1, now)
        losses.damaged("logs-mail.postfix-default", 3, now)
    facts = losses.facts()
    assert [fact.fields["mail.agent.count"] for fact in facts] == [10, 1, 3, 40, 4, 12]
    assert {fact.action for fact in facts} == {"agent-health"}
    assert {(fact.fields["mail.agent.subject"], fact.fields["mail.agent.state"]) for fact in facts} == {("sink", "lost"), ("spool", "lost")}
