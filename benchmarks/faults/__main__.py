"""Faults injected into real sweeps, with real processes, and what was lost.

    python -m benchmarks.faults [--quick] [--rows driver,worker] [--keep FOLDER]

The long form takes about an hour on two cores. Rows that need what this machine does not have say so.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.faults import kills, load, misdeeds, outages
from benchmarks.faults.sweeps import Row
from benchmarks.overhead import migrated_database

Injection = Callable[[Path, Path], Row | list[Row]]


def rows(*, quick: bool) -> dict[str, Injection]:
    """Name -> what injects its faults, in the order of the table."""

    def many(long: int, short: int) -> int:
        return short if quick else long

    return {
        "driver": partial(kills.driver, kills=many(50, 4)),
        "worker": partial(kills.worker, kills=many(50, 4)),
        "node": partial(kills.node, kills=many(10, 1), trials=many(40, 10)),
        "bad_node": partial(kills.bad_node, trials=many(40, 10)),
        "head": partial(kills.head, trials=many(40, 10)),
        "ray": partial(kills.ray, kills=many(4, 1)),
        "stops": partial(kills.stops, kills=4),
        "mlflow": partial(outages.mlflow, away=many(120, 10), kills=many(5, 1)),
        "disk": partial(outages.disk, seconds=many(10, 4), trials=many(12, 6)),
        "stopped": _stopped,
        "clock": outages.clock,
        "misdeeds": _misdeeds,
        "reporting": partial(load.reporting, workers=many(64, 4), seconds=many(120, 15)),
        "many": partial(load.many, trials=many(5000, 220)),
    }


def _stopped(folder: Path, database: Path) -> list[Row]:
    """SIGSTOP for less and for more than the allowance."""
    return [
        misdeeds.stopped(folder / "less", database, seconds=6.0, allowance=20.0),
        misdeeds.stopped(folder / "more", database, seconds=25.0, allowance=10.0),
    ]


def _misdeeds(folder: Path, database: Path) -> list[Row]:
    """Every trial that misbehaves."""
    return [misdeeds.misdeed(folder / str(n), database, name=name) for n, name in enumerate(misdeeds.EXPECTED)]


def table(found: list[Row]) -> str:
    """The table of what was injected and what was lost."""
    lines = [f"{'fault':<48}{'injected':>9}  {'time':>7}  lost"]
    for row in found:
        what = "nothing" if not row.lost else f"{len(row.lost)}: {row.lost[0]}"
        lines.append(f"{row.name:<48}{row.faults:>9}  {row.seconds:>5.0f} s  {what}")
        lines += [f"{'':<68}{loss}" for loss in row.lost[1:6]]
        lines += [f"{'':<4}{note}" for note in row.notes]
    return "\n".join(lines)


def main() -> int:
    """Inject, print the table; status 1 when something was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few faults of each kind")
    parser.add_argument("--rows", default="", help=f"some of: {','.join(rows(quick=True))}")
    parser.add_argument("--keep", type=Path, default=None, help="do the work in this folder and leave it there")
    parser.add_argument("--database", type=Path, default=None, help="MLflow's, with its tables; else it is made first")
    options = parser.parse_args()
    known = rows(quick=options.quick)
    chosen = options.rows.split(",") if options.rows else list(known)
    if unknown := set(chosen) - set(known):
        parser.error(f"--rows must be some of {', '.join(known)}, but got {', '.join(sorted(unknown))}")
    found = []
    with tempfile.TemporaryDirectory(prefix="faults", ignore_cleanup_errors=True) as temporary:
        root: Path = options.keep or Path(temporary)
        root.mkdir(parents=True, exist_ok=True)
        database = options.database or migrated_database(root)
        for name in chosen:
            folder = root / name
            folder.mkdir(parents=True, exist_ok=True)
            try:
                injected = known[name](folder, database)
            except Exception as error:  # noqa: BLE001 - the other rows are still to be seen
                traceback.print_exc()
                injected = Row(name, lost=[f"the row itself failed: {type(error).__name__}: {error}"])
            new = injected if isinstance(injected, list) else [injected]
            found += new
            print(table(new).partition("\n")[2], file=sys.stderr, flush=True)
    print(table(found))
    return int(any(row.lost for row in found))


if __name__ == "__main__":
    sys.exit(main())
