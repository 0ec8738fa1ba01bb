"""SIGKILL at random moments with a syslog receiver over TCP or TLS: nothing that was not acknowledged is lost, and what comes twice is counted."""

import pytest

from tests.support import certificates
from tests.support.killing import Host
from tests.support.syslog_receiver import receiver


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    return certificates.make(tmp_path_factory.mktemp("kill-tls"))


@pytest.mark.parametrize("scheme", ["tcp", "tcp+tls"])
def test_every_document_that_a_file_sink_has_reached_the_receiver(tmp_path, tls, scheme):
    with receiver(scheme, tls) as there:
        ca = f'ca_file = "{tls.ca}"\n' if scheme == "tcp+tls" else ""
        host = Host(tmp_path, f'[sink.syslog]\ntarget = "{there.target}"\nonly = "all"\n{ca}', seed=7)
        host.live_through(kills=4, lines=400, idle=80)
        wanted = {one for _, one in host.documents("killed")}
        assert len(wanted) > 500
        there.wait(lambda there: wanted <= {message.data["mailvigil@32473"]["event_id"] for message in there.parsed})
        got = [(data["stream"], data["event_id"]) for data in (message.data["mailvigil@32473"] for message in there.parsed) if "mail.agent" not in data["stream"]]
        assert set(got) == host.documents("killed").keys()
        print(f"{len(got) - len(set(got))} of {len(got)} messages came twice")
