"""All configurations and trials as tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from tuner.disk.events import RunRecord
from tuner.report.plot import state_class
from tuner.report.section import Section
from tuner.report.sections.verdict import score_text
from tuner.report.study import ReportedStudy
from tuner.report.svg import shown
from tuner.report.templates import filled
from tuner.reporting.leaderboard import BASELINE
from tuner.reporting.refitted import median_refit
from tuner.words import called


@dataclass(frozen=True)
class Cell:
    """One cell: the shown text, and the value to sort by."""

    text: str
    key: float | str = ""
    kind: str = ""


@dataclass(frozen=True)
class Line:
    """One row.

    Args:
        cells: Its cells.
        trial: Its number; None for other rows than trials of the search.
        winner: Whether it was chosen.
    """

    cells: Sequence[Cell]
    trial: int | None = None
    winner: bool = False


def table(study: ReportedStudy) -> Section | None:
    """Confirmed configurations with baseline and trivial predictor, then every trial."""
    if not study.trials and study.result is None:
        return None
    names = _varying(study)
    body = filled(
        "table.html",
        study=study,
        standing_head=_standing_head(study),
        standing=_standing(study),
        several=study.result is not None and any(one.trained > 1 for one in study.result.configurations),
        heads=["trial", "state", study.objective.metric, "epochs", "seconds", *names, "findings"],
        trials=[_trial(study, one, names) for one in study.ranked],
    )
    return Section("table", "Which configurations were tried?", "Table", body)


def _standing_head(study: ReportedStudy) -> list[str]:
    extra = [] if study.readable == study.objective.name or not study.test else [f"test/{study.readable}"]
    return [
        "configuration",
        study.objective.metric,
        *([f"test/{study.objective.name}"] if study.test else []),
        *extra,
        "seeds",
    ]


def _standing(study: ReportedStudy) -> list[Line]:
    """Rows of configurations and trivial predictor by rank; none without a confirmation."""
    if study.result is None:
        return []
    objective, ranked = study.objective, []
    scores = [objective.name, *([] if study.readable == objective.name else [study.readable])] if study.test else []
    for one in study.result.configurations:
        cells = [Cell(called(one.number)), Cell(score_text(one.values, objective.name))]
        cells += [Cell(score_text(study.scored.tests(one.number, name), name)) for name in scores]
        cells.append(Cell(f"{len(one.values)} of {max(one.trained, one.asked)}"))
        line = Line(cells, None if one.number == BASELINE else one.number, one.number == study.winner)
        ranked.append((not one.eligible, objective.loss(fmean(one.values)) if one.values else math.inf, line))
    if objective.trivial is not None:
        cells = [
            Cell(f"{objective.trivial_name} (trivial predictor)"),
            Cell(score_text([objective.trivial], objective.name)),
        ]
        for name in scores:
            value = study.scored.trivial("test", name)
            cells.append(Cell("-" if value is None else score_text([value], name)))
        ranked.append((False, objective.loss(objective.trivial), Line([*cells, Cell("")])))
    ranked += [_floor(study, method, scores) for method in study.scored.floors]
    return [*(line for _, _, line in sorted(ranked, key=lambda each: each[:2])), *_models(study, scores)]


def _floor(study: ReportedStudy, method: str, scores: Sequence[str]) -> tuple[bool, float, Line]:
    """A method that is no network, and where it ranks."""
    objective = study.objective
    values = [study.scored.floor(method, "val"), *(study.scored.floor(method, "test", name) for name in scores)]
    names = [objective.name, *scores]
    told = ["-" if value is None else score_text([value], name) for name, value in zip(names, values, strict=True)]
    return values[0] is None, objective.loss(values[0]), Line([Cell(method), *map(Cell, told), Cell("")])


def _models(study: ReportedStudy, scores: Sequence[str]) -> list[Line]:
    """Rows of the winner's other models: the ensemble of its seeds, and refits, which have no validation score."""
    lines = []
    objective, joint, refits = study.objective, study.ensemble, study.refits
    if joint is not None:
        facts = joint.facts
        cells = [
            f"{study.winner_name}, ensemble of its {len(facts['runs'])} seeds",
            score_text([facts["value"]], objective.name),
        ]
        cells += _texts(study.tested["ensemble"]["test"], scores)
        lines.append(Line([*map(Cell, cells), Cell("ensemble")]))
    if refits:
        cells = [f"{study.winner_name}, refit on all but the test data", "-"]
        cells += _texts(study.test.get(median_refit(refits).run, {}), scores)
        lines.append(Line([*map(Cell, cells), Cell("refit")]))
    if refits and (together := study.tested.get("refit_ensemble")):
        cells = [f"{study.winner_name}, ensemble of its {len(together['runs'])} refits", "-"]
        cells += _texts(together["test"], scores)
        lines.append(Line([*map(Cell, cells), Cell("refit ensemble")]))
    return lines


def _texts(test: Mapping[str, float | None], scores: Sequence[str]) -> list[str]:
    """A model's scores on test data."""
    return [score_text([value], name) if (value := test.get(name)) is not None else "-" for name in scores]


def _varying(study: ReportedStudy) -> list[str]:
    """Searched parameters with at least two different values."""
    return [name for name in study.searched if len({repr(one.params.get(name)) for one in study.trials}) > 1]


def _trial(study: ReportedStudy, one: RunRecord, names: Sequence[str]) -> Line:
    objective = study.objective
    state = state_class(one.state) if one.state.final else ("running" if study.running else "not over")
    epochs = max(one.epochs, default=0)
    cells = [
        Cell(str(one.number), one.number),
        Cell(state, state, "state"),
        Cell("-" if one.value is None else f"{one.value:.4g}", objective.loss(one.value)),
        Cell(str(epochs), epochs),
        Cell(f"{one.seconds:.1f}" if one.seconds < 100 else f"{one.seconds:.0f}", round(one.seconds, 3)),
        *(_param(one.params.get(name), name in one.params) for name in names),
        Cell(", ".join(name.replace("_", " ") for name in one.found), len(one.found)),
    ]
    return Line(cells, one.number, one.number == study.winner)


def _param(value: Any, there: bool) -> Cell:
    if not there:
        return Cell("", "")
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return Cell(shown(value), value if number else shown(value))
