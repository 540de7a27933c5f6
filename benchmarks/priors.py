"""What priors are worth that a user writes, right ones and wrong ones, over made learning curves.

    python -m benchmarks.priors [--trials 60] [--seeds 20] [--betas 0 2 5 10 20]

The space is the default one, without priors or with one for each of the five ranges that matter: near the best value
(right), or at the other end (wrong); or right but for the learning rates (mixed). TPE and the default pruner search it.
Printed is the best level that a trial was headed for, 0 being the best there is (`benchmarks.surrogate`), after so many
trials, with its standard error; the mean over seeds. With beta 0 a prior shapes only the first ten trials.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.surrogate import default_space, level, open_default, sweep
from tuner.space import Space

RIGHT = {"hidden_size": 128, "dropout.input": 0.0, "dropout.output": 0.0, "adamw": 3e-3, "rmsprop": 3e-3}
WRONG = {"hidden_size": 40, "dropout.input": 0.45, "dropout.output": 0.55, "adamw": 2e-4, "rmsprop": 2e-4}
MIXED = {**RIGHT, "adamw": WRONG["adamw"], "rmsprop": WRONG["rmsprop"]}
MARKS = (10, 15, 20, 30, 60)


def with_priors(likely: Mapping[str, float]) -> Space:
    """The default space with priors."""
    rate, decay = {"low": 1e-4, "log": True}, {"weight_decay": {"low": 1e-6, "high": 1e-1, "log": True}}
    changes = {
        "hidden_size": {"low": 32, "high": 256, "log": True, "prior": likely["hidden_size"]},
        "dropout.input": {"low": 0.0, "high": 0.5, "prior": likely["dropout.input"]},
        "dropout.output": {"low": 0.0, "high": 0.6, "prior": likely["dropout.output"]},
        "optimizer": {
            "adamw": {"learning_rate": {**rate, "high": 3e-2, "prior": likely["adamw"]}, **decay},
            "rmsprop": {"learning_rate": {**rate, "high": 1e-2, "prior": likely["rmsprop"]}},
        },
    }
    return default_space().override(changes, lambda _: "priors.py:1")


def best(space: Space, beta: float, trials: int, seeds: int) -> NDArray[np.float64]:
    """The best level so far after each trial, a row for each seed."""
    rows = []
    for seed in range(seeds):
        with tempfile.TemporaryDirectory() as folder:
            search = open_default(Path(folder) / "study", "tpe", seed, space, beta=beta)
            rows.append([level(trial.params) for trial in sweep(search, trials)])
            search.close()
    return np.minimum.accumulate(rows, axis=1)


def main() -> None:
    """Search and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--betas", type=float, nargs="+", default=[0, 2, 5, 10, 20])
    asked = parser.parse_args()
    marks = [mark for mark in MARKS if mark <= asked.trials]
    print(f"{'priors':<8}{'beta':>6}" + "".join(f"{f'{mark} trials':>16}" for mark in marks))
    cases = [("none", default_space(), [0.0])]
    cases += [
        (name, with_priors(likely), asked.betas)
        for name, likely in (("right", RIGHT), ("mixed", MIXED), ("wrong", WRONG))
    ]
    for name, space, betas in cases:
        for beta in betas:
            found = best(space, beta, asked.trials, asked.seeds)
            error = found.std(axis=0, ddof=1) / asked.seeds**0.5
            cells = "".join(f"{f'{found[:, mark - 1].mean():.2f} ± {error[mark - 1]:.2f}':>16}" for mark in marks)
            print(f"{name:<8}{beta:>6g}{cells}", flush=True)


if __name__ == "__main__":
    main()
