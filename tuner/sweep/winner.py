"""The winner as models that can be used: its best seed, and all its seeds together, written when a sweep is over."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from tuner.adapters.catalog import ADAPTERS
from tuner.adapters.defaults import has_codec
from tuner.adapters.preparing import prepare
from tuner.announcements import Notice, Summary
from tuner.disk.events import RunRecord
from tuner.disk.folder import MODEL
from tuner.errors import TunerError
from tuner.sweep.card import card
from tuner.sweep.choice import winning
from tuner.sweep.open_sweep import OpenSweep
from tuner.sweep.refit_phase import refitted


def keep_winner(sweep: OpenSweep, summary: Summary) -> str:
    """Write the winner's models into the study's folder: its refit or its best seed, and the ensemble of its seeds.

    Those of an earlier winner go.

    Returns:
        The run whose weights the first has; "" where there is no model, as nothing was confirmed, as the adapter has
        no codec or, which is told, as it cannot be written.
    """
    for folder in (sweep.folder.model, sweep.folder.ensemble):
        shutil.rmtree(folder, ignore_errors=True)
    best = _best(sweep)
    if best is None or not has_codec(ADAPTERS[sweep.task.file.adapter].load()):  # which was told before the search
        return ""
    try:
        _write(sweep, summary, sweep.folder.model, [best], best.value)
        if summary.ensemble:
            members = [record for record in winning(sweep) if record.run in summary.ensemble["runs"]]
            _write(sweep, summary, sweep.folder.ensemble, members, summary.ensemble["value"])
    except (OSError, TunerError) as error:
        sweep.tell(Notice(f"the winner, {summary.winner}, could not be kept as a model: {error}"))
        return best.run if sweep.folder.model.is_dir() else ""
    return best.run


def _write(sweep: OpenSweep, summary: Summary, folder: Path, members: Sequence[RunRecord], value: float | None) -> None:
    task, best = sweep.task, members[0]
    entry = ADAPTERS[task.file.adapter]
    from tuner.predict.writing import Trained, write_model  # brings torch

    settings = task.settings(best.params)
    where, prepared = prepare(task.file.adapter, entry.load()(settings.data), sweep.folder.prepared)
    trained = Trained(
        name=f"study {sweep.folder.name}, {summary.winner}",
        places=[str(sweep.folder.run(record.run)) for record in members],
        adapter=task.file.adapter,
        data=task.data,
        params=best.params,
        prepared=where,
        metric=task.objective.metric,
        value=value,
        card=card(task, summary, members, prepared, task.prepare()[0].name),
    )
    write_model(folder, trained)


def _best(sweep: OpenSweep) -> RunRecord | None:
    """The refit of the winner, else its confirmed run with the best validation score; one whose model is here."""
    refit = refitted(sweep)
    if refit is not None and (sweep.folder.run(refit.run) / MODEL).is_file():
        return refit
    runs = [record for record in winning(sweep) if (sweep.folder.run(record.run) / MODEL).is_file()]
    return sweep.task.objective.best_of(runs, score=lambda record: record.value)
