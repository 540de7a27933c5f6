"""Record the laboratory.

    python -m benchmarks.laboratory record [--folder laboratory] [--space gated_rnn] [--tasks NAME …] [--part 1/1]
    python -m benchmarks.laboratory pack
    python -m benchmarks.laboratory show
    python -m benchmarks.laboratory fidelity

`record` trains random configurations of a ready space (`gated_rnn`) on every task of `benchmarks/laboratory/tasks.py`,
in one process with one thread, in an order of which each beginning is of use; it may be stopped at any time, and goes
on where it was. Several processes share the work as `--part 1/2` and `--part 2/2`. `pack` puts what the journals in the
folder have into `benchmarks/laboratory/records`. `show` says how much is recorded of each task, its values and its
seconds; `fidelity` how well the model that searches are simulated with ranks configurations that it has not seen.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from statistics import median

from benchmarks.laboratory import configurations, records
from benchmarks.laboratory.recorder import Recorder, part_of
from benchmarks.laboratory.records import pools
from benchmarks.laboratory.surrogate import fidelity
from benchmarks.laboratory.tasks import TASKS


def show(recorder: Recorder, tasks: list[str]) -> str:
    """A line per task."""
    done = recorder.done().values()
    heads = ("task", "half", "family", "configurations", "all", "diverged", "seconds", "val: best", "median", "worst")
    lines = ["{:<18} {:<8} {:<10}".format(*heads[:3]) + "".join(f"{head:>15}" for head in heads[3:])]
    for name in tasks:
        own = [training for training in done if training.task == name]
        first = [training for training in own if training.configuration >= 0 and training.repeat == 0]
        if not first:
            continue
        values = sorted(training.best for training in first)
        finite = [value for value in values if math.isfinite(value)]
        cells = [
            f"{len(first)}",
            f"{len(own)}",
            f"{len(values) - len(finite)}",
            f"{median(len(training.values) * training.seconds for training in first):.2f}",
            *(f"{value:.4g}" for value in (finite[0], median(finite), finite[-1])),
        ]
        task = TASKS[name]
        lines.append(f"{name:<18} {task.half:<8} {task.family:<10}" + "".join(f"{cell:>15}" for cell in cells))
    return "\n".join(lines)


def known(tasks: list[str], space: str, keep: Path) -> str:
    """A line per task: rank correlations of what the model predicts with what is recorded, and the noise of seeds."""
    halves = pools("tuning", space=space, folder=keep), pools("judging", space=space, folder=keep, judge=True)
    found = halves[0] | halves[1]  # nothing is chosen by what is printed
    heads = ("task", "configurations", "values", "tests", "seeds / configurations")
    lines = [f"{heads[0]:<18}" + "".join(f"{head:>16}" for head in heads[1:-1]) + f"{heads[-1]:>26}"]
    for name in (name for name in tasks if name in found):
        of = fidelity(found[name], space)
        cells = f"{found[name].count:>16}{of.values:>16.2f}{of.tests:>16.2f}{of.noise:>26.2f}"
        lines.append(f"{name:<18}{cells}")
    return "\n".join(lines)


def main() -> None:
    """Record, pack, show, or say how well it is modelled."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("record", "pack", "show", "fidelity"))
    parser.add_argument("--folder", type=Path, default=Path("laboratory"), help="data, prepared data and journals")
    parser.add_argument("--keep", type=Path, default=records.RECORDS, help="where the records are")
    parser.add_argument("--space", choices=configurations.CHANGES, default=records.SPACE, help="the ready space")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--count", type=int, default=configurations.CONFIGURATIONS)
    parser.add_argument("--part", default="1/1", help="k/n: every n-th block, from the k-th on")
    asked = parser.parse_args()
    recorder = Recorder(
        asked.folder.absolute(), asked.space, asked.tasks, asked.count, part_of(asked.part), asked.keep.absolute()
    )
    if asked.what == "record":
        recorder.record()
    elif asked.what == "pack":
        for half, count in recorder.pack().items():
            print(f"{half}: {count} trainings")
    print(known(asked.tasks, asked.space, asked.keep) if asked.what == "fidelity" else show(recorder, asked.tasks))


if __name__ == "__main__":
    main()
