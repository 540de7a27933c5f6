"""The figures of a sweep, drawn after its summary; those that are missing are drawn by the next run of the driver."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tuner.disk import events
from tuner.disk.events import RunRecord, read_run
from tuner.disk.folder import StudyFolder
from tuner.disk.study_events import read_study
from tuner.messages import State
from tuner.objective import Objective
from tuner.recording import SWEEP
from tuner.reporting.about import About
from tuner.reporting.leaderboard import leaderboard
from tuner.reporting.run_figures import TRAINING, draw_run
from tuner.reporting.scored import Scored, compared
from tuner.words import called

NO_RESULT = {State.FAILED, State.DIVERGED, State.HOPELESS}
"""States whose figures people open first."""


def to_draw(
    trials: Sequence[RunRecord], confirmed: Sequence[RunRecord], objective: Objective, *, best: int
) -> list[str]:
    """The runs that get figures: the best, those without a result, the confirmed ones; none if `best` is 0.

    Args:
        trials: Trials of the search.
        confirmed: Trainings on fresh seeds.
        objective: What was optimized.
        best: How many of the best trials.
    """
    if not best:
        return []
    ranked = leaderboard(trials, objective)
    bad = [record for record in ranked if record.state in NO_RESULT]
    return list(dict.fromkeys(record.run for record in [*ranked[:best], *bad, *confirmed] if record.epochs))


def undrawn(folder: StudyFolder, runs: Sequence[str]) -> list[str]:
    """The given runs that have no figures yet."""
    return [run for run in runs if not (folder.run_artifacts(run) / TRAINING).exists()]


def draw(
    folder: StudyFolder,
    runs: Sequence[str],
    fits: Callable[[int], bool],
    changed: Callable[[str], None],
    enough: Callable[[], bool],
) -> bool:
    """Draw the figures of a sweep and of some of its runs; figures that are newer than their run are kept.

    Args:
        folder: The study.
        runs: The runs.
        fits: Whether a trial, by its number, lies in today's search space.
        changed: Called with whatever has new figures: a run, or the sweep.
        enough: Asked before each run whether to stop.

    Returns:
        Whether all are there.
    """
    from tuner.reporting.drawing import save  # matplotlib, only where it is needed
    from tuner.reporting.search_figures import sweep_figures

    if enough():
        return False
    study = read_study(folder)
    about = About.of(folder.name, study.sweep.asked)
    objective, told = about.objective, study.sweep.summary.get("winner") or ""
    winner = next((record.number for record in study.runs if called(record.number) == told), None)
    trials = [record for record in study.of_kind("trial") if fits(record.number)]
    confirmed = compared(study.of_kind("confirm"), study.sweep.summary)
    scored = Scored(objective, trials, confirmed, study.tested.get("test") or {}, {})
    for name, figure in sweep_figures(scored, about, winner).items():
        events.once_there_is_space(folder.artifacts, lambda: save(figure, folder.artifacts / f"{name}.png"))  # noqa: B023 - called at once
    changed(SWEEP)
    for run in runs:
        if enough():
            return False
        record = read_run(folder.events(run))
        if events.once_there_is_space(folder.run_artifacts(run), lambda: draw_run(folder, record, objective)):  # noqa: B023 - called at once
            changed(run)
    return True
