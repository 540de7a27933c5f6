"""Parallel coordinates: every trial as a line through its parameters."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from tuner.report.plot import Frame
from tuner.report.sections.slices import parameter_scale
from tuner.report.study import ReportedStudy
from tuner.report.svg import path, tag, value_scale

MOST_AXES, MOST_LINES = 7, 160
PARTS = 5
"""Shades, from the best fifth of the trials to the worst."""


def parallel(study: ReportedStudy, names: Sequence[str]) -> Markup:
    """Axes of the most important parameters, and the score last; the best trials are drawn last and darkest."""
    axes = [name for name in names if len({repr(one.params.get(name)) for one in study.trials}) > 1][:MOST_AXES]
    ranked = sorted(study.comparable.trials, key=lambda one: study.objective.loss(one.score))
    if len(axes) < 2 or len(ranked) < 2:
        return Markup()
    frame = Frame.of(980, 330, left=60, below=40)
    scales = {name: parameter_scale(study, name, frame.bottom - 8, frame.top + 8) for name in axes}
    scores = value_scale([one.score for one in ranked], frame.bottom - 8, frame.top + 8, log=study.objective.is_loss)
    gap = (frame.right - 50 - frame.left) / len(axes)
    step = math.ceil(len(ranked) / MOST_LINES)
    parts = []
    for rank, one in reversed(list(enumerate(ranked))):
        if rank % step and rank >= MOST_LINES // 4:
            continue
        places = [
            (frame.left + gap * at, scales[name].place(one.params[name]) if name in one.params else frame.bottom + 6)
            for at, name in enumerate(axes)
        ]
        places.append((frame.left + gap * len(axes), scores.place(one.score)))
        shape = "line winner" if one.number == study.winner else f"line part{PARTS * rank // len(ranked)}"
        parts.append(tag("path", d=path(places), class_=shape, data_t=one.number))
    for at, name in enumerate([*axes, ""]):
        x = frame.left + gap * at
        scale = scales[name] if name else scores
        parts.append(tag("line", x1=x, x2=x, y1=frame.top, y2=frame.bottom, class_="axis"))
        ticks = scale.ticks()
        for y, text in ticks[:: math.ceil(len(ticks) / 8)]:
            label = text if len(text) <= 12 else f"{text[:11]}…"
            parts.append(tag("text", label, x=x + 5, y=y + 4, class_="tick halo"))
        title = name or study.objective.metric
        parts.append(tag("text", title, x=x, y=frame.height - 10, class_="title middle"))
    label = f"parallel coordinates of {len(ranked)} trials over {', '.join(axes)} and {study.objective.metric}"
    return frame.draw(label, None, None, parts)
