"""SIGKILL at random moments, two logs, a file sink: the same documents and alerts as without."""

from tests.support.killing import Host, differences


def test_killed_at_random_moments_ends_like_an_undisturbed_run(tmp_path):
    host = Host(tmp_path, seed=4)
    host.live_through(kills=6, lines=500, idle=100)
    host.undisturbed()
    killed, undisturbed = host.documents("killed"), host.documents("undisturbed")
    assert differences(undisturbed, killed) == ""
    assert sum(stream.startswith("logs-mail.alert-") for stream, _ in killed) > 20
