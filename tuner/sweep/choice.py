"""The winner: the confirmed configuration with the best mean on validation data, and its trainings."""

from __future__ import annotations

from tuner.disk.events import RunRecord
from tuner.disk.folder import MODEL
from tuner.messages import State
from tuner.reporting.leaderboard import confirmation
from tuner.reporting.scored import seed_scores
from tuner.sweep.candidates import confirmed
from tuner.sweep.open_sweep import OpenSweep


def winning(sweep: OpenSweep) -> list[RunRecord]:
    """The trainings of the configuration that wins, seed by seed; none where none can."""
    records = confirmed(sweep)
    seeds = sweep.task.file.confirm.seeds
    winner = confirmation(seed_scores(records), sweep.task.against_trivial, seeds=seeds).winner
    return [record for record in records if record.number == winner and record.state is State.COMPLETED]


def together(sweep: OpenSweep) -> list[RunRecord]:
    """Those of the winner's trainings that make an ensemble: two or more whose models are here; else none."""
    kept = [record for record in winning(sweep) if (sweep.folder.run(record.run) / MODEL).is_file()]
    return kept if len(kept) > 1 else []
