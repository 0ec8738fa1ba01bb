"""In: nothing, or a number of lines for the road and of events for the flood. Out: build/bench.json (rows of name, value, unit, floor_ratio) and the same on the terminal.

No figure is asserted in a test.
"""

import json
import subprocess
import sys
from pathlib import Path

from tests.bench import latency, road

ROOT = Path(__file__).parents[2]

if __name__ == "__main__":
    number = int(sys.argv[1]) if sys.argv[1:] else road.LINES
    rows = road.run(number) + latency.run()
    # A process of its own: its peak memory is that of the flood and of nothing else.
    flood = json.loads(subprocess.run([sys.executable, "-m", "tests.bench.flood", str(number)], cwd=ROOT, check=True, capture_output=True).stdout)
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
