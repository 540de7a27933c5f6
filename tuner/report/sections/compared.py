"""Studies side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from tuner.report import plot
from tuner.report.plot import Frame, legend
from tuner.report.sections.verdict import judge, score_text
from tuner.report.study import ReportedStudy
from tuner.report.svg import Linear, shown, tag, value_scale
from tuner.report.templates import filled
from tuner.words import counted, spoken_score

MOST_STUDIES = 8


@dataclass(frozen=True)
class Row:
    """A quantity of each study.

    Args:
        name: Of the quantity.
        cells: One per study.
        differs: Whether the studies differ in it.
    """

    name: str
    cells: Sequence[str]
    differs: bool


def compared(studies: Sequence[ReportedStudy]) -> Markup:
    """A table of the studies' results, and their best score by number of trials."""
    metrics = {study.objective.metric for study in studies}
    sources = {str((study.sweep.get("data") or {}).get("digest", "")) for study in studies}
    return filled(
        "compared.html",
        studies=studies,
        rows=_rows(studies),
        picture=_best_so_far(studies) if len(metrics) == 1 else Markup(),
        legend=legend([(f"line c{at % MOST_STUDIES}", study.name) for at, study in enumerate(studies)]),
        same_metric=len(metrics) == 1,
        same_data=len(sources) == 1 and "" not in sources,
    )


def _rows(studies: Sequence[ReportedStudy]) -> list[Row]:
    told: dict[str, list[str]] = {
        "state": ["finished" if one.finished else "running" if one.running else "not finished" for one in studies],
        "winner": [one.winner_name or "none" for one in studies],
        "objective": [f"{one.objective.metric} ({one.objective.words})" for one in studies],
        "on fresh seeds": [_fresh(one) for one in studies],
        "on test data": [_test(one) for one in studies],
        "trivial predictor": [_trivial(one) for one in studies],
        "better than trivial": [_better(one) for one in studies],
        "trials": [counted(len(one.trials), "trial") for one in studies],
        "epochs": [str(one.about.epochs or "-") for one in studies],
        "sampler": [str(one.sweep.get("sampler", "-")) for one in studies],
        "pruner": [str(one.sweep.get("pruner", "-")) for one in studies],
    }
    rows = [Row(name, cells, len(set(cells)) > 1) for name, cells in told.items()]
    for name in dict.fromkeys(name for one in studies for name in one.winner_params):
        cells = [shown(one.winner_params[name]) if name in one.winner_params else "-" for one in studies]
        rows.append(Row(f"winner's {name}", cells, len(set(cells)) > 1))
    return rows


def _fresh(one: ReportedStudy) -> str:
    return score_text(one.scored.fresh(one.winner), one.objective.name) if one.winner is not None else "-"


def _test(one: ReportedStudy) -> str:
    if one.winner is None:
        return "-"
    return (
        f"{score_text(one.scored.tests(one.winner, one.readable), one.readable)} {spoken_score(one.readable)}"
        if one.test
        else "-"
    )


def _trivial(one: ReportedStudy) -> str:
    return "-" if one.objective.trivial is None else f"{one.objective.trivial:.4g} ({one.objective.trivial_name})"


def _better(one: ReportedStudy) -> str:
    found = judge(one)
    return "-" if not found.sentence else "yes" if found.beats else "no"


def _best_so_far(studies: Sequence[ReportedStudy]) -> Markup:
    """The best score by number of trials."""
    lines = []
    for study in studies:
        best, line = study.objective.worst, []
        for one in study.trials:
            best = study.objective.best([best, one.value], default=best)
            if math.isfinite(best):
                line.append((one.number + 1, best))
        lines.append(line)
    values = [value for line in lines for _, value in line]
    if not values:
        return Markup()
    objective = studies[0].objective
    frame = Frame.of(980, 300, left=70)
    x = Linear(1, max(2, max(line[-1][0] for line in lines if line)), frame.left, frame.right, whole=True)
    y = value_scale(values, frame.bottom, frame.top, log=objective.is_loss)
    parts = []
    for at, line in enumerate(lines):
        if len(line) == 1:
            x_y = [(x.place(line[0][0]), y.place(line[0][1]))]
            parts.append(plot.line(x_y, f"line c{at % MOST_STUDIES}", title=studies[at].name))
        elif line:
            steps = "".join(f"H{x.place(number):.1f}V{y.place(value):.1f}" for number, value in line[1:])
            d = f"M{x.place(line[0][0]):.1f} {y.place(line[0][1]):.1f}{steps}"
            parts.append(tag("path", tag("title", studies[at].name), d=d, class_=f"line c{at % MOST_STUDIES}"))
    label = f"best {objective.metric} by number of trials of {', '.join(study.name for study in studies)}"
    return frame.draw(label, x, y, parts, x_title="trials", y_title=f"best {objective.metric} so far")
