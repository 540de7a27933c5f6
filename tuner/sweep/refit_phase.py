"""After the confirmation, on request: the winner's seeds are trained again on training and validation data."""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping

from tuner.announcements import Notice
from tuner.disk.events import RunRecord, read_run
from tuner.disk.folder import refit_run
from tuner.messages import Ended, Refit, State, TrialSpec
from tuner.sweep.choice import winning, with_models
from tuner.sweep.fixed_runs import FixedRuns
from tuner.sweep.open_sweep import OpenSweep


class RefitPhase(FixedRuns):
    """Trains each seed of the winner on training and validation data, as long as it was; unless that is done.

    A refit repeats its seed's initial weights and makes as many passes over the larger data as the seed made up to its
    best epoch. Its schedule is laid out over these passes, so that the learning rate has fallen at their end.

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
            self._sweep.tell(Notice(f"{spec.run}: {ended.state.value.lower()}: {ended.reason}; there is no such model"))


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


def refitted(sweep: OpenSweep) -> list[RunRecord]:
    """The winner's trainings on training and validation data, seed by seed; empty if they are not asked for."""
    pairs = [(read_run(sweep.folder.events(refit_run(seed.run))), seed) for seed in _seeds(sweep)]
    return [record for record, seed in pairs if record.state is State.COMPLETED and _same(record, seed)]


def refitted_together(sweep: OpenSweep) -> list[RunRecord]:
    """Those of them that form an ensemble; see `with_models`."""
    return with_models(sweep, refitted(sweep))


def _seeds(sweep: OpenSweep) -> list[RunRecord]:
    """The seeds that refits repeat."""
    return [] if sweep.task.file.refit is None else winning(sweep)


def _best_epoch(record: RunRecord, metric: str) -> int:
    """The first epoch with the best value, whose weights were kept."""
    return next(epoch for epoch, value in record.series(metric).items() if value == record.value)


def _same(record: RunRecord, chosen: RunRecord) -> bool:
    """Whether a refit repeats this seed; each training of a configuration has its own seed."""
    return (record.params, record.seed) == (chosen.params, chosen.seed)


def _specs(sweep: OpenSweep) -> list[TrialSpec]:
    return [spec for seed in _seeds(sweep) if (spec := _spec(sweep, seed)) is not None]


def _spec(sweep: OpenSweep, seed: RunRecord) -> TrialSpec | None:
    """The refit of a seed; None if that is over."""
    run = refit_run(seed.run)
    record = read_run(sweep.folder.events(run))
    if record.run and not _same(record, seed):  # of what this seed was before the confirmation began again
        shutil.rmtree(sweep.folder.run(run))
        record = RunRecord()
    if record.state.final:
        return None
    counts = sweep.task.prepare()[1].counts
    best = _best_epoch(seed, sweep.task.objective.metric)
    refit = length(int(seed.results["steps_per_epoch"]), seed.series("val/loss"), best, counts)
    spec = sweep.spec(
        run,
        "refit",
        seed.number,
        seed.params,
        seed.seed,
        attempt=record.attempts + 1,
        reported=max(record.epochs, default=0),
        keep_model=True,
        epochs=len(refit.losses),
        seconds=None,
        diagnostics="off",
        refit=refit,
    )
    if not record.run:
        sweep.create(spec, seed.searched)
    return spec
