"""In: nothing, or a number of events for the flood. Out: build/bench.json and the same on the terminal. No figure is asserted in a test."""

import json
import subprocess
import sys
from pathlib import Path

from tests.bench import road

ROOT = Path(__file__).parents[2]

if __name__ == "__main__":
    rows = road.run()
    # A process of its own: its peak memory is that of the flood and of nothing else.
    flood = json.loads(subprocess.run([sys.executable, "-m", "tests.bench.flood", *sys.argv[1:2]], cwd=ROOT, check=True, capture_output=True).stdout)
    written = "written_kib_per_1000_events"
    units = {"seconds": "s", "events_per_second": "1/s", written: "KiB", f"{written}_worst_batch": "KiB", "rss_mib": "MiB", "spool_mib": "MiB"}
    rows += [{"name": f"flood: {name}", "value": flood[name], "unit": unit, "floor_ratio": None} for name, unit in units.items()]
    for row in rows:
        ratio = f"  {row['floor_ratio']} floors" if row["floor_ratio"] else ""
        print(f"{row['name']:45} {row['value']:>12} {row['unit']}{ratio}")
    print(f"alerts {flood['alerts']}\nsaid {flood['said']}")
    target = ROOT / "build/bench.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(rows, indent=2) + "\n")
