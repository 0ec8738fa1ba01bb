import os

import pytest

from collector.sources.names import expand, rank


@pytest.mark.parametrize(
    "names",
    [
        ["mail.log.10", "mail.log.3.gz", "mail.log.2", "mail.log.1"],
        ["mail.log-20251231.gz", "mail.log-20260101", "mail.log-20261124"],
        ["mail.log.20261124-113524.gz", "mail.log.20261124-113525.gz", "mail.log.20261125-000001"],
        ["mail.log-2026-11-23", "mail.log-2026-11-24.gz"],
        ["mail.log-1700000000.gz", "mail.log-1800000000"],
    ],
)
def test_copies_rank_from_the_oldest_to_the_newest(names):
    ranks = [rank(name, "mail.log") for name in names]
    assert None not in ranks
    assert ranks == sorted(ranks)
    assert len(set(ranks)) == len(ranks)


@pytest.mark.parametrize(
    "name",
    [
        "mail.log", "mail.err", "mail.log.err", "mail.log.bak", "mail.log.1.bz2", "mail.log.1.gz.tmp", "mail.logs.1", "xmail.log.1", "mail.log.99999999999", "mail.log.1\n",
        "mail.log-12345678",
    ],
)  # fmt: skip
def test_what_is_no_rotated_copy_has_no_rank(name):
    assert rank(name, "mail.log") is None


def test_the_name_of_a_log_is_no_pattern():
    assert rank("mailxlog.1", "mail.log") is None
    assert rank("mail(.1", "mail(") == ("number", -1)


def test_expand_leaves_out_what_was_rotated_packed_or_saved(tmp_path):
    logs = ["dovecot.log", "mail.log", "mail.err", "postfix-mx1.log"]
    others = [
        "mail.log.1", "mail.log.2.gz", "mail.log.gz", "mail.log-20261124", "mail.log-20261124.gz", "mail.log.20261124-113524.gz", "mail.log.bak", "mail.log~",
        "mail.log.old", "mail.log.1.bz2", "mail.log.1.xz", "mail.log.zst", "mail.log.swp", "mail-20261124.log", "mail.1.log",
    ]  # fmt: skip
    for name in (*logs, *others):
        (tmp_path / name).touch()
    (tmp_path / "folder.log").mkdir()
    assert expand(f"{tmp_path}/*") == [tmp_path / name for name in sorted(logs)]
    assert expand(f"{tmp_path}/[dm]*.log") == [tmp_path / "dovecot.log", tmp_path / "mail.log"]
    assert expand(f"{tmp_path}/none*") == []


def test_a_path_without_wildcards_is_taken_as_it_is(tmp_path):
    assert expand(f"{tmp_path}/mail.log.1") == [tmp_path / "mail.log.1"]


def test_a_name_that_is_no_text_is_left_alone(tmp_path):
    os.close(os.open(bytes(tmp_path) + b"/\xff.log", os.O_CREAT, 0o600))
    (tmp_path / "mail.log").touch()
    assert expand(f"{tmp_path}/*.log") == [tmp_path / "mail.log"]
