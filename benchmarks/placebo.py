"""How often a placebo is said to have helped: the same configuration once more, with another seed.

    python -m benchmarks.placebo [--folder placebo] [--tasks vowels adding] [--trials 12] [--seed 5] [--workers 2]

A sweep trains random configurations of the ready space `gated_rnn` to their end and confirms the best three and the
baseline on three fresh seeds, as any sweep does. Then every configuration is trained once more with another seed, and
told as a repair of the first training is told, as if that had been cut after a tenth, three tenths or all of its
epochs. Printed is, by task and epoch, for how many of the pairs, taken in both orders, "it helped" is said; and for
how many it would be said of a gain of a fiftieth, with no regard to what seeds do. The numbers in the documents
are of vowels (12 trials), spoken (8) and adding (10, with --set data.length=30 data.train=1500 space.hidden_size=24), a
quarter to half an hour each on busy cores.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.running import records, run
from benchmarks.small_tasks import TASKS, task_file
from tuner.disk.events import RunRecord
from tuner.link import RecordingLink
from tuner.messages import State
from tuner.objective import Objective
from tuner.reporting.repaired import Repaired, repaired

METRIC = "val/loss"
MORE = "sampler: {{name: random, seed: {seed}}}\npruner: {{name: none}}\ndiagnostics: {{mode: observe, level: light}}"
SHARES = (0.1, 0.3, 1.0)
"""Of the budget, after which both trainings are compared."""
OTHER_SEED = 1_000_003
"""What is added to a training's seed."""


def train(folder: Path, task: str, trials: int, seed: int, *sets: str) -> None:
    """Search and confirm, or go on where that was left; then train every configuration once more."""
    from tuner.task import resolve_task
    from tuner.task.specs import trial_spec
    from tuner.training import run_trial

    run(
        folder / task,
        task_file(task, trials, MORE.format(seed=seed)),
        "confirm.top=3",
        "confirm.seeds=3",
        *sets,
        quiet=True,
    )
    os.chdir(folder / task)
    resolved = resolve_task("task.yaml", sets)
    for record in records(folder / task, task):
        file = folder / task / f"again-{record.number}.json"
        if file.exists():
            continue
        link = RecordingLink()
        with tempfile.TemporaryDirectory() as place:
            seed = record.seed + OTHER_SEED
            run_trial(trial_spec(resolved, record.params, record.run, place, seed=seed, diagnostics="off"), link)
        values = {epoch.epoch: epoch.metrics[METRIC] for epoch in link.epochs if METRIC in epoch.metrics}
        file.write_text(json.dumps(values))


def again(folder: Path, record: RunRecord) -> RunRecord:
    """The second training of a configuration."""
    values = json.loads((folder / f"again-{record.number}.json").read_text())
    epochs = {int(epoch): {"metrics": {METRIC: value}} for epoch, value in values.items()}
    return RunRecord(run=record.run, number=record.number, state=State.COMPLETED, params=record.params, epochs=epochs)


def told(first: RunRecord, second: RunRecord, confirmed: Sequence[RunRecord], epochs: int) -> Repaired:
    """What would be told of the second as a repair of the first, had the first been cut after so many epochs."""
    kept = {epoch: event for epoch, event in first.epochs.items() if epoch <= epochs}
    before = replace(first, number=0, state=State.PRUNED, epochs=kept, repairs={})
    cause = {"number": 0, "finding": "nothing", "change": {}}
    after = replace(second, number=1, state=State.COMPLETED, repairs=cause)
    (found,) = repaired([before, after], confirmed, Objective(METRIC))
    return found


@dataclass(frozen=True)
class Said:
    """What was said of pairs of trainings of one configuration.

    Args:
        epochs: After which they were compared.
        pairs: In both orders.
        helped: Of how many "it helped" was said.
        gained: Of how many a rule would say so that asks for a gain of a fiftieth only.
    """

    epochs: int
    pairs: int
    helped: int
    gained: int


def said(folder: Path, task: str, share: float) -> Said:
    """Judge the pairs of a task after a share of the budget."""
    trials, confirmed = records(folder / task, task), records(folder / task, task, "confirm")
    epochs = max(1, round(share * max(max(trial.epochs) for trial in trials)))
    repeats = [again(folder / task, trial) for trial in trials]
    pairs = [pair for trial, repeat in zip(trials, repeats, strict=True) for pair in ((trial, repeat), (repeat, trial))]
    found = [told(first, second, confirmed, epochs) for first, second in pairs]
    helped, gained = (sum(map(bool, each)) for each in zip(*((one.helped, one.better) for one in found), strict=True))
    return Said(epochs, len(pairs), helped, gained)


def main() -> None:
    """Train, judge and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("placebo"))
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=["vowels", "adding"])
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--seed", type=int, default=5, help="of the configurations")
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="changes of the task files")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="tasks at a time")
    asked = parser.parse_args()
    folder = asked.folder.absolute()
    with multiprocessing.get_context("forkserver").Pool(asked.workers, maxtasksperchild=1) as pool:
        pool.starmap(train, [(folder, task, asked.trials, asked.seed, *asked.set) for task in asked.tasks], chunksize=1)
    print(f"{'task':<9}{'epochs':>7}{'pairs':>7}{'it helped':>11}{'a gain of 2 %':>15}")
    totals = [0, 0, 0]
    for task in asked.tasks:
        for share in SHARES:
            found = said(folder, task, share)
            counts = (found.pairs, found.helped, found.gained)
            totals = [total + count for total, count in zip(totals, counts, strict=True)]
            print(f"{task:<9}{found.epochs:>7}" + _told(*counts))
    print(f"{'all':<16}" + _told(*totals))


def _told(pairs: int, helped: int, gained: int) -> str:
    return f"{pairs:>7}{helped:>5}{helped / pairs:>6.0%}{gained:>9}{gained / pairs:>6.0%}"


if __name__ == "__main__":
    main()
