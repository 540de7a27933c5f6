"""The files of a study.

<storage>/<study>/
    study.journal            the Optuna study, unless it is in a database
    driver.lock              held by the one driver
    versions.json            the format of this folder, and the versions of what last ran here
    task.yaml                the task file as it was last run
    sweep.jsonl              events of the sweep itself
    artifacts/               files for the parent run: leaderboard, figures, resolved space
    trials/00012/            one run: events.jsonl, checkpoint.pt while it may be needed, artifacts/, what it printed
    confirm/00012-1/         trial 12's parameters, fresh seed 1; `baseline-1` for the baseline
    refit/00012-1/           where asked for: a seed of the winner, trained on training and validation data
    test/                    the test run
    model/                   the confirmed winner's best seed, to be used: see `tuner.predict`
    ensemble/                all its seeds as one model
    models/00013/            the best seed of another confirmed configuration; `baseline` for the baseline
    diagnose/                figures of a training that `diagnose` made, which is no run of the study
<storage>/../prepared/       prepared data, shared by studies
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

STUDIES = "mlruns/studies"
"""The default folder of studies, below the current one."""
CHECKPOINT = "checkpoint.pt"
"""File from which a lost attempt is resumed, in a run's folder or in its place below `storage.checkpoints`."""
MODEL = "model.pt"
"""File with a confirmation's best weights, in the same place."""


_RUN = re.compile(r"trials/[0-9]{5,12}|(confirm|refit)/(baseline|[0-9]{5,12})-[0-9]{1,12}")
"""Pattern of the names from `trial_run`, `confirm_run` and `refit_run`; others are no runs."""


@dataclass(frozen=True)
class StudyFolder:
    """Paths of one study. `root` may be moved, as no file in it names it."""

    root: Path

    @property
    def name(self) -> str:
        """The study's name."""
        return self.root.name

    def exists(self) -> bool:
        """Whether a study was begun here."""
        return os.path.exists(self.journal) or os.path.exists(self.sweep_events)  # False for a name too long

    @property
    def journal(self) -> Path:
        """The Optuna study's journal file."""
        return self.root / "study.journal"

    @property
    def lock(self) -> Path:
        """The file locked by the driver that owns the study."""
        return self.root / "driver.lock"

    @property
    def versions(self) -> Path:
        """The format of this folder and the versions of what last ran here."""
        return self.root / "versions.json"

    @property
    def task_file(self) -> Path:
        """The task file as it was last run."""
        return self.root / "task.yaml"

    @property
    def sweep_events(self) -> Path:
        """Events of the sweep itself."""
        return self.root / "sweep.jsonl"

    @property
    def artifacts(self) -> Path:
        """Files that belong to the parent run."""
        return self.root / "artifacts"

    @property
    def prepared(self) -> Path:
        """Prepared data, shared by the studies of one storage."""
        return self.root.parent.parent / "prepared"

    @property
    def model(self) -> Path:
        """The model of the confirmed winner; a folder that needs nothing else."""
        return self.root / "model"

    @property
    def ensemble(self) -> Path:
        """The model of all the confirmed winner's seeds; a folder that needs nothing else."""
        return self.root / "ensemble"

    @property
    def models(self) -> Path:
        """The models of the other confirmed configurations; a folder of folders that need nothing else."""
        return self.root / "models"

    def model_of(self, run: str) -> Path:
        """The model of another confirmed configuration, named by its run: `models/00013` of "confirm/00013-2"."""
        return self.models / run.partition("/")[2].partition("-")[0]

    @property
    def diagnosed(self) -> Path:
        """Figures of the last training that `diagnose` made; no run of the study."""
        return self.root / "diagnose"

    def run(self, run: str) -> Path:
        """The folder of a run, such as "trials/00012"."""
        return self.root / run

    def events(self, run: str) -> Path:
        """The event file of a run."""
        return self.root / run / "events.jsonl"

    def run_artifacts(self, run: str) -> Path:
        """Files that belong to a run: figures and tables."""
        return self.root / run / "artifacts"

    def runs(self) -> Iterator[str]:
        """Every run that has an event file: trials by number, then confirmations and refits, then the test."""
        for kind in ("trials", "confirm", "refit"):
            found = (f"{kind}/{path.parent.name}" for path in self.root.glob(f"{kind}/*/events.jsonl"))
            yield from sorted(run for run in found if _RUN.fullmatch(run))
        if self.events("test").exists():
            yield "test"


def trial_run(number: int) -> str:
    """The run of a search trial."""
    return f"trials/{number:05d}"


def confirm_run(number: int, repeat: int) -> str:
    """The run of a confirmation; number -1 is the baseline, repeats count from 1."""
    return f"confirm/{'baseline' if number < 0 else f'{number:05d}'}-{repeat}"


def seed_of(run: str) -> int:
    """The number of the seed of a confirmation run or refit, from 1.

    >>> seed_of(confirm_run(7, 2))
    2
    """
    return int(run.rpartition("-")[2])


def refit_run(confirmed: str) -> str:
    """The run of a training on training and validation data that repeats this confirmation run.

    >>> refit_run(confirm_run(7, 2))
    'refit/00007-2'
    """
    return f"refit/{confirmed.removeprefix('confirm/')}"
