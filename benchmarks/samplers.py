"""Every sampler on the default space with the default pruner, over made learning curves.

    python -m benchmarks.samplers [--trials 100] [--seeds 8] [--samplers random tpe gp cmaes nsga2]

Prints, median over seeds with the least and the most: the best level that a trial was headed for, and the median level
of the trials in the later half, 0 being the best there is (`benchmarks.surrogate`: two thirds of the trials are cut).
Beside it the seconds of a sweep, all but nothing of which is training, and the 95th percentile of the milliseconds
that each of the last 100 suggestions took, from the question to the stored trial. GP takes about a second for each.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, median

import numpy as np

from benchmarks.surrogate import level, open_default, sweep
from tuner.messages import State

SAMPLERS = ("random", "tpe", "gp", "cmaes", "nsga2")


def row(sampler: str, trials: int, seeds: int) -> str:
    """The line of a sampler."""
    best, later, cut, took, began = [], [], [], list[float](), time.monotonic()
    for seed in range(seeds):
        with tempfile.TemporaryDirectory() as folder:
            search = open_default(Path(folder) / "study", sampler, seed)
            seconds = list[float]()
            done = sweep(search, trials, seconds.append)
            search.close()
        levels = [level(trial.params) for trial in done]
        best.append(min(levels))
        later.append(median(levels[trials // 2 :]))
        cut.append(sum(trial.state is State.PRUNED for trial in done) / trials)
        took += seconds[-100:]
    whole, slow = (time.monotonic() - began) / seeds, 1000 * float(np.percentile(took, 95))
    return f"{sampler:<8}{_spread(best):>22}{_spread(later):>22}{fmean(cut):>10.0%}{whole:>10.1f}{slow:>16.1f}"


def _spread(values: Sequence[float]) -> str:
    return f"{median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def main() -> None:
    """Sweep and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--samplers", nargs="+", choices=SAMPLERS, default=SAMPLERS)
    asked = parser.parse_args()
    print(f"{'':<8}{'best':>22}{'later half':>22}{'cut':>10}{'seconds':>10}{'suggestion, ms':>16}")
    for sampler in asked.samplers:
        print(row(sampler, asked.trials, asked.seeds), flush=True)


if __name__ == "__main__":
    main()
