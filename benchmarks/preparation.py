"""What preparing long and many series takes: time, peak memory, and what a training then maps.

    python -m benchmarks.preparation [--series 5000] [--steps 5000000] [--only series recording]

Two tables made here: that many series of 50 to 2,000 rows, hourly, to be forecast; and one series of that many rows.
Each is read and prepared in a process of its own; told is its peak memory above what it has once all is imported, in MB
and as a multiple of the table's columns with 8 bytes a cell, and the same of a pass over training batches, whose arrays
are mapped. Times are of this machine. Three minutes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

BATCHES = 200
PROGRAM = """
import json, resource, sys, time
from pathlib import Path
import numpy as np
import pandas, torch
from tuner.adapters.catalog import ADAPTERS
torch.set_num_threads(1)

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

options, folder, batches = json.loads(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
entry = ADAPTERS["time_series/forecasting"]
adapter = entry.load()(entry.options.model_validate(options))
empty, began = peak(), time.perf_counter()
if folder.exists():
    problem = adapter.problem(folder)
    for number, batch in enumerate(problem.dataset("train").batches(64, rng=np.random.default_rng(0))):
        if number == batches:
            break
    print(json.dumps({"peak": peak() - empty, "seconds": time.perf_counter() - began}))
else:
    folder.mkdir()
    prepared = adapter.prepare(folder)
    found = {"rows": sum(prepared.about["rows"].values()), "peak": peak() - empty, "empty": empty}
    print(json.dumps({**found, "seconds": time.perf_counter() - began}))
"""


def write_series(path: Path, number: int) -> dict[str, object]:
    """That many series of 50 to 2,000 hours; returns the options that read them."""
    rng = np.random.default_rng(0)
    for at, rows in enumerate(rng.integers(50, 2001, number)):
        times = pd.date_range("2024-01-01", periods=rows, freq="h").strftime("%Y-%m-%d %H:%M")
        frame = pd.DataFrame({"name": f"s{at}", "time": times, "value": rng.normal(size=rows).round(4)})
        frame.to_csv(path, index=False, mode="a", header=at == 0)
    return {"path": str(path), "time": "time", "series": "name", "horizon": 12, "window": 48}


def write_recording(path: Path, steps: int) -> dict[str, object]:
    """One series of that many steps of a second."""
    rng = np.random.default_rng(0)
    for first in range(0, steps, 500_000):
        rows = np.arange(first, min(first + 500_000, steps))
        frame = pd.DataFrame({"second": rows, "value": rng.normal(size=len(rows)).round(4)})
        frame.to_csv(path, index=False, mode="a", header=first == 0)
    return {"path": str(path), "time": "second", "horizon": 12, "window": 48, "seasonality": 60}


def measured(options: dict[str, object], folder: Path) -> dict[str, float]:
    """What the program tells."""
    command = [sys.executable, "-c", PROGRAM, json.dumps(options), str(folder), str(BATCHES)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, default=5000)
    parser.add_argument("--steps", type=int, default=5_000_000)
    parser.add_argument("--only", nargs="+", choices=["series", "recording"], default=["series", "recording"])
    asked = parser.parse_args()
    row = "{:<28} {:>10} {:>8} {:>8} {:>13} {:>8} {:>14} {:>11}"
    heads = ("table", "rows", "file MB", "cells MB", "prepared in s", "peak MB", "times cells", "training MB")
    print(row.format(*heads))
    for name in asked.only:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "x.csv"
            if name == "series":
                options, told, columns = write_series(path, asked.series), f"{asked.series:,} series", 3
            else:
                options, told, columns = write_recording(path, asked.steps), f"one series of {asked.steps:,}", 2
            size = path.stat().st_size / 2**20
            prepared = measured(options, Path(folder) / "prepared")
            trained = measured(options, Path(folder) / "prepared")
            cells = prepared["rows"] * columns * 8 / 2**20
            times, seconds = f"{prepared['peak'] / cells:.1f}", f"{prepared['seconds']:.1f}"
            peaks = [f"{each['peak']:.0f}" for each in (prepared, trained)]
            rows = f"{prepared['rows']:,.0f}"
            print(row.format(told, rows, f"{size:.0f}", f"{cells:.0f}", seconds, peaks[0], times, peaks[1]))


if __name__ == "__main__":
    main()
