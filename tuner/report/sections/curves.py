"""How trials learned: every curve, the winner's on top."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import quantiles
from typing import TypeAlias

from markupsafe import Markup

from tuner.disk.events import RunRecord
from tuner.messages import State
from tuner.report.plot import Frame, epoch_scale, legend, line, mark, state_class
from tuner.report.section import Section
from tuner.report.study import ReportedStudy
from tuner.report.svg import Linear, Scale, path, tag, value_scale
from tuner.report.templates import filled
from tuner.reporting.leaderboard import BASELINE

MOST_CURVES, MOST_POINTS, MOST_STRONG = 120, 80, 8
"""Largest number of curves in a picture (the best, then evenly of the others), of points in a curve, and of curves in
full colour."""
Points: TypeAlias = Sequence[tuple[int, float]]
_ORDER = (State.PRUNED, State.FAILED, State.HOPELESS, State.DIVERGED, State.LOST, State.COMPLETED)


def curves(study: ReportedStudy) -> Section | None:
    """The objective by epoch."""
    learned = [(one, points(one, study.objective.metric)) for one in study.trials]
    learned = [(one, own) for one, own in learned if own]
    if not learned:
        return None
    drawn = _chosen(learned, study)
    states = [state for state in _ORDER if any(one.state is state for one, _ in drawn)]
    entries = [(f"line {state_class(state)}", _named(state)) for state in reversed(states)]
    if any(one.number == study.winner for one, _ in drawn):
        entries.insert(0, ("line winner", f"{study.winner_name}, {'the winner' if study.finished else 'leads so far'}"))
    baseline = _baseline(study)
    if baseline is not None:
        told = "baseline, the winner, its" if study.winner == BASELINE else "baseline, its"
        entries.insert(min(1, len(entries)), (f"line {_baseline_shape(study)}", f"{told} seed with the median score"))
    if len(drawn) > MOST_STRONG:
        entries.append(("bar band", f"middle 80 % of all but the best {MOST_STRONG}, of those trained so long"))
    if study.objective.trivial is not None:
        entries.append(("rule", f"{study.objective.trivial_name} (trivial predictor)"))
    left_out = len(learned) - len(drawn)
    body = filled(
        "curves.html",
        picture=curves_picture(study, drawn, baseline),
        legend=legend(entries),
        drawn=len(drawn),
        left_out=left_out,
    )
    return Section("curves", "How did the trials learn?", "Learning", body)


def points(one: RunRecord, metric: str, most: int = MOST_POINTS) -> list[tuple[int, float]]:
    """Finite values of a metric by epoch, thinned out if they are many; the best and the last are kept."""
    own = [(epoch, value) for epoch, value in one.series(metric).items() if math.isfinite(value)]
    step = math.ceil(len(own) / most)
    if step <= 1:
        return own
    judged = [pair for pair in own if pair[1] == one.value][:1]
    return sorted({*own[:-1:step], *judged, own[-1]})


def curve_scale(values: Sequence[float], frame: Frame, study: ReportedStudy) -> Scale:
    """The scale of the scores: logarithmic for losses."""
    trivial = study.objective.trivial
    known = [*values, trivial] if trivial is not None and math.isfinite(trivial) else values
    return value_scale(known, frame.bottom, frame.top, log=study.objective.is_loss)


def curves_picture(
    study: ReportedStudy, drawn: Sequence[tuple[RunRecord, Points]], baseline: RunRecord | None
) -> Markup:
    """The best eight as lines, the others pale beside their percentiles; baseline and winner are drawn last."""
    objective, frame = study.objective, Frame.of(980, 420, left=78)
    y = curve_scale([value for _, own in drawn for _, value in own], frame, study)
    x = epoch_scale(max(own[-1][0] for _, own in drawn), frame)
    ranked = sorted(drawn, key=lambda pair: objective.loss(objective.best(value for _, value in pair[1])))
    strong = {one.number for one, _ in ranked[:MOST_STRONG]}
    parts = [_band([own for one, own in drawn if one.number not in strong], x, y)]
    if objective.trivial is not None and math.isfinite(objective.trivial):
        at = y.place(objective.trivial)
        parts.append(tag("line", x1=frame.left, x2=frame.right, y1=at, y2=at, class_="rule"))
    for one, own in sorted(drawn, key=lambda pair: (*_front(pair[0], study), pair[0].number in strong)):
        places = [(x.place(epoch), y.place(value)) for epoch, value in own]
        shape = "winner" if one.number == study.winner else state_class(one.state)
        pale = "" if one.number in strong or one.number == study.winner else " pale"
        if len(places) == 1:
            parts.append(mark(*places[0], state_class(one.state), 2.5, trial=one.number))
            continue
        parts.append(line(places, f"line {shape}{pale}", trial=one.number))
        if one.state in (State.DIVERGED, State.HOPELESS):
            parts.append(mark(*places[-1], state_class(one.state), 3, trial=one.number))
    if baseline is not None and (own := points(baseline, objective.metric)):
        parts.insert(
            -1,
            line(
                [(x.place(at), y.place(value)) for at, value in own], f"line {_baseline_shape(study)}", title="baseline"
            ),
        )
    label = f"{objective.metric} by epoch of {len(drawn)} trials"
    return frame.draw(label, x, y, parts, x_title="epoch", y_title=f"{objective.metric} ({objective.words})")


def _baseline_shape(study: ReportedStudy) -> str:
    return "winner" if study.winner == BASELINE else "baseline"


def _front(one: RunRecord, study: ReportedStudy) -> tuple[bool, int]:
    return one.number == study.winner, _ORDER.index(one.state) if one.state in _ORDER else 0


def _band(curves: Sequence[Points], x: Linear, y: Scale) -> Markup:
    """The middle 80 % of some curves at each epoch with at least three."""
    at: dict[int, list[float]] = {}
    for own in curves:
        for epoch, value in own:
            at.setdefault(epoch, []).append(value)
    cuts = [(epoch, quantiles(at[epoch], n=10, method="inclusive")) for epoch in sorted(at) if len(at[epoch]) >= 3]
    if len(cuts) < 2:
        return Markup()
    low = [(x.place(epoch), y.place(each[0])) for epoch, each in cuts]
    high = [(x.place(epoch), y.place(each[-1])) for epoch, each in cuts]
    return tag("path", d=f"{path([*low, *reversed(high)])}Z", class_="band")


def _baseline(study: ReportedStudy) -> RunRecord | None:
    """The baseline's training on fresh seeds with the median score."""
    runs = study.scored.trained(BASELINE)
    ordered = sorted(runs, key=lambda one: study.objective.loss(one.value))
    return ordered[(len(ordered) - 1) // 2] if ordered else None


def _chosen(
    learned: Sequence[tuple[RunRecord, list[tuple[int, float]]]], study: ReportedStudy
) -> list[tuple[RunRecord, list[tuple[int, float]]]]:
    if len(learned) <= MOST_CURVES:
        return list(learned)
    objective = study.objective
    ordered = sorted(
        learned,
        key=lambda pair: (
            pair[0].number != study.winner,
            objective.loss(objective.best(value for _, value in pair[1])),
        ),
    )
    half = MOST_CURVES // 2
    rest = ordered[half:]
    return [*ordered[:half], *rest[:: math.ceil(len(rest) / half)]]


def _named(state: State) -> str:
    return state.value.lower() if state.final else "not over"
