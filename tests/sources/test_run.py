from collector.sources.run import Run


def test_records_are_numbered_within_their_run():
    run = Run("stdin", lambda: 5000)
    one, two = run.position(), run.position()
    assert one.identity == (b"stdin", (5000).to_bytes(8, "big"), (1).to_bytes(8, "big"))
    assert two.identity == (b"stdin", (5000).to_bytes(8, "big"), (2).to_bytes(8, "big"))
    assert one.resume == two.resume == run.token


def test_a_later_run_has_a_higher_number_even_where_the_clock_was_set_back():
    now = 5000
    numbers = []
    token = None
    for now in (5000, 5000, 4000, 9000):
        run = Run("stdin", lambda now=now: now)
        run.resume(token)
        token = run.token
        numbers.append(int.from_bytes(token, "big"))
    assert numbers == [5000, 5001, 5002, 9000]


def test_a_lost_spool_gives_no_number_again():
    first = Run("stdin", lambda: 5000)
    first.resume(None)
    second = Run("stdin", lambda: 6000)
    second.resume(None)
    assert second.token > first.token
