"""The runs of a study as `top` lists them."""

from __future__ import annotations

from collections import Counter
from statistics import fmean
from typing import Any

from tuner.disk import events
from tuner.disk.events import RunRecord, read_runs
from tuner.disk.folder import StudyFolder
from tuner.messages import State
from tuner.objective import Objective
from tuner.reporting.about import About
from tuner.reporting.table import rows
from tuner.sweep.drawing import NO_RESULT
from tuner.sweep.standing import last_summary
from tuner.words import called


def study_rows(folder: StudyFolder) -> list[dict[str, Any]]:
    """Confirmations, the winner's first, then trials, best first; each with `winner`, whether it is of that."""
    sweeps = [event for event in events.read(folder.sweep_events) if event["event"] == "sweep"]
    objective = About.of(folder.name, sweeps[-1] if sweeps else {}).objective
    records = list(read_runs(folder.events(run) for run in folder.runs()))
    summary = last_summary(folder)
    winner = "" if summary is None else summary.winner
    confirmed = _by_configuration([record for record in records if record.kind == "confirm"], objective, winner)
    found = [row for group in confirmed for row in rows(group, objective)]
    found += rows([record for record in records if record.kind == "trial"], objective)
    return [{**row, "winner": called(row["number"]) == winner} for row in found]


def top_failure(folder: StudyFolder) -> str:
    """The most frequent reason of trials without a result; "" when there is none."""
    reasons = Counter(row["reason"] for row in study_rows(folder) if row["state"] in NO_RESULT)
    return reasons.most_common(1)[0][0] if reasons else ""


def _by_configuration(records: list[RunRecord], objective: Objective, winner: str) -> list[list[RunRecord]]:
    """The trainings of each configuration, the winner first, then by their means."""
    groups: dict[int, list[RunRecord]] = {}
    for record in records:
        groups.setdefault(record.number, []).append(record)

    def place(number: int) -> tuple[bool, float, int]:
        values = [one.value for one in groups[number] if one.state is State.COMPLETED and one.value is not None]
        return called(number) != winner, objective.loss(fmean(values) if values else None), number

    return [groups[number] for number in sorted(groups, key=place)]
