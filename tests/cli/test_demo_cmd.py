"""The whole road on the bundled log, for somebody who has just installed it."""

from collector.cli.demo_cmd import ORDER


def test_it_shows_alerts_worst_first_and_says_what_to_do_next(mailvigil, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = mailvigil("demo")
    assert result.code == 0
    head, _, rest = result.out.partition("time ")
    assert "A bad day of mx1.example.org" in head
    levels = [line.split()[1] for line in rest.splitlines()[1:] if line.startswith("20")]
    assert len(levels) >= 8
    assert levels == sorted(levels, key=ORDER.index)
    assert "mailvigil check" in rest
    assert "100.0 % parsed" in result.err
    assert list(tmp_path.iterdir()) == [], "no state is left"


def test_the_steps_for_the_worst_alert(mailvigil):
    plain, steps = mailvigil("demo").out, mailvigil("demo", "--playbook").out
    assert "PB-" in steps
    assert len(steps) > len(plain) + 500
    assert "{{" not in steps
