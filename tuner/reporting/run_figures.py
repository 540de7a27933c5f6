"""The figures of one run, drawn if they are missing or older than the run's events."""

from __future__ import annotations

from pathlib import Path

from tuner.disk.events import RunRecord
from tuner.disk.folder import StudyFolder
from tuner.objective import Objective

TRAINING, DIAGNOSTICS = "training.png", "diagnostics.png"


def draw_run(folder: StudyFolder, record: RunRecord, objective: Objective) -> bool:
    """Draw a run's figures into its artifacts; returns whether anything was drawn.

    Args:
        folder: The study.
        record: The run; one without an epoch has no figure.
        objective: What was optimized, with the trivial predictor's score where it is known.
    """
    if not record.epochs:
        return False
    into = folder.run_artifacts(record.run)
    written = folder.events(record.run).stat().st_mtime
    drawn = into / TRAINING  # the one that is written last
    if drawn.exists() and drawn.stat().st_mtime >= written:
        return False
    draw_into(into, record, objective)
    return True


def draw_into(into: Path, record: RunRecord, objective: Objective, *, title: str = "") -> None:
    """Draw a run's figures into a folder, with a title if its number does not name it. See `draw_run`.

    Without a look there is no second figure, and the first one says why.
    """
    from tuner.reporting.diagnostics_figure import diagnostics_figure, unmeasured  # matplotlib, only where it is needed
    from tuner.reporting.drawing import save
    from tuner.reporting.figures import trial_figure

    inside = diagnostics_figure(record, title=title)
    if inside is not None:
        save(inside, into / DIAGNOSTICS)
    also = unmeasured(record) if inside is None else ()
    save(trial_figure(record, objective, title=title, also=also), into / TRAINING)
