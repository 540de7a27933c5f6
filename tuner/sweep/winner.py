"""The winner as a model that can be used: its folder, written when a sweep is over."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

from tuner.adapters.catalog import ADAPTERS
from tuner.adapters.preparing import prepare
from tuner.announcements import Notice, Summary
from tuner.disk.events import RunRecord
from tuner.disk.folder import MODEL
from tuner.errors import DataError, TunerError
from tuner.messages import State
from tuner.sweep.candidates import called, confirmed
from tuner.sweep.card import card
from tuner.sweep.open_sweep import OpenSweep


def keep_winner(sweep: OpenSweep, summary: Summary) -> str:
    """Write the model of the winner's best confirmed seed into the study's folder; one of an earlier winner goes.

    Returns:
        The run whose weights these are; "" where there is no model, as nothing was confirmed or, which is told, as it
        cannot be written.
    """
    best = _best(sweep, summary)
    if best is None:
        shutil.rmtree(sweep.folder.model, ignore_errors=True)
        return ""
    try:
        _write(sweep, summary, best)
    except (OSError, TunerError) as error:
        shutil.rmtree(sweep.folder.model, ignore_errors=True)
        sweep.tell(Notice(f"no model of {summary.winner} is kept: {error}"))
        return ""
    return best.run


def _write(sweep: OpenSweep, summary: Summary, best: RunRecord) -> None:
    task = sweep.task
    entry = ADAPTERS[task.file.adapter]
    if not getattr(entry.load(), "model_files", ()):
        raise DataError(f"adapter {task.file.adapter} must have `model_files` and `codec`")
    from tuner.predict.writing import Trained, write_model  # brings torch

    settings = task.settings(best.params)
    folder, prepared = prepare(task.file.adapter, entry.load()(settings.data), sweep.folder.prepared)
    trained = Trained(
        name=f"study {sweep.folder.name}, {summary.winner}",
        place=str(sweep.folder.run(best.run)),
        adapter=task.file.adapter,
        data=task.data,
        params=best.params,
        prepared=folder,
        metric=task.objective.metric,
        value=best.value,
        card=card(task, summary, best, prepared),
    )
    write_model(sweep.folder.model, trained)


def _best(sweep: OpenSweep, summary: Summary) -> RunRecord | None:
    """The winner's confirmed run with the best validation score whose model is here."""
    runs: Sequence[RunRecord] = [
        record
        for record in confirmed(sweep)
        if record.state is State.COMPLETED
        and called(record.number) == summary.winner
        and (sweep.folder.run(record.run) / MODEL).is_file()
    ]
    return sweep.task.objective.best_of(runs, score=lambda record: record.value)
