"""How trials learned: every curve, the winner before all."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from tuner.disk.events import RunRecord
from tuner.messages import State
from tuner.report.plot import Frame, legend, mark, state_class
from tuner.report.section import Section
from tuner.report.study import ReportedStudy
from tuner.report.svg import Linear, Scale, path, tag, value_scale
from tuner.report.templates import filled

MOST_CURVES, MOST_POINTS = 120, 80
"""Curves of a picture, the best and then of the others every so many; points of a curve."""
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
    if study.objective.trivial is not None:
        entries.append(("rule", f"{study.objective.trivial_name} (trivial predictor)"))
    left_out = len(learned) - len(drawn)
    body = filled(
        "curves.html", picture=curves_picture(study, drawn), legend=legend(entries), drawn=len(drawn), left_out=left_out
    )
    return Section("curves", "How did the trials learn?", "Learning", body)


def points(one: RunRecord, metric: str) -> list[tuple[int, float]]:
    """Finite values of a metric by epoch, thinned out where they are many; the last is kept."""
    own = [(epoch, value) for epoch, value in one.series(metric).items() if math.isfinite(value)]
    step = math.ceil(len(own) / MOST_POINTS)
    return [*own[:-1:step], own[-1]] if step > 1 else own


def curve_scale(values: Sequence[float], frame: Frame, study: ReportedStudy) -> Scale:
    """By the logarithm for losses."""
    trivial = study.objective.trivial
    known = [*values, trivial] if trivial is not None and math.isfinite(trivial) else values
    return value_scale(known, frame.bottom, frame.top, log=study.objective.is_loss)


def curves_picture(study: ReportedStudy, drawn: Sequence[tuple[RunRecord, Sequence[tuple[int, float]]]]) -> Markup:
    """Lines by state; the winner last, so that nothing hides it."""
    frame = Frame.of(980, 420, left=78)
    y = curve_scale([value for _, own in drawn for _, value in own], frame, study)
    x = Linear(1, max(2, max(own[-1][0] for _, own in drawn)), frame.left, frame.right, whole=True)
    parts = []
    if study.objective.trivial is not None and math.isfinite(study.objective.trivial):
        at = y.place(study.objective.trivial)
        parts.append(tag("line", x1=frame.left, x2=frame.right, y1=at, y2=at, class_="rule"))
    ordered = sorted(
        drawn,
        key=lambda pair: (
            pair[0].number == study.winner,
            _ORDER.index(pair[0].state) if pair[0].state in _ORDER else 0,
        ),
    )
    for one, own in ordered:
        places = [(x.place(epoch), y.place(value)) for epoch, value in own]
        shape = "winner" if one.number == study.winner else state_class(one.state)
        if len(places) == 1:
            parts.append(mark(*places[0], state_class(one.state), 2.5, trial=one.number))
            continue
        parts.append(tag("path", d=path(places), class_=f"line {shape}", data_t=one.number))
        if one.state in (State.DIVERGED, State.HOPELESS):
            parts.append(mark(*places[-1], state_class(one.state), 3, trial=one.number))
    objective = study.objective
    label = f"{objective.metric} by epoch of {len(drawn)} trials"
    return frame.draw(label, x, y, parts, x_title="epoch", y_title=f"{objective.metric} ({objective.words})")


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
