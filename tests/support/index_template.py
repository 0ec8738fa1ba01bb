"""The index template of the tests, made from the catalogue: what a bare Elasticsearch and an OpenSearch both take."""

from collector.content import package_text
from collector.model.catalogue import load

NOT_INDEXED = {"event.original", "mail.alert.evidence", "mail.playbook.rendered"}
PLAIN_TYPES = {"match_only_text": "text", "constant_keyword": "keyword", "wildcard": "keyword"}
"""What a bare server lacks, and what stands in for it."""


def mapping(name, kind):
    kind = PLAIN_TYPES.get(kind, kind)
    if kind == "keyword":
        return {"type": "keyword", "index": False, "doc_values": False} if name in NOT_INDEXED else {"type": "keyword", "ignore_above": 1024}
    if kind == "text":
        return {"type": "text", "index": name not in NOT_INDEXED}
    return {"type": "ip", "ignore_malformed": True} if kind == "ip" else {"type": kind}


def properties(catalogue):
    tree = {}
    for name, field in catalogue.fields.items():
        if not field.ship:
            continue
        *parents, leaf = name.split(".")
        place = tree
        for parent in parents:
            place = place.setdefault(parent, {"properties": {}})["properties"]
        place[leaf] = mapping(name, field.type)
    return tree


def template():
    catalogue = load(package_text("model/fields.yaml"), package_text("model/actions.yaml"))
    strings = {"match_mapping_type": "string", "mapping": {"type": "keyword", "ignore_above": 1024}}
    return {
        "index_patterns": ["logs-mail.*-*"],
        "priority": 200,
        "data_stream": {},
        "template": {
            "settings": {"number_of_shards": 1, "number_of_replicas": 0},
            "mappings": {"date_detection": False, "dynamic_templates": [{"strings": strings}], "properties": properties(catalogue)},
        },
    }
