"""SIGKILL twenty times at random moments, two logs, Elasticsearch and files: both end with exactly what an undisturbed run gives."""

import pytest

from tests.support.killing import Host, differences


@pytest.mark.real
def test_killed_twenty_times_with_elasticsearch(tmp_path, elasticsearch, namespace):
    host = Host(tmp_path, f'[sink.elasticsearch]\nhosts = ["{elasticsearch.url}"]\n', seed=20, namespace=namespace)
    host.live_through(kills=20, lines=150, idle=30)
    host.undisturbed()
    killed, undisturbed = host.documents("killed"), host.documents("undisturbed")
    assert differences(undisturbed, killed) == ""
    found = [hit["_source"] for hit in elasticsearch.documents(f"logs-mail.*-{namespace}")]
    stored = {(document["data_stream"]["dataset"], document["event"]["id"]): document for document in found}
    assert len(stored) == elasticsearch.count(f"logs-mail.*-{namespace}")
    sent = {(document["data_stream"]["dataset"], one): document for (_, one), document in killed.items()}
    assert differences(sent, {key: document for key, document in stored.items() if key[0] != "mail.agent"}) == ""
