"""The diagnosis of a trial: its learning curve in sentences, its findings, its layers. Reads no files."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tuner.diagnostics import names
from tuner.disk.events import RunRecord
from tuner.reporting.about import About, findings, is_judged
from tuner.reporting.drawing import run_name
from tuner.reporting.gradient_flow import lag_of
from tuner.words import counted

_LAYERS = {
    "attenuation": names.CELL_ATTENUATION,
    "memory_time": names.MEMORY_TIME,
    "dead": names.UNITS_DEAD,
    "saturated": names.UNITS_SATURATED,
    "state_max": names.CELL_STATE_MAX,
}
_GATES = {
    "mean": names.GATE_MEAN,
    "shut": names.GATE_LEFT,
    "open": names.GATE_RIGHT,
    "singular_largest": names.SINGULAR_LARGEST,
    "singular_least": names.SINGULAR_LEAST,
}


@dataclass(frozen=True)
class TrialStory:
    """The diagnosis of one training.

    Args:
        about: Its study.
        number: Of the trial; -1 for the baseline.
        run: Its run.
        title: Its name.
        outcome: Its end, in words.
        params: Its parameters.
        learning: The learning curve in sentences.
        findings: Most important first, as from `Finding.as_json`, with `title` and `remedies` in words.
        recorded: Whether they were recorded; else they were judged now, with the study's thresholds.
        repairs: The trial and finding that it repairs; see `RunRecord`.
        repaired_by: Numbers of the trials that repair it.
        look: Epoch of the tables below; 0 without measurements.
        lag: Number of steps for `attenuation`: the task's lag, at most the longest measured one; None if neither is
            known.
        layers: Cell -> quantity -> value: log10 of the share of the gradient left over the lag, memory time in steps,
            shares of dead units and saturated outputs, largest state.
        gates: `cell/gate` -> quantity -> value: mean, shares below 0.1 and above 0.9, singular values.
        figures: Files of its figures.
    """

    about: About
    number: int
    run: str
    title: str
    outcome: str
    params: Mapping[str, Any]
    learning: tuple[str, ...]
    findings: tuple[Mapping[str, Any], ...]
    recorded: bool
    repairs: Mapping[str, Any]
    repaired_by: tuple[int, ...]
    look: int
    lag: float | None
    layers: Mapping[str, Mapping[str, float]]
    gates: Mapping[str, Mapping[str, float]]
    figures: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """JSON-able fields."""
        return {**asdict(self), "about": self.about.as_json()}


def trial_story(record: RunRecord, about: About, *, title: str = "", repaired_by: Sequence[int] = ()) -> TrialStory:
    """Diagnose a trial.

    Args:
        record: The trial; it may still be running.
        about: Its study.
        title: Its name, if it is no trial of the study.
        repaired_by: Numbers of the trials that repair it.
    """
    look = max((epoch for epoch in record.epochs if _tables(record, epoch, {**_LAYERS, **_GATES})), default=0)
    return TrialStory(
        about=about,
        number=record.number,
        run=record.run,
        title=title or f"study {about.study}, {run_name(record)}",
        outcome=_outcome(record),
        params=dict(record.params),
        learning=tuple(_learning(record, about)),
        findings=tuple(
            {**finding.as_json(), "title": finding.title, "remedies": finding.remedies}
            for finding in findings(record, about)
        ),
        recorded=is_judged(record),
        repairs=record.repairs,
        repaired_by=tuple(repaired_by),
        look=look,
        lag=lag_of(record, look),
        layers=_tables(record, look, _LAYERS),
        gates=_by_cell(_tables(record, look, _GATES)),
    )


def _tables(record: RunRecord, epoch: int, quantities: Mapping[str, str]) -> dict[str, dict[str, float]]:
    """Name of a cell or gate -> quantity -> value, of an epoch."""
    found: dict[str, dict[str, float]] = {}
    tensors = record.epochs.get(epoch, {}).get("tensors") or {}
    for quantity, name in quantities.items():
        for where, value in (tensors.get(name) or {}).items():
            found.setdefault(where, {})[quantity] = value
    return found


def _by_cell(gates: Mapping[str, Mapping[str, float]]) -> dict[str, Mapping[str, float]]:
    """The tables sorted, so that the gates of a cell are together."""
    cells = list(dict.fromkeys(gate.rpartition("/")[0] for gate in gates))
    return {gate: gates[gate] for cell in cells for gate in gates if gate.rpartition("/")[0] == cell}


def _outcome(record: RunRecord) -> str:
    epochs = max(record.epochs, default=0)
    state = "not over" if not record.state.final else record.state.value.lower()
    because = f": {record.reason}" if record.reason else ""
    return f"{state} after {counted(epochs, 'epoch')}{because}"


def _learning(record: RunRecord, about: About) -> list[str]:
    """The learning curve in sentences: the objective with the trivial predictor's, then the training loss."""
    told = []
    objective = about.objective
    best, last = about.best(record), max(record.epochs, default=0)
    if best is None:
        return [f"no epoch has a finite {objective.metric}."] if last else ["there is no epoch yet."]
    at_end = record.series(objective.metric)[last]
    end = "" if best[0] == last or not math.isfinite(at_end) else f"; in the last, epoch {last}, it is {at_end:.4g}"
    trivial, beside = objective.trivial, ""
    if trivial is not None and math.isfinite(trivial):
        verdict = "better" if objective.better(best[1], trivial) else "no better"
        beside = f", {verdict} than {trivial:.4g} of the trivial predictor ({objective.trivial_name})"
    told.append(f"{objective.metric} is best in epoch {best[0]}: {best[1]:.4g}{beside}{end}.")
    losses = [(epoch, value) for epoch, value in record.series(names.TRAIN_LOSS).items() if math.isfinite(value)]
    if len(losses) > 1:
        (first, start), (final, end_loss) = losses[0], losses[-1]
        least = min(losses, key=lambda pair: pair[1])
        lowest = "" if least[0] in (first, final) else f"; its least is {least[1]:.4g} in epoch {least[0]}"
        way = f"{'falls' if end_loss < start else 'rises'} from {start:.4g} to {end_loss:.4g}"
        told.append(
            f"the training loss {way if f'{start:.4g}' != f'{end_loss:.4g}' else f'stays at {start:.4g}'}{lowest}."
        )
    return told
