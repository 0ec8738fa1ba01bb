"""In: a number of lines. Out: what each stage of the road and the whole of it cost, as ratios to the floor of the same run.

The floor is `re.fullmatch` of a syslog header and `orjson.dumps` of its five parts, over the same lines. Stages are cumulative
and CPU time of one thread, but for the last row: there compression and commit run on a thread of their own, and it is wall time.
"""

import gc
import re
import sys
import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from collector.agent import assembly
from collector.agent.compressor import Compressor
from collector.model import json
from collector.model.identity import Identity
from collector.model.record import SourceInfo
from collector.sources.base import Start
from collector.sources.file import FileSource
from collector.spool.store import Limits, SinkSpec, Spool
from tests.bench.replicate import replicate
from tests.support.lab import LAB, content, plain_lines

LOG = LAB / "bookworm-syslog-default/rsyslog-rfc3339.log.gz"
LINES = 200_000
ROUNDS = 3
BATCH = 5000
HEADER = re.compile(r"([0-9T:.+-]+) ([^ ]+) ([^ \[:]+)(?:\[([0-9]+)\])?: (.*)", re.DOTALL)


class Road:
    """One walk over a log, up to a stage."""

    def __init__(self, log):
        self._log = log

    def floor(self):
        lines = self._log.read_text("utf-8", "backslashreplace").split("\n")[:-1]
        began = time.process_time()
        for line in lines:
            match = HEADER.fullmatch(line)
            json.dumps(match.groups() if match else line)
        return time.process_time() - began

    def read(self):
        return self._until(lambda pipeline, records: None)

    def envelope(self):
        def stage(pipeline, records):
            for record in records:
                pipeline.engine.open(record)

        return self._until(stage)

    def parse(self):
        def stage(pipeline, records):
            for record in records:
                pipeline.engine.read(pipeline.engine.open(record))

        return self._until(stage)

    def detect(self):
        def stage(pipeline, records):
            for record in records:
                opened = pipeline.engine.open(record)
                events = pipeline.engine.read(opened)
                pipeline.detector.advance(record.near if opened.time is None else opened.time)
                for event in events:
                    pipeline.detector.see(event)

        return self._until(stage)

    def render(self):
        """Merge, parse, detect, render; a batch is made every 5,000 lines and dropped."""
        pipeline = self._pipeline()
        pipeline.merge.add("log", self._source())
        began = time.process_time()
        while _walk(pipeline):
            pipeline.batch()
        return time.process_time() - began

    def whole(self):
        """The same, and each batch is packed and committed before the next."""
        with TemporaryDirectory() as folder:
            spool, pipeline = self._spooled(folder)
            began = time.process_time()
            while _walk(pipeline):
                spool.commit(spool.pack(_batch(pipeline, spool)), 0)
            spent = time.process_time() - began
            spool.close()
        return spent

    def beside(self):
        """The same with the compressor on a thread; wall time."""
        with TemporaryDirectory() as folder:
            spool, pipeline = self._spooled(folder)
            compressor = Compressor(spool, lambda: 0)
            done = threading.Event()

            def work():
                while compressor.step(timeout=0.05) or not done.is_set():
                    pass

            worker = threading.Thread(target=work)
            began = time.monotonic()
            worker.start()
            while _walk(pipeline):
                compressor.submit(_batch(pipeline, spool), timeout=60)
            done.set()
            worker.join()
            spent = time.monotonic() - began
            spool.close()
        return spent

    def _pipeline(self, key=None):
        gc.collect()
        return assembly.road(content(), Identity() if key is None else Identity(key), live=False)

    def _source(self):
        source = FileSource(SourceInfo("log", path="/var/log/mail.log", format="auto"), self._log, start=Start.BEGINNING, clock=lambda: 0)
        source.begin()
        return source

    def _until(self, stage):
        pipeline, source = self._pipeline(), self._source()
        began = time.process_time()
        while records := source.read(512):
            stage(pipeline, records)
        spent = time.process_time() - began
        source.close()
        return spent

    def _spooled(self, folder):
        spool = Spool.open(Path(folder, "state"), limits=Limits(min_free=0))
        spool.configure([SinkSpec("nobody")])
        pipeline = self._pipeline(spool.key)
        pipeline.merge.add("log", self._source())
        return spool, pipeline


def _walk(pipeline):
    before = pipeline.taken
    for _ in pipeline.walk(0, BATCH):
        pass
    return pipeline.taken - before


def _batch(pipeline, spool):
    batch = pipeline.batch()
    batch.laps = spool.laps(pipeline.memories)
    return batch


STAGES = {
    "floor": Road.floor,
    "read": Road.read,
    "read, envelope": Road.envelope,
    "read, envelope, parse, sessions": Road.parse,
    "read to detect": Road.detect,
    "read to render": Road.render,
    "whole road, one core": Road.whole,
    "whole road, compression beside (wall)": Road.beside,
}


def run(number=LINES, rounds=ROUNDS, stages=STAGES):
    """Return rows of name, value, unit, floor_ratio: the best of some rounds, every stage in each."""
    content()
    gc.freeze()
    with TemporaryDirectory() as folder:
        log = Path(folder, "mail.log")
        with log.open("w", encoding="utf-8", errors="backslashreplace") as file:
            file.writelines(f"{line}\n" for line in replicate(list(plain_lines(LOG)), number))
        road = Road(log)
        best = {name: min(stage(road) for _ in range(rounds)) for name, stage in stages.items()}
    floor = best["floor"]
    return [{"name": name, "value": round(seconds / number * 1e6, 2), "unit": "us/line", "floor_ratio": round(seconds / floor, 1)} for name, seconds in best.items()]


if __name__ == "__main__":
    chosen = {name: stage for name, stage in STAGES.items() if name == "floor" or not sys.argv[3:] or any(word in name for word in sys.argv[3:])}
    for row in run(int(sys.argv[1]) if sys.argv[1:] else LINES, int(sys.argv[2]) if sys.argv[2:] else ROUNDS, chosen):
        print(f"{row['name']:40} {row['value']:>8} {row['unit']} {row['floor_ratio']:>6} floors")
