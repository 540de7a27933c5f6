"""The usable models that a finished sweep writes: the winner's, its ensemble, and those of the other candidates."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tuner.adapters.catalog import ADAPTERS
from tuner.adapters.defaults import has_codec
from tuner.adapters.preparing import prepare
from tuner.announcements import Notice, Summary
from tuner.disk.events import RunRecord, read_run
from tuner.errors import TunerError
from tuner.messages import State
from tuner.reporting.per_class import ClassScores, per_class
from tuner.reporting.refitted import median_refit
from tuner.sweep.candidates import confirmed
from tuner.sweep.card import card
from tuner.sweep.choice import models_here, winning
from tuner.sweep.open_sweep import OpenSweep
from tuner.sweep.refit_phase import refitted, refitted_together
from tuner.words import called, spoken


@dataclass(frozen=True)
class Kept:
    """The runs whose weights are kept as models.

    Args:
        winner: The run of the winner's model; "" without one.
        others: The runs of the other confirmed configurations' models, one each.
    """

    winner: str = ""
    others: Sequence[str] = ()


@dataclass(frozen=True)
class _Wanted:
    """A model to be written: the runs whose weights it has, its folder, and their joint score."""

    members: Sequence[RunRecord]
    folder: Path
    value: float | None
    what: str


def keep_models(sweep: OpenSweep, summary: Summary) -> Kept:
    """Write the models of a finished sweep into its folder, replacing those of an earlier end.

    They are a refit of the winner or its best seed, the ensemble of its refits or seeds, and the best seed of every
    other confirmed configuration. Nothing is written without a winner or where the adapter has no codec; failures are
    reported.
    """
    folder = sweep.folder
    for old in (folder.model, folder.ensemble, folder.models):
        shutil.rmtree(old, ignore_errors=True)
    best = _best(sweep)
    if best is None or not has_codec(ADAPTERS[sweep.task.file.adapter].load()):  # which was reported before the search
        return Kept()
    kept = []
    for wanted in _wanted(sweep, summary, best):
        try:
            _write(sweep, summary, wanted)
        except (OSError, TunerError) as error:
            sweep.tell(Notice(f"{wanted.what} could not be written as a model: {error}"))
        else:
            kept.append(wanted)
    return Kept(
        best.run if any(each.folder == folder.model for each in kept) else "",
        [each.members[0].run for each in kept if each.folder.parent == folder.models],
    )


def _wanted(sweep: OpenSweep, summary: Summary, best: RunRecord) -> Iterator[_Wanted]:
    yield _Wanted([best], sweep.folder.model, best.value, f"the winner, {summary.winner},")
    what = f"the ensemble of {summary.winner}"
    if refits := refitted_together(sweep):
        yield _Wanted(refits, sweep.folder.ensemble, None, what)
    elif summary.ensemble:
        members = [record for record in winning(sweep) if record.run in summary.ensemble["runs"]]
        yield _Wanted(members, sweep.folder.ensemble, summary.ensemble["value"], what)
    completed = [record for record in confirmed(sweep) if record.state is State.COMPLETED]
    for number in dict.fromkeys(record.number for record in completed):
        other = _best_seed(sweep, [record for record in completed if record.number == number])
        if other is not None and number != best.number:
            yield _Wanted([other], sweep.folder.model_of(other.run), other.value, spoken(number))


def _best(sweep: OpenSweep) -> RunRecord | None:
    """The winner's refit of median length, else its run with the best validation score, of those with a model here."""
    if refits := models_here(sweep, refitted(sweep)):
        return median_refit(refits)
    return _best_seed(sweep, winning(sweep))


def _best_seed(sweep: OpenSweep, runs: Sequence[RunRecord]) -> RunRecord | None:
    """The run with the best validation score, of those with a model here."""
    return sweep.task.objective.best_of(models_here(sweep, runs), score=lambda record: record.value)


def _write(sweep: OpenSweep, summary: Summary, wanted: _Wanted) -> None:
    task, best = sweep.task, wanted.members[0]
    entry = ADAPTERS[task.file.adapter]
    from tuner.predict.writing import Trained, write_model  # imports torch

    settings = task.settings(best.params)
    where, prepared = prepare(task.file.adapter, entry.load()(settings.data), sweep.folder.prepared)
    trained = Trained(
        name=f"study {sweep.folder.name}, {called(best.number)}",
        places=[str(sweep.folder.run(record.run)) for record in wanted.members],
        adapter=task.file.adapter,
        data=task.data,
        params=best.params,
        prepared=where,
        metric=task.objective.metric,
        value=wanted.value,
        card=card(task, summary, wanted.members, prepared, task.prepare()[0].name, _classes(sweep, best.number)),
        fitted=_fitted(sweep, wanted.members),
    )
    write_model(wanted.folder, trained)


def _classes(sweep: OpenSweep, number: int) -> list[ClassScores]:
    """Scores of each class of a configuration's best seed; a refit has learned from the validation data."""
    best = _best_seed(sweep, [record for record in confirmed(sweep) if record.number == number])
    answers = read_run(sweep.folder.events("test")).results.get("answers", {})
    return [] if best is None else per_class(answers.get(best.run) or {})


def _fitted(sweep: OpenSweep, members: Sequence[RunRecord]) -> Mapping[str, float]:
    """What the test run has fitted on validation data for the model of these runs."""
    results = read_run(sweep.folder.events("test")).results
    if len(members) > 1:
        scored = results.get("refit_ensemble" if members[0].kind == "refit" else "ensemble")
        return dict((scored or {}).get("fitted", {}))
    return dict(results.get("fitted", {}).get(members[0].run, {}))
