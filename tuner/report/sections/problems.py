"""What went wrong: findings with remedies and outcomes, and trials that failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from tuner.diagnostics.catalog import FINDINGS
from tuner.diagnostics.finding import Finding
from tuner.disk.events import RunRecord
from tuner.messages import State
from tuner.report.plot import Frame
from tuner.report.section import Section
from tuner.report.sections.curves import curve_scale, points
from tuner.report.study import ReportedStudy
from tuner.report.svg import Linear, path, tag
from tuner.report.templates import filled
from tuner.reporting.about import findings
from tuner.reporting.repaired import Repaired, repaired
from tuner.words import capital, counted

MOST_FAULTS, MOST_LINES, MOST_POINTS = 12, 60, 40


@dataclass(frozen=True)
class Fault:
    """A finding over all trials.

    Args:
        title: Its name in words.
        meaning: Its explanation.
        trials: The trials that have it.
        evidence: Of the clearest case.
        example: The trial of the clearest case.
        remedies: What to try.
        outcomes: The outcomes of repairs, a sentence each.
        helped: How many of those helped, in words; "" without any.
        picture: The curves of its trials in front of the others.
    """

    title: str
    meaning: str
    trials: Sequence[int]
    evidence: str
    example: int
    remedies: Sequence[str]
    outcomes: Sequence[str]
    helped: str
    picture: Markup


@dataclass(frozen=True)
class Ended:
    """Trials that ended without a result for one reason."""

    state: str
    reason: str
    trials: Sequence[int]
    trace: str


def problems(study: ReportedStudy) -> Section | None:
    """Findings, most frequent first, and reasons of failures."""
    over = [one for one in study.trials if one.state.final]
    if not over:
        return None
    found: dict[str, list[tuple[RunRecord, Finding]]] = {}
    for one in over:
        for finding in {each.name: each for each in reversed(findings(one, study.about))}.values():
            found.setdefault(finding.name, []).append((one, finding))
    repairs = repaired(study.trials, study.confirmed, study.objective)
    ordered = sorted(found.items(), key=lambda pair: -len(pair[1]))
    body = filled(
        "problems.html",
        faults=[_fault(study, name, cases, repairs) for name, cases in ordered[:MOST_FAULTS]],
        ended=_ended(over),
        trials=len(over),
    )
    return Section("problems", "What went wrong?", "Problems", body)


def _fault(
    study: ReportedStudy, name: str, cases: Sequence[tuple[RunRecord, Finding]], repairs: Sequence[Repaired]
) -> Fault:
    one, finding = min(cases, key=lambda case: (not case[1].fatal, case[0].number))
    own = [each for each in repairs if each.finding == name]
    known = [each.helped for each in own if each.helped is not None]
    return Fault(
        title=name.replace("_", " "),
        meaning=FINDINGS[name].summary if name in FINDINGS else "",
        trials=sorted(record.number for record, _ in cases),
        evidence=finding.evidence,
        example=one.number,
        remedies=finding.remedies,
        outcomes=[capital(each.sentence) for each in own[:3]],
        helped=f"helped {sum(known)} of {counted(len(known), 'time')}" if known else "",
        picture=_picture(study, {record.number for record, _ in cases}),
    )


def _picture(study: ReportedStudy, numbers: set[int]) -> Markup:
    """The curves of some trials, in front of the others."""
    metric = study.objective.metric
    learned = [(one, points(one, metric, MOST_POINTS)) for one in study.trials]
    learned = [(one, own) for one, own in learned if len(own) > 1]
    others = [pair for pair in learned if pair[0].number not in numbers][:MOST_LINES]
    having = [pair for pair in learned if pair[0].number in numbers][:MOST_LINES]
    if not having:
        return Markup()
    frame = Frame.of(360, 170, left=52, below=34)
    y = curve_scale([value for _, own in [*others, *having] for _, value in own], frame, study)
    x = Linear(1, max(own[-1][0] for _, own in [*others, *having]), frame.left, frame.right, whole=True)
    parts = [
        tag(
            "path",
            d=path((x.place(at), y.place(value)) for at, value in own),
            class_=f"line {shape}",
            data_t=one.number,
        )
        for shape, group in (("faint", others), ("having", having))
        for one, own in group
    ]
    label = f"learning curves of the {len(having)} trials with it, before those of {len(others)} others"
    return frame.draw(label, x, y, parts, x_title="epoch")


def _ended(over: Sequence[RunRecord]) -> list[Ended]:
    bad = [one for one in over if one.state in (State.FAILED, State.DIVERGED, State.HOPELESS)]
    groups = Counter((one.state, one.reason) for one in bad)
    told = []
    for (state, reason), _ in groups.most_common(8):
        own = [one for one in bad if (one.state, one.reason) == (state, reason)]
        trace = next((one.trace for one in own if one.trace), "")
        told.append(Ended(state.value.lower(), reason, [one.number for one in own], trace))
    return told
