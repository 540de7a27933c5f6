"""The winner: the confirmed configuration with the best mean on validation data, and its trainings."""

from __future__ import annotations

from collections.abc import Sequence

from tuner.disk.events import RunRecord
from tuner.disk.folder import MODEL
from tuner.messages import State
from tuner.reporting.leaderboard import confirmation
from tuner.reporting.scored import seed_scores
from tuner.sweep.candidates import confirm_rounds, confirmed
from tuner.sweep.open_sweep import OpenSweep


def winning(sweep: OpenSweep) -> list[RunRecord]:
    """The winning configuration's trainings, seed by seed; empty without a winner."""
    records = confirmed(sweep)
    seeds = len(confirm_rounds(sweep))
    winner = confirmation(seed_scores(records), sweep.task.against_trivial, seeds=seeds).winner
    return [record for record in records if record.number == winner and record.state is State.COMPLETED]


def together(sweep: OpenSweep) -> list[RunRecord]:
    """The winner's trainings that form an ensemble; see `with_models`."""
    return with_models(sweep, winning(sweep))


def with_models(sweep: OpenSweep, trainings: list[RunRecord]) -> list[RunRecord]:
    """The trainings with a model here, if two or more; else empty."""
    kept = models_here(sweep, trainings)
    return kept if len(kept) > 1 else []


def models_here(sweep: OpenSweep, trainings: Sequence[RunRecord]) -> list[RunRecord]:
    """The trainings with a model in the study's folder."""
    return [record for record in trainings if (sweep.folder.run(record.run) / MODEL).is_file()]
