"""Whether findings are right about random configurations, which are all trained to their end.

    python -m benchmarks.findings [--folder findings] [--trials 60] [--seed 11] [--workers 2]

Random configurations of the ready space `gated_rnn` on four tasks, without pruning and without acting. Afterwards their
records are judged epoch by epoch as a sweep that acts would have judged them. Printed are, by task, how many it would
have ended, what share of all seconds that would have spared, and where the best of the ended came in among all; then
every ended one; then how often each finding was made, and how often of a training among the best fifth, of which most
should have none. About forty minutes on two cores.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from benchmarks.running import add_sets, records, run
from benchmarks.small_tasks import TASKS, task_file
from tuner.diagnostics.finding import Finding
from tuner.diagnostics.judging import check_epochs, hopeless, judge, rules
from tuner.disk.events import RunRecord
from tuner.disk.folder import StudyFolder
from tuner.messages import State
from tuner.reporting.about import About, case_of
from tuner.solo.diagnose import about
from tuner.study.curves import Curves
from tuner.study.sparing import spared

CHOSEN = rules({})
"""All rules, with their default thresholds."""


@dataclass(frozen=True)
class Ended:
    """A training that would have been ended.

    Args:
        record: The whole training.
        epoch: After which it would have been.
        finding: Why.
    """

    record: RunRecord
    epoch: int
    finding: Finding


def train(folder: Path, task: str, trials: int, seed: int, *sets: str) -> None:
    """Train the configurations of a task, or go on where that was left."""
    more = f"sampler: {{name: random, seed: {seed}}}\npruner: {{name: none}}\ndiagnostics: {{mode: observe}}"
    run(folder / task, task_file(task, trials, more), *sets, quiet=True)


def ended(record: RunRecord, of: About, curves: Curves) -> Ended | None:
    """What acting would have done to a training; None where it would have let it go on to its end.

    Args:
        record: The whole training.
        of: Its study.
        curves: Of the trainings before it; this one is added, as far as it would have been trained.
    """
    for epoch, value in record.series(of.objective.metric).items():
        curves.add(record.number, epoch, value)
        if epoch not in check_epochs(of.epochs):
            continue
        finding = hopeless(case_of(record, of, upto=epoch), CHOSEN)
        if finding is None:
            continue
        best = curves.reached(record.number)
        if not spared(curves, record.number, epoch, best).go_on:
            return Ended(record, epoch, finding)
    if record.state is State.COMPLETED:
        curves.completed(record.number)
    return None


def ranks(trials: list[RunRecord], of: About) -> dict[int, int]:
    """Number -> place by the best objective, from 0; last those that never had a finite one."""
    loss = {trial.number: of.objective.loss(found[1] if (found := of.best(trial)) else None) for trial in trials}
    return {number: place for place, number in enumerate(sorted(loss, key=lambda number: loss[number]))}


def main() -> None:
    """Train, judge and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("findings"))
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--seed", type=int, default=11, help="of the configurations")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="tasks at a time")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    add_sets(parser)
    asked = parser.parse_args()
    folder = asked.folder.absolute()
    with multiprocessing.get_context("forkserver").Pool(asked.workers, maxtasksperchild=1) as pool:
        pool.starmap(
            train, [(folder, task, asked.trials, asked.seed, *asked.sets) for task in asked.tasks], chunksize=1
        )
    print(f"{'task':<10}{'trained':>9}{'ended':>7}{'seconds spared':>16}{'best place of an ended one':>28}")
    lines, all_ended, best_fifth = [], 0, 0
    made, of_the_best = Counter[str](), Counter[str]()
    for task in asked.tasks:
        trials, of = records(folder / task, task), about(StudyFolder(folder / task / "mlruns/studies" / task))
        curves = Curves(of.objective)
        found = [one for trial in trials if (one := ended(trial, of, curves))]
        place = ranks(trials, of)
        best_ones = {number for number, rank in place.items() if rank < len(trials) / 5}
        spared = sum(one.record.seconds * (1 - one.epoch / len(one.record.epochs)) for one in found)
        share = spared / sum(trial.seconds for trial in trials)
        best = min((place[one.record.number] for one in found), default=None)
        print(f"{task:<10}{len(trials):>9}{len(found):>7}{share:>16.1%}{'-' if best is None else best + 1:>28}")
        all_ended += len(found)
        best_fifth += sum(one.record.number in best_ones for one in found)
        for trial in trials:
            names = [finding.name for finding in judge(case_of(trial, of), CHOSEN)]
            made.update(names)
            of_the_best.update(names if trial.number in best_ones else ())
        lines += [
            f"{task} {one.record.number}: place {place[one.record.number] + 1} of {len(trials)}, after epoch "
            f"{one.epoch} of {of.epochs}: {one.finding.title}, {one.finding.evidence}"
            for one in found
        ]
    print(*lines, sep="\n")
    print(f"\n{'finding':<26}{'trainings':>10}{'among the best fifth':>22}")
    for name, count in made.most_common():
        print(f"{name:<26}{count:>10}{of_the_best[name]:>22}")
    print(f"\nended as hopeless: {all_ended} trials; finished anyway, {best_fifth} of them are among the best fifth")


if __name__ == "__main__":
    main()
