"""The winner in depth: how it learned on every seed, its gradient through time, its gates."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from tuner.diagnostics import names
from tuner.disk.events import RunRecord
from tuner.report.plot import Frame, epoch_scale, legend, line
from tuner.report.section import Section
from tuner.report.sections.answers import answered
from tuner.report.sections.curves import points
from tuner.report.sections.parts import by_part
from tuner.report.study import ReportedStudy
from tuner.report.svg import Linear, tag, value_scale
from tuner.report.templates import filled
from tuner.reporting.diagnostics_figure import unmeasured
from tuner.reporting.drawing import short
from tuner.reporting.gradient_flow import judged_slope, lag_of, share_left
from tuner.reporting.learning_on import learning_on
from tuner.reporting.refitted import refitted
from tuner.reporting.trial_story import trial_story
from tuner.words import called, spoken

MOST_LINES, GATE = 8, 24


def winner(study: ReportedStudy) -> Section | None:
    """The section on the winner, or on the leading configuration."""
    runs = study.winner_runs
    if study.winner is None or not any(one.epochs for one in runs):
        return None
    best = study.objective.best_of(runs, score=lambda one: one.value) or runs[0]
    story = trial_story(best, study.about)
    gradient, cells = _gradient(best)
    gates, shown_gates = _gates(best)
    entries = [(f"line c{at}", cell) for at, cell in enumerate(cells)]
    body = filled(
        "winner.html",
        study=study,
        best=best,
        story=story,
        seeds=len(runs) if runs[0].kind == "confirm" else 0,
        fitting=_fitting(runs),
        fitting_legend=legend([("line winner", "validation"), ("line train", "training")]),
        gradient=gradient,
        gradient_legend=legend([*entries, ("line judged", "fitted slope, as judged")]),
        lag=lag_of(best, _looked(best, names.STATE_GRAD)),
        gates=gates,
        gates_shown=shown_gates,
        name=called(study.winner),
        answers=answered(study.answers.get(best.run) or {}),
        parts=by_part(study.tables.get(best.run) or {}),
        models=_models(study),
        missing="" if gradient else "; ".join(unmeasured(best)),
    )
    return Section("winner", f"What does {spoken(study.winner)} do inside?", "The winner", body)


def _models(study: ReportedStudy) -> list[str]:
    """Sentences about the winner by dynamic evaluation, and about its other models: ensemble and refits."""
    learning = learning_on(study.test, [run.run for run in study.winner_runs], study.objective.name)
    return [
        *([learning] if learning else []),
        *([] if study.ensemble is None else [study.ensemble.sentence]),
        *([told] if (told := refitted(study.refits, study.tested, study.objective.name)) else []),
    ]


def _fitting(runs: Sequence[RunRecord]) -> Markup:
    """Training and validation loss of every seed."""
    frame = Frame.of(480, 280, left=78)
    drawn = []
    for one in runs:
        drawn += [("winner", points(one, "val/loss")), ("train", points(one, names.TRAIN_LOSS))]
    drawn = [(shape, own) for shape, own in drawn if own]
    if not drawn:
        return Markup()
    y = value_scale([value for _, own in drawn for _, value in own], frame.bottom, frame.top, log=True)
    x = epoch_scale(max(own[-1][0] for _, own in drawn), frame)
    parts = []
    for shape, own in reversed(drawn):
        places = [(x.place(at), y.place(value)) for at, value in own]
        parts.append(line(places, f"line {shape}"))
    label = f"training and validation loss by epoch of {len(runs)} trainings"
    return frame.draw(label, x, y, parts, x_title="epoch", y_title="loss")


def _looked(one: RunRecord, profile: str) -> int:
    """The last epoch with a profile; 0 without one."""
    return max((epoch for epoch, event in one.epochs.items() if (event.get("profiles") or {}).get(profile)), default=0)


def _gradient(one: RunRecord) -> tuple[Markup, list[str]]:
    """The share of the state's gradient that is left over the lag, per cell, in the last look."""
    epoch = _looked(one, names.STATE_GRAD)
    profiles = (one.epochs[epoch].get("profiles") or {})[names.STATE_GRAD] if epoch else {}
    lines = {cell: share_left(profile) for cell, profile in list(profiles.items())[:MOST_LINES]}
    lines = {cell: profile for cell, profile in lines.items() if profile}
    if not lines:
        return Markup(), []
    frame = Frame.of(480, 280, left=78)
    slopes = {cell: judged_slope(one, cell, epoch) for cell in lines}
    seen = [point for profile in (*lines.values(), *slopes.values()) for point in profile]
    y = value_scale([share for _, share in seen], frame.bottom, frame.top, log=True)
    x = Linear(min(lag for lag, _ in seen), max(lag for lag, _ in seen), frame.left, frame.right, whole=True)
    parts = []
    for at, (cell, profile) in enumerate(lines.items()):
        for known, shape in ((slopes[cell], "line judged"), (profile, f"line c{at}")):
            if known:
                parts.append(line([(x.place(lag), y.place(share)) for lag, share in known], shape, title=short(cell)))
    label = (
        f"share of the gradient with respect to the state that is left over the lag, of {', '.join(map(short, lines))}"
    )
    drawn = frame.draw(label, x, y, parts, x_title="steps back from the end", y_title="share of the gradient left")
    return drawn, [short(cell) for cell in lines]


def _gates(one: RunRecord) -> tuple[Markup, bool]:
    """Mean of every gate, and the shares of shut and open values, in the last look."""
    epoch = max(
        (at for at, event in one.epochs.items() if (event.get("tensors") or {}).get(names.GATE_MEAN)), default=0
    )
    if not epoch:
        return Markup(), False
    tables = one.epochs[epoch]["tensors"]
    gates = list(tables[names.GATE_MEAN])[:16]
    frame = Frame.of(980, GATE * len(gates) + 62, left=190)
    x = Linear(0, 1, frame.left, frame.right)
    parts = []
    for row, gate in enumerate(gates):
        top = frame.top + GATE * row
        shut = (tables.get(names.GATE_LEFT) or {}).get(gate) or 0.0
        opened = (tables.get(names.GATE_RIGHT) or {}).get(gate) or 0.0
        parts.append(tag("text", short(gate), x=frame.left - 10, y=top + GATE / 2 + 4, class_="tick end"))
        for start, share, shape in (
            (0.0, shut, "shut"),
            (shut, 1 - shut - opened, "between"),
            (1 - opened, opened, "opened"),
        ):
            title = tag("title", f"{shape}: {share:.0%}")
            width = max(0.0, x.place(share) - frame.left)
            parts.append(
                tag("rect", title, x=x.place(start), y=top + 3, width=width, height=GATE - 6.0, class_=f"gate {shape}")
            )
        mean = x.place(tables[names.GATE_MEAN][gate])
        parts.append(tag("line", x1=mean, x2=mean, y1=top + 1, y2=top + GATE - 1.0, class_="line-mean"))
    label = "shares of shut and open values, and mean, of every gate"
    return frame.draw(
        label, x, None, parts, x_title="share of the gate's values; the line is the mean of the gate"
    ), True
