"""After the confirmation, on request: the winner is trained again on training and validation data."""

from __future__ import annotations

import shutil
from statistics import median_low

from tuner.announcements import Notice
from tuner.disk.events import RunRecord, read_run
from tuner.disk.folder import refit_run
from tuner.messages import Ended, Refit, State, TrialSpec
from tuner.sweep.choice import winning
from tuner.sweep.fixed_runs import FixedRuns
from tuner.sweep.open_sweep import OpenSweep


class RefitPhase(FixedRuns):
    """Trains the winner on training and validation data, for as many steps as one of its seeds; unless that is done.

    The seed is the one with the median best epoch (the lower one of an even number). The refit repeats its initial
    weights, steps per epoch and schedule, up to that epoch.

    Reference:
        Goodfellow, Bengio and Courville 2016, Deep Learning, section 7.8, algorithm 7.2: as many steps, not as many
        passes over the larger data.
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
    losses = chosen.series("val/loss")
    best = _best_epoch(chosen, sweep.task.objective.metric)
    spec = sweep.spec(
        run,
        "refit",
        chosen.number,
        chosen.params,
        chosen.seed,
        attempt=record.attempts + 1,
        reported=max(record.epochs, default=0),
        keep_model=True,
        seconds=None,
        diagnostics="off",
        refit=Refit(steps=int(chosen.results["steps_per_epoch"]), losses=tuple(losses[n] for n in range(1, best + 1))),
    )
    if not record.run:
        sweep.create(spec, chosen.searched)
    return [spec]
