"""Does it hold on fresh seeds? One mark per training."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import fmean

from markupsafe import Markup

from tuner.report.plot import Frame, legend, mark
from tuner.report.section import Section
from tuner.report.study import ReportedStudy
from tuner.report.svg import Scale, tag, value_scale
from tuner.report.templates import filled
from tuner.words import called, spoken_score

ROW = 46
"""Height of a configuration."""
_DATA = {"val": "validation", "test": "test"}


def seeds(study: ReportedStudy) -> Section | None:
    """Marks per configuration: validation and test scores, and the score in the search."""
    result = study.result
    if result is None:
        return None
    rows = [(one.number, list(one.values)) for one in result.configurations]
    name = f"{study.objective.trivial_name} (trivial predictor)"
    body = filled(
        "seeds.html",
        picture=seeds_picture(study, rows),
        legend=legend(
            [
                ("val", "validation data, one per fresh seed"),
                ("test", "test data, read once"),
                ("search", "score in the search"),
                ("line-mean", "mean"),
                *(
                    (f"rule {split}", f"{name} on {_DATA[split]} data: {value:.4g}")
                    for split, value in _trivial(study).items()
                ),
            ]
        ),
        sentences=result.sentences if not study.finished else (),
        missing=[(called(one.number), one.missing) for one in result.configurations if one.missing],
    )
    return Section("seeds", "Does it hold on fresh seeds?", "Fresh seeds", body)


def _trivial(study: ReportedStudy) -> dict[str, float]:
    """The trivial predictor's scores on the splits that are shown, where they are known."""
    known = {"val": study.objective.trivial}
    if study.tested:
        known["test"] = study.scored.trivial("test")
    return {split: value for split, value in known.items() if value is not None and math.isfinite(value)}


def seeds_picture(study: ReportedStudy, rows: Sequence[tuple[int, Sequence[float]]]) -> Markup:
    """One line per configuration."""
    objective = study.objective
    searched = {one.number: one.value for one in study.trials if one.value is not None and math.isfinite(one.value)}
    tests = {number: study.scored.tests(number) for number, _ in rows}
    values = [value for number, own in rows for value in [*own, *tests[number]]]
    values += [searched[number] for number, _ in rows if number in searched]
    trivial = _trivial(study)
    frame = Frame.of(980, ROW * len(rows) + 62, left=110)
    scale = _scale(values, trivial.values(), frame)
    parts = []
    for split, value in trivial.items():
        if frame.left + 2 < (at := scale.place(value)) < frame.right - 2:
            words = tag("title", f"{objective.trivial_name} on {_DATA[split]} data: {value:.4g}")
            parts.append(tag("line", words, x1=at, x2=at, y1=frame.top, y2=frame.bottom, class_=f"rule {split}"))
    for line, (number, own) in enumerate(rows):
        middle = frame.top + ROW * (line + 0.5)
        strong = " strong" if number == study.winner else ""
        parts.append(tag("text", called(number), x=frame.left - 10, y=middle + 4, class_=f"tick end{strong}"))
        parts.append(
            tag("line", x1=frame.left, x2=frame.right, y1=middle + ROW / 2, y2=middle + ROW / 2, class_="grid")
        )
        for shape, level, scores in (("val", middle - 9, own), ("test", middle + 10, tests[number])):
            if scores:
                mean = scale.place(fmean(scores))
                parts.append(tag("line", x1=mean, x2=mean, y1=level - 8, y2=level + 8, class_="line-mean"))
            parts += [mark(scale.place(value), level, shape, 5, title=f"{shape} {value:.4g}") for value in scores]
        if number in searched:
            title = f"in the search: {searched[number]:.4g}"
            parts.append(mark(scale.place(searched[number]), middle - 9, "search", 6, title=title))
    label = "Scores of each configuration on fresh seeds: " + "; ".join(
        f"{called(number)} {', '.join(f'{value:.4g}' for value in own)}" for number, own in rows
    )
    return frame.draw(label, scale, None, parts, x_title=f"{spoken_score(objective.name)} ({objective.words})")


def _scale(values: Sequence[float], trivial: Iterable[float], frame: Frame) -> Scale:
    """The scale of the scores; with those of the trivial predictor that do not compress the others."""
    if values:
        spread, middle = max(values) - min(values), fmean(values)
        values = [*values, *(one for one in trivial if abs(one - middle) < 4 * (spread or abs(one) or 1))]
    low, high = min(values, default=0.0), max(values, default=1.0)
    log = low > 0 and high > 20 * low
    return value_scale(values, frame.left, frame.right, log=log)
