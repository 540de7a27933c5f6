"""The labelled series that lie in package aeon, beside the accuracies that lie there too, through the public interface.

    python -m benchmarks.aeon_sets [--folder aeon] [--names OSULeaf …] [--trials 12] [--epochs 100] [--seeds 5]

For each set a task file, `python -m tuner run` on it, and the outcome read back from the study's event files. Items and
split are the archive's own; a fifth of the training items, drawn by class, is for validation, by which
configurations are chosen, and the test items are read once, after the choice. Scored are the winner's seeds, one by
one and together, which have learned from four fifths of the training items, and the same trained once more, on all of
them. Together these are what `--ensemble` hands over, as InceptionTime is an ensemble of five networks. The default
sets are those with at least 100 training items.

Published, of the same split: the first column of the tables in the wheel of aeon (Middlehurst et al. 2024, Bake off
redux), which has none for sets of several channels.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks.running import add_sets, mean_sd, run
from tuner.adapters.files import package_folder
from tuner.disk.events import read_run
from tuner.disk.folder import StudyFolder

SETS = {
    "ACSF1": (100, [16, 32, 64]),
    "JapaneseVowels": (270, [1, 2, 4]),
    "OSULeaf": (200, [8, 16, 32]),
    "ArrowHead": (36, [8, 16, 32]),
    "BasicMotions": (40, [4, 8, 16]),
    "GunPoint": (50, [4, 8, 16]),
    "ItalyPowerDemand": (67, [1, 2, 4]),
    "PickupGestureWiimoteZ": (50, [4, 8, 16]),
}
"""Set -> its number of training items, and the segments that are searched: the series have 1,460 steps, 7 to 29, 427,
251, 100, 150, 24, and up to 361."""
ENOUGH = 100
"""Training items of a set that counts."""
METHODS = ("InceptionTime", "HC2", "WEASEL-2.0", "FreshPRINCE")
_OTHERS = ("confirm/baseline", "refit/")
"""Beginnings of the names of runs that are none of the winner's seeds."""
GOAL = 0.03
"""How far below InceptionTime the mean over the sets may be."""
TASK = """\
name: {name}
adapter: time_series/classification
data: {{source: aeon/{name}}}
search_space: series
space:
  data.segment: {segments}
baseline:
  {{data.segment: {segment}, data.segment_overlap: 0.5, data.differences: true, hidden_size: 64, bidirectional: true,
   pooling: concat, dropout.output: 0.3, schedule: one_cycle, batch_size: 16}}
objective: {{metric: val/loss, direction: minimize}}    # less coarse than the accuracy of few items
budget: {{trials: {trials}, epochs: {epochs}, timeout: {timeout}}}
sampler: {{name: tpe, seed: {seed}}}
confirm: {{top: 1, seeds: {seeds}}}
refit: train+val
resources: {{workers: {workers}}}
report: {{figures: 0}}
tracking: {{uri: none}}
"""


def published() -> dict[str, dict[str, float]]:
    """Method -> set -> accuracy on the archive's own split."""
    folder = package_folder("aeon", "aeon") / "testing/example_results_files/classification/accuracy"
    found: dict[str, dict[str, float]] = {}
    for method in METHODS:
        with (folder / f"{method}_accuracy.csv").open(newline="") as file:
            found[method] = {row[0]: float(row[1]) for row in list(csv.reader(file))[1:]}
    return found


def main() -> None:
    """Search, confirm, test, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("aeon"), help="folder of the studies")
    large = [name for name, (items, _) in SETS.items() if items >= ENOUGH]
    parser.add_argument("--names", nargs="+", choices=SETS, default=large, help="which sets")
    parser.add_argument("--trials", type=int, default=12, help="trials of a search, >= 1")
    parser.add_argument("--epochs", type=int, default=100, help="epochs of a full trial, >= 1")
    parser.add_argument("--seeds", type=int, default=5, help="fresh seeds of the confirmation, >= 1")
    parser.add_argument("--seed", type=int, default=0, help="the studies' seed")
    parser.add_argument("--timeout", default="null", help='of a set\'s search and confirmation: "20m", or null')
    parser.add_argument("--workers", type=int, default=2, help="trials at once, one core each")
    add_sets(parser)
    asked = parser.parse_args()
    found = {}
    for name in asked.names:
        try:
            run(
                asked.folder / name,
                TASK.format(**vars(asked), name=name, segments=SETS[name][1], segment=SETS[name][1][1]),
                *asked.sets,
            )
        except SystemExit as end:
            if end.code != 1:  # 1: no trial was completed in the time
                raise
            continue
        found[name] = read_run(StudyFolder(asked.folder / name / "mlruns/studies" / name).events("test")).results
    show(found)


def show(found: dict[str, dict[str, Any]]) -> None:
    """The table of accuracies on the test items, and how far the goal is."""
    known = published()
    row = "{:22s} {:>6s}" + " {:>14s}" * (len(METHODS) + 4)
    print(row.format("test accuracy", "items", "a seed", "together", "on all items", "together", *METHODS))
    ours, alone, theirs = [], [], []
    for name, results in found.items():
        test = results["test"]
        seeds = [scores["accuracy"] for run, scores in _seeds(results)]
        refits = [scores["accuracy"] for run, scores in test.items() if run.startswith("refit/")]
        pairs = [(seeds, results.get("ensemble")), (refits, results.get("refit_ensemble"))]
        cells = [cell for scores, joint in pairs for cell in _told(scores, joint)]
        others = [known[method].get(name) for method in METHODS]
        print(
            row.format(name, str(SETS[name][0]), *cells, *["-" if each is None else f"{each:.3f}" for each in others])
        )
        if others[0] is not None and SETS[name][0] >= ENOUGH:
            joint = results.get("refit_ensemble") or results.get("ensemble")
            ours.append(joint["test"]["accuracy"] if joint else fmean(refits or seeds))
            alone.append(fmean(refits or seeds))
            theirs.append(others[0])
    if ours:
        behind = fmean(theirs) - fmean(ours)
        reached = "reached" if behind <= GOAL else "missed"
        print(f"mean of {len(ours)} sets of {ENOUGH} training items or more, by ensembles: {fmean(ours):.3f}, "
              f"by single networks {fmean(alone):.3f}, InceptionTime {fmean(theirs):.3f}; "
              f"goal: at most {GOAL} below, {reached}")  # fmt: skip


def _seeds(results: dict[str, Any]) -> list[tuple[str, dict[str, float]]]:
    """The winner's seeds with their scores."""
    whole = results.get("ensemble")  # none of a single seed
    runs = whole["runs"] if whole else [run for run in results["test"] if not run.startswith(_OTHERS)]
    return [(run, results["test"][run]) for run in runs]


def _told(scores: list[float], joint: dict[str, Any] | None) -> tuple[str, str]:
    """Single ones, and together; `-` where there are none."""
    return mean_sd(scores) if scores else "-", f"{joint['test']['accuracy']:.3f}" if joint else "-"


if __name__ == "__main__":
    main()
