"""In: a number of hostile logins, each with a new address and a new account. Out: what the road and the spool make of them: bytes, memory, alerts, overflow."""

import random
import resource
import sys
import time
from collections import Counter
from ipaddress import IPv6Address
from pathlib import Path
from tempfile import TemporaryDirectory

from collector.agent import assembly
from collector.model.alert import Alert
from collector.model.identity import Identity, lineage
from collector.model.moment import iso
from collector.model.record import Position, Record, SourceInfo
from collector.pipeline.replay import Whole
from collector.spool.store import Limits, SinkSpec, Spool

START = 1_795_514_400_000
BATCH = 5000
NETWORK = int(IPv6Address("2001:db8::"))


def lines(number, seed=1):
    """Half of the addresses lie in one /48, the others all over the documentation network; every account is new."""
    dice = random.Random(seed)
    info = SourceInfo("flood", path="/var/log/mail.log")
    offset, first = 0, lineage(b"flood")
    for n in range(number):
        address = IPv6Address(NETWORK | (0xBAD << 80 if n % 2 else dice.getrandbits(16) << 80) | dice.getrandbits(80))
        user = f"user{n:07d}x{dice.getrandbits(32):08x}@example.org"
        cause = "Disconnected: Connection closed (auth failed, 1 attempts in 2 secs)"
        raw = f"{iso(START + n)} mx1 dovecot: imap-login: {cause}: user=<{user}>, method=PLAIN, rip={address}, lip=192.0.2.1, TLS".encode()
        yield Record(info, raw, START + n, Position((first, offset.to_bytes(8, "big")), offset.to_bytes(8, "big")))
        offset += len(raw) + 1


def written():
    """Bytes that this process has handed to the kernel for files."""
    for line in Path("/proc/self/io").read_text().splitlines():
        if line.startswith("wchar:"):
            return int(line.split()[1])
    raise RuntimeError("/proc/self/io says nothing of wchar")


def run(number):
    content = assembly.load_content()
    with TemporaryDirectory() as folder:
        spool = Spool.open(Path(folder, "state"), limits=Limits(max_bytes=8 << 30, min_free=0))
        spool.configure([SinkSpec("nobody")])
        pipeline = assembly.road(content, Identity(spool.key), live=True)
        pipeline.merge.add("flood", Whole(lines(number)))
        said, alerts = Counter(), Counter()
        began, before, worst = time.monotonic(), written(), 0
        while True:
            taken = pipeline.taken
            for subject, _ in pipeline.walk(START + number, BATCH):
                if isinstance(subject, Alert):
                    alerts[subject.rule.name] += 1
                elif subject.shape.stream == "agent":
                    said[subject.shape.action, subject.get("rule.id")] += 1
            batch = pipeline.batch()
            if batch.empty:
                break
            batch.laps = spool.laps(pipeline.memories)
            at = written()
            spool.commit(spool.pack(batch), START)
            if pipeline.taken - taken == BATCH:
                worst = max(worst, written() - at)
        seconds, total = time.monotonic() - began, written() - before
        figures = {
            "events": number,
            "seconds": round(seconds, 1),
            "events_per_second": round(number / seconds),
            "written_kib_per_1000_events": round(total / number * 1000 / 1024, 1),
            "written_kib_per_1000_events_worst_batch": round(worst / BATCH * 1000 / 1024, 1),
            "rss_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
            "spool_mib": round(spool.statistics().file_bytes / (1 << 20), 1),
            "alerts": dict(alerts),
            "said": {f"{action} {rule}": times for (action, rule), times in said.items()},
        }
        spool.close()
    return figures


if __name__ == "__main__":
    import json

    print(json.dumps(run(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000), indent=2))
