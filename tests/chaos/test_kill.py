"""SIGKILL at random moments, every source that can be read again, a file sink: the same documents and alerts as without."""

import pytest

from tests.support.killing import DockerHost, Host, JournalHost, differences


@pytest.mark.parametrize("kind", [Host, DockerHost, JournalHost])
def test_killed_at_random_moments_ends_like_an_undisturbed_run(tmp_path, kind):
    host = kind(tmp_path, seed=4)
    host.live_through(kills=6, lines=500, idle=100)
    host.undisturbed()
    killed, undisturbed = host.documents("killed"), host.documents("undisturbed")
    assert differences(undisturbed, killed) == ""
    assert sum(stream.startswith("logs-mail.alert-") for stream, _ in killed) > 20
