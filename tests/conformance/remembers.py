"""What holds for everything that Remembers: recalled at any commit, it equals what lived there.

Deltas and the parts of laps stand interleaved in one log, as the spool writes them: a commit after every step, the log
cut where a lap is done or a ring has said how many deltas are enough, a crash now and then in the middle of a lap.
"""

from itertools import islice


class Log:
    """The memory table of one owner."""

    def __init__(self):
        self.rows = []
        self._deltas = 0
        self._lap = None
        self._start = 0

    def commit(self, owner, *, lap, parts=1):
        """Write the delta; go on with a lap, or begin one where ``lap`` says so."""
        blob = owner.delta()
        if blob:
            self.rows.append(("delta", blob))
        enough = owner.keep()
        if enough is not None:
            deltas = [at for at, row in enumerate(self.rows) if row[0] == "delta"]
            for at in reversed(deltas[: max(0, len(deltas) - enough)]):
                del self.rows[at]
        if lap and self._lap is None:
            self._lap, self._start = owner.lap(), len(self.rows)
        if self._lap is not None:
            part = list(islice(self._lap, parts))
            self.rows += [("part", one) for one in part]
            if len(part) < parts:
                del self.rows[: self._start]
                self._lap = None

    def crash(self):
        """Lose the lap that is under way; what it wrote stays."""
        self._lap = None

    def blobs(self):
        return [blob for _, blob in self.rows]


def conform(fresh, steps, state, *, every=5, lap=7, crash=3):
    """Raise AssertionError where what is recalled differs from what lives.

    ``fresh()`` makes a world, ``steps`` change one (``step(world)``), ``state(world)`` gives its owner and what can be
    compared of it. Every ``every`` commits the log is read into a fresh world; every ``lap`` commits a lap begins (with
    ``keep`` deltas, none is due); every ``crash`` laps the living world is replaced by the recalled one inside a lap.
    """
    world, log = fresh(), Log()
    checks = laps = 0
    for number, step in enumerate(steps, 1):
        step(world)
        owner, _ = state(world)
        begins = number % lap == 0 and owner.keep() is None
        laps += begins
        log.commit(owner, lap=begins)
        crashed = begins and laps % crash == 0
        if number % every == 0 or crashed:
            again = fresh()
            state(again)[0].recall(log.blobs())
            lived, recalled = state(world)[1], state(again)[1]
            assert recalled == lived, f"after {number} steps: {_difference(recalled, lived)}"
            checks += 1
            if crashed:
                world = again
                log.crash()
    assert checks, "too few steps to check anything"


def _difference(recalled, lived):
    if isinstance(recalled, dict) and isinstance(lived, dict):
        keys = [key for key in {**recalled, **lived} if recalled.get(key) != lived.get(key)]
        return f"{len(keys)} keys differ, the first {keys[0]!r}: recalled {recalled.get(keys[0])!r}, lived {lived.get(keys[0])!r}" if keys else "order or kind differs"
    return f"recalled {recalled!r}, lived {lived!r}"


def caught(fresh, steps, state, **rhythm):
    """Say whether the suite catches a defect: that is how the suite itself is tested."""
    try:
        conform(fresh, steps, state, **rhythm)
    except AssertionError:
        return True
    return False
