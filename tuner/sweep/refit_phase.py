"""After the confirmation, on request: the winner is trained again on training and validation data."""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping
from statistics import median_low

from tuner.announcements import Notice
from tuner.disk.events import RunRecord, read_run
from tuner.disk.folder import refit_run
from tuner.messages import Ended, Refit, State, TrialSpec
from tuner.sweep.choice import winning
from tuner.sweep.fixed_runs import FixedRuns
from tuner.sweep.open_sweep import OpenSweep


class RefitPhase(FixedRuns):
    """Trains the winner on training and validation data, as long as one of its seeds; unless that is done.

    The seed is the one with the median best epoch (the lower one of an even number). The refit repeats its initial
    weights and makes as many passes over the larger data as that seed made up to its best epoch. Its schedule is laid
    out over these passes, so that the learning rate has fallen at their end.

    Reference:
        Goodfellow, Bengio and Courville 2016, Deep Learning, section 7.8, where as many steps (algorithm 7.2) or as
        many passes are proposed. Passes gave better test scores (`benchmarks/refit.py`).
    """

    def __init__(self, sweep: OpenSweep) -> None:
        super().__init__(sweep, _specs(sweep), sweep.deadlines.all)

    def ended(self, spec: TrialSpec, ended: Ended, *, aside: bool) -> None:  # noqa: ARG002 - the contract's
        """Copy its model into the study; report it if there is none. See `Phase`."""
        if ended.state is State.COMPLETED:
            self._sweep.bring_model(spec.run)
        else:
            outcome = f"{ended.state.value.lower()}: {ended.reason}"
            self._sweep.tell(Notice(f"{spec.run}: {outcome}; the model is that of the best seed"))


def length(steps: int, losses: Mapping[int, float], best: int, counts: Mapping[str, int]) -> Refit:
    """As many passes over training and validation data as a training made over training data, up to its best epoch.

    Args:
        steps: Its optimizer steps per epoch.
        losses: Its validation loss by epoch.
        best: Its best epoch.
        counts: Items per split.
    """
    larger = (counts["train"] + counts["val"]) / counts["train"]
    epochs = range(1, round(best * larger) + 1)
    return Refit(steps=steps, losses=tuple(losses[min(best, math.ceil(epoch / larger))] for epoch in epochs))


def refitted(sweep: OpenSweep) -> RunRecord | None:
    """The winner's training on training and validation data; None if it is not asked for or missing."""
    chosen = _chosen(sweep)
    if chosen is None:
        return None
    record = read_run(sweep.folder.events(refit_run(chosen.number)))
    return record if record.state is State.COMPLETED and _same(record, chosen) else None


def _chosen(sweep: OpenSweep) -> RunRecord | None:
    """The seed that the refit repeats."""
    if sweep.task.file.refit is None:
        return None
    seeds = {record.run: record for record in winning(sweep)}
    epochs = {run: _best_epoch(record, sweep.task.objective.metric) for run, record in seeds.items()}
    middle = median_low(epochs.values()) if epochs else 0
    return next((seeds[run] for run, epoch in epochs.items() if epoch == middle), None)


def _best_epoch(record: RunRecord, metric: str) -> int:
    """The first epoch with the best value, whose weights were kept."""
    return next(epoch for epoch, value in record.series(metric).items() if value == record.value)


def _same(record: RunRecord, chosen: RunRecord) -> bool:
    """Whether a refit repeats this seed; each training of a configuration has its own seed."""
    return (record.params, record.seed) == (chosen.params, chosen.seed)


def _specs(sweep: OpenSweep) -> list[TrialSpec]:
    chosen = _chosen(sweep)
    if chosen is None:
        return []
    run = refit_run(chosen.number)
    record = read_run(sweep.folder.events(run))
    if record.run and not _same(record, chosen):  # for another winner, before more was confirmed
        shutil.rmtree(sweep.folder.run(run))
        record = RunRecord()
    if record.state.final:
        return []
    counts = sweep.task.prepare()[1].counts
    best = _best_epoch(chosen, sweep.task.objective.metric)
    refit = length(int(chosen.results["steps_per_epoch"]), chosen.series("val/loss"), best, counts)
    spec = sweep.spec(
        run,
        "refit",
        chosen.number,
        chosen.params,
        chosen.seed,
        attempt=record.attempts + 1,
        reported=max(record.epochs, default=0),
        keep_model=True,
        epochs=len(refit.losses),
        seconds=None,
        diagnostics="off",
        refit=refit,
    )
    if not record.run:
        sweep.create(spec, chosen.searched)
    return [spec]
