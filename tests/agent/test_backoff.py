from collector.agent.backoff import FIRST, LONGEST, Backoff


def test_the_bound_doubles_up_to_a_minute_and_begins_anew():
    backoff = Backoff(chance=lambda: 1.0)
    waits = [backoff.failed() for _ in range(12)]
    assert waits[:4] == [FIRST, 2 * FIRST, 4 * FIRST, 8 * FIRST]
    assert waits[-1] == LONGEST
    backoff.worked()
    assert backoff.failed() == FIRST


def test_jitter_is_full_but_never_nothing():
    assert Backoff(chance=lambda: 0.0).failed() == 1
