"""The winner as a model that can be used: its folder, written when a sweep is over."""

from __future__ import annotations

from collections.abc import Sequence

from tuner.adapters.catalog import ADAPTERS
from tuner.adapters.preparing import prepare
from tuner.announcements import Summary
from tuner.disk.events import RunRecord
from tuner.disk.folder import MODEL
from tuner.messages import State
from tuner.sweep.candidates import called, confirmed
from tuner.sweep.card import card
from tuner.sweep.open_sweep import OpenSweep


def keep_winner(sweep: OpenSweep, summary: Summary) -> str:
    """Write the model of the winner's best confirmed seed into the study's folder.

    Returns:
        A sentence that says why there is none; "" where it was written.
    """
    task = sweep.task
    best = _best(sweep, summary)
    if best is None:
        return "no model is kept: nothing was confirmed" if not task.file.confirm.top else "no model is kept"
    entry = ADAPTERS[task.file.adapter]
    if not getattr(entry.load(), "model_files", ()):
        return f"no model is kept: adapter {task.file.adapter} has no codec"
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
    try:
        write_model(sweep.folder.model, trained)
    except OSError as error:
        return f"no model is kept: {error}"
    return ""


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
