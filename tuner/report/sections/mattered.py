"""What mattered: importance with intervals, answers, slices, parallel coordinates."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from tuner.report.plot import Frame, legend, state_class
from tuner.report.questions import answers
from tuner.report.section import Section
from tuner.report.sections.parallel import MOST_LINES, parallel
from tuner.report.sections.slices import slices
from tuner.report.study import ReportedStudy
from tuner.report.svg import Linear, tag
from tuner.report.templates import filled
from tuner.words import capital

MOST_BARS, MOST_ANSWERS = 12, 8
BAR = 26
"""Height of a parameter."""


def mattered(study: ReportedStudy) -> Section | None:
    """The section on what is associated with a good result."""
    if not study.comparable.trials:
        return None
    told = answers(study.comparable, study.objective)
    known = [one for one in told if one.known]
    unknown = [one for one in told if not one.known]
    states = list(dict.fromkeys(one.state for one in study.trials if one.state.final and one.value is not None))
    ranked = [one.name for one in study.importances.parameters]
    names = [*ranked, *(name for name in study.searched if name not in ranked)]
    body = filled(
        "mattered.html",
        compared=study.comparable,
        importance=_bars(study),
        reason=study.importances.reason,
        known=known[:MOST_ANSWERS],
        unknown=unknown[:MOST_ANSWERS],
        more=len(known[MOST_ANSWERS:]) + len(unknown[MOST_ANSWERS:]),
        best=_best(study, names),
        separation=_separation(study),
        slices=slices(study, names),
        parallel=parallel(study, names),
        legend=legend([(state_class(state), state.value.lower()) for state in states]),
        objective=study.objective,
        most_lines=MOST_LINES,
    )
    return Section("mattered", "What mattered?", "What mattered", body)


def _bars(study: ReportedStudy) -> Markup:
    told = study.importances.parameters[:MOST_BARS]
    if not told:
        return Markup()
    frame = Frame.of(980, BAR * len(told) + 58, left=190)
    x = Linear(0, max(one.high for one in told), frame.left, frame.right - 60)
    parts = []
    for line, one in enumerate(told):
        middle = frame.top + BAR * (line + 0.5)
        parts += [
            tag("text", one.name, x=frame.left - 10, y=middle + 4, class_="tick end"),
            tag(
                "rect",
                x=frame.left,
                y=middle - 7,
                width=max(1.0, x.place(one.share) - frame.left),
                height=14,
                class_="share",
            ),
            tag("path", d=f"M{x.place(one.low):.1f} {middle:.1f}H{x.place(one.high):.1f}", class_="whisker"),
            tag("text", f"{one.share:.0%}", x=x.place(one.high) + 8, y=middle + 4, class_="tick"),
        ]
    label = f"Importance: {', '.join(map(str, told))}"
    return frame.draw(label, _PerCent(x), None, parts, x_title=f"share in {study.importances.of_what}, 90 % interval")


class _PerCent:
    """A scale whose ticks are per cent."""

    def __init__(self, scale: Linear) -> None:
        self._scale = scale

    def place(self, value: float) -> float:
        """See `Scale`."""
        return self._scale.place(value)

    def ticks(self) -> Sequence[tuple[float, str]]:
        """See `Scale`."""
        return [(at, f"{float(label):.0%}") for at, label in self._scale.ticks()]


def _best(study: ReportedStudy, names: Sequence[str]) -> str:
    """The ranges of the best trials' numbers, in words; "" with few trials."""
    trials = sorted(study.comparable.trials, key=lambda one: study.objective.loss(one.score))
    best = trials[: max(3, math.ceil(0.1 * len(trials)))]
    if len(trials) < 10:
        return ""
    told = []
    for name in names[:4]:
        values = [one.params[name] for one in best if name in one.params]
        numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
        if len(numbers) == len(best):
            told.append(f"{name} {min(numbers):.3g} to {max(numbers):.3g}")
    return f"The best {len(best)} have {', '.join(told)}." if told else ""


def _separation(study: ReportedStudy) -> str:
    told = [str(sentence) for sentence in study.summary.get("sentences") or ()]
    found = next((sentence for sentence in told if " separates the trials that " in sentence), "")
    return capital(found)
