"""In: a log of the lab. Out: what the whole road costs a line, as a ratio to the floor of the same run.

The floor is `re.fullmatch` of a syslog header and `orjson.dumps` of its five parts, over the same lines.
"""

import re
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from collector.agent import assembly
from collector.model import json
from collector.model.identity import Identity
from collector.model.record import SourceInfo
from collector.pipeline.replay import Whole
from collector.sources.whole import read_whole
from collector.spool.store import Limits, SinkSpec, Spool
from tests.support.lab import LAB, NEAR, content, plain_lines

LOG = LAB / "bookworm-syslog-default/rsyslog-rfc3339.log.gz"
ROUNDS = 3
HEADER = re.compile(r"([0-9T:.+-]+) ([^ ]+) ([^ \[:]+)(?:\[([0-9]+)\])?: (.*)", re.DOTALL)


def floor(lines):
    began = time.process_time()
    for line in lines:
        match = HEADER.fullmatch(line)
        json.dumps(match.groups() if match else line)
    return time.process_time() - began


def road():
    with TemporaryDirectory() as folder:
        spool = Spool.open(Path(folder, "state"), limits=Limits(min_free=0))
        spool.configure([SinkSpec("nobody")])
        pipeline = assembly.road(content(), Identity(spool.key), live=False)
        pipeline.merge.add("log", Whole(read_whole(str(LOG), SourceInfo("log", path="log"), NEAR)))
        began = time.process_time()
        for _ in pipeline.walk(0, 1 << 30):
            pass
        judged = time.process_time() - began
        batch = pipeline.batch()
        spool.commit(spool.pack(batch), NEAR)
        spent = time.process_time() - began
        spool.close()
    return judged, spent


def run():
    lines = plain_lines(LOG)
    content()
    floors = min(floor(lines) for _ in range(ROUNDS))
    judged, spent = map(min, zip(*(road() for _ in range(ROUNDS)), strict=True))
    return [
        {"name": name, "value": round(seconds / len(lines) * 1e6, 2), "unit": "us/line", "floor_ratio": round(seconds / floors, 1)}
        for name, seconds in (("floor", floors), ("read, parse, judge, render", judged), ("the whole road", spent))
    ]
