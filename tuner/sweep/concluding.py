"""The verdict of a sweep, from its runs: see `tuner.reporting.verdict`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Any

from tuner.adapters.base import Prepared
from tuner.disk.events import RunRecord
from tuner.messages import State
from tuner.objective import Objective
from tuner.reporting.commands import of_study, of_task
from tuner.reporting.conclusion import Readable, far_apart, good, noise, seen_in_the_search, use
from tuner.reporting.ensemble import Ensemble
from tuner.reporting.intervals import Interval, mean_interval
from tuner.reporting.leaderboard import BASELINE, Confirmation
from tuner.reporting.resolution import told_apart
from tuner.reporting.scored import Scored
from tuner.reporting.verdict import FEW_TRIALS, Held, Standing, Verdict, against_floors, verdict, what_to_try, why_none
from tuner.sweep.candidates import confirm_rounds
from tuner.sweep.open_sweep import OpenSweep
from tuner.words import spoken


@dataclass(frozen=True)
class Evidence:
    """The facts that a verdict is made from.

    Args:
        sweep: The sweep.
        prepared: Its data.
        scored: The scores of its configurations.
        result: What the confirmation came to; None without one.
        mattered: Names of parameters, those that mattered most first.
        told: What mattered, in a sentence, or why that cannot be said.
        joint: What the winner's seeds reach together; None where that is not known.
        items: Run of the confirmation -> what each group of validation items has to do with the objective.
    """

    sweep: OpenSweep
    prepared: Prepared
    scored: Scored
    result: Confirmation | None
    mattered: Sequence[str]
    told: str
    joint: Ensemble | None = None
    items: Mapping[str, Any] = field(default_factory=dict)

    @property
    def objective(self) -> Objective:
        """The objective with the trivial predictor's score."""
        return self.sweep.task.against_trivial

    @property
    def counted(self) -> tuple[int, ...]:
        """Items of the validation and of the test data, if the objective is a share of them; else none."""
        return (self._items("val"), self._items("test")) if self.objective.counted else ()

    def step(self, split: str) -> float:
        """The objective's smallest change where it counts items, else 0."""
        return 1.0 / self._items(split) if self.objective.counted else 0.0

    def _items(self, split: str) -> int:
        return max(1, self.prepared.counts.get(split, 0))  # as adapters of others may count none


def conclude(evidence: Evidence, winner: RunRecord | None, interval: Interval | None = None) -> Verdict:
    """The verdict of a sweep.

    Args:
        evidence: What is known.
        winner: A run of the configuration that was chosen; None where none was.
        interval: Of its mean on validation data, from the confirmation.
    """
    if winner is None:
        return _nothing(evidence)
    number, objective, result = winner.number, evidence.objective, evidence.result
    found = _against_trivial(evidence, number, interval)
    fresh, tests = evidence.scored.validation(number, objective.name), evidence.scored.tests(number, objective.name)
    searched = next(
        (run.value for run in evidence.scored.trials if run.number == number and run.state is State.COMPLETED), None
    )
    readable, split, scores = _readable_scores(evidence, number)
    seeds = "a fresh seed" if len(scores["winner"]) == 1 else "fresh seeds"
    where = {"test": "on test data that the search never saw", "val": f"on validation data with {seeds}"}[split]
    if result is None:
        where = "on validation data, the best of the search; nothing confirms it"
    trivial = [evidence.scored.trivial(each, objective.name) for each in ("val", "test")]
    remarks = [
        seen_in_the_search(searched, fresh, objective) if result is not None else "",
        far_apart(fresh, tests, trivial, objective, evidence.counted) if result is not None else "",
    ]
    others = {evidence.objective.trivial_name if name == "trivial" else name: scores[name] for name in list(scores)[1:]}
    full = {**evidence.sweep.task.settings(winner.params).headline, **winner.params}
    return replace(
        found,
        use=use(number, full, evidence.mattered, beats=found.beats),
        good=good(readable, scores["winner"], others, where=where) if scores["winner"] else "",
        noise=_noise(evidence, result),
        remarks=[remark for remark in remarks if remark],
        mattered=evidence.told,
        next=[list(command) for command in _next(evidence, number, found)],
        score=f"{split}/{readable.name}",
        scores={name: fmean(values) for name, values in scores.items() if values},
        floors=_against_floors(evidence, number),
    )


def _readable_scores(evidence: Evidence, number: int) -> tuple[Readable, str, dict[str, list[float]]]:
    """The score, the split that it is told of, and the values of winner, baseline, trivial predictor and floors."""
    readable = evidence.sweep.task.readable
    for candidate in (readable, Readable(evidence.objective.name, share=False)):
        for split, values in (("test", evidence.scored.tests), ("val", evidence.scored.validation)):
            if own := values(number, candidate.name):
                scores = {"winner": own}
                if number != BASELINE and (baseline := values(BASELINE, candidate.name)):
                    scores["baseline"] = baseline
                if (trivial := evidence.scored.trivial(split, candidate.name)) is not None:
                    scores["trivial"] = [trivial]
                for method in evidence.scored.floors:
                    if (known := evidence.scored.floor(method, split, candidate.name)) is not None:
                        scores[method] = [known]
                return candidate, split, scores
    return readable, "val", {"winner": []}


def _noise(evidence: Evidence, result: Confirmation | None) -> str:
    """Whether what the winner is ahead of the baseline is more than chance: of the seeds, and of the items."""
    if result is None:
        return ""
    against, by_items = result.against_baseline or result.against_second, ""
    if against is not None:
        folds = int(evidence.sweep.task.data.get("folds", 1))
        by_items = told_apart(evidence.items, evidence.scored.confirmed, against, evidence.objective, folds)
    return " ".join(told for told in (noise(result.against_baseline), by_items) if told)


def _against_trivial(evidence: Evidence, number: int, interval: Interval | None) -> Verdict:
    """Compare the winner with the trivial predictor; what to try where it is not better."""
    task, objective = evidence.sweep.task, evidence.objective
    runs = evidence.scored.trained(number)
    scores = [run.value for run in runs if run.value is not None]
    held = []
    for split, told, values, known in (
        ("val", "validation", scores, interval),
        ("test", "test", evidence.scored.tests(number, objective.name), None),
    ):
        trivial = evidence.scored.trivial(split, objective.name)
        if trivial is not None and values:
            of_mean = known or mean_interval(values, 0.025, evidence.step(split), objective.within)
            held.append(Held(told, f"{split}/{objective.name}", values, trivial, of_mean))
    found = verdict(spoken(number), held, objective)
    if found.beats:
        return found
    size, budget = task.space.size(), task.file.budget
    advice = what_to_try(
        runs,
        objective,
        epochs=budget.epochs,
        trials=budget.trials if size is None or size > budget.trials else None,
        items=evidence.prepared.counts.get("train", 0),
        more=evidence.prepared.advice,
        seeds=len(scores) if _open(found) else None,
    )
    return replace(found, advice=advice)


def _open(found: Verdict) -> bool:
    """Whether the means are better than the trivial predictor, and only an interval contains it."""
    return not found.beats and Standing.WORSE not in found.sentence


def _against_floors(evidence: Evidence, number: int) -> str:
    """The winner held against methods that are no network: on test data, where that was read."""
    objective, scored, joint = evidence.objective, evidence.scored, evidence.joint
    split, values = "test", scored.tests(number)
    if not values:
        split, values = "val", scored.validation(number)
    held = {}
    for method in scored.floors if values else ():
        if (known := scored.floor(method, split)) is not None:
            interval = mean_interval(values, 0.025, evidence.step(split), objective.within)
            told = {"val": "validation", "test": "test"}[split]
            held[method] = Held(told, f"{split}/{objective.name}", values, known, interval)
    together = joint.facts["test" if split == "test" else "value"] if joint is not None else None
    return against_floors(spoken(number), held, objective, together)


def _next(evidence: Evidence, number: int, found: Verdict) -> list[tuple[str, str]]:
    """The commands to go on with."""
    sweep = evidence.sweep
    budget = sweep.task.file.budget

    def again(command: str, change: str = "") -> str:
        return of_task(command, sweep.task.path, sweep.task.sets, change=change)

    seeds = len(confirm_rounds(sweep))
    what = f"to {'narrow the interval' if seeds > 1 else 'get an interval'} with more seeds"
    more = (what, again("run", f"confirm.seeds={max(3, 2 * seeds)}"))
    if not found.beats:
        trial = [] if number == BASELINE else ["--trial", str(number)]
        return [
            *([more] if _open(found) else []),
            ("to see why so little is learned", of_study("diagnose", sweep.folder, *trial)),
            ("to see which learning rates work on these data", again("lr-range")),
            ("to see the other search spaces", "python -m tuner list search_spaces"),
        ]
    told = []
    against = evidence.result.against_baseline if evidence.result is not None else None
    if evidence.result is None:
        told.append(("to have a model, of the best trained again on fresh seeds", again("run", "confirm.top=3")))
    elif against is not None and not against.distinguishable:
        told.append(more)
    size = sweep.task.space.size()
    if budget.trials < FEW_TRIALS and (size is None or size > budget.trials):
        told.append(("to search longer", again("run", f"budget.trials={2 * budget.trials}")))
    return told or [("to see the findings of the trials", of_study("diagnose", sweep.folder))]


def _nothing(evidence: Evidence) -> Verdict:
    """The verdict of a sweep without a winner."""
    folder = evidence.sweep.folder
    why = why_none(confirmed=evidence.result is not None)
    if evidence.result is None:
        states = Counter(run.state.value.lower() for run in evidence.scored.trials)
        why += f" ({', '.join(f'{count} {state}' for state, count in states.most_common())})"
        reasons = Counter(run.reason for run in evidence.scored.trials if run.reason)
        why += "".join(f"; most often: {reason.rstrip('.')}" for reason, _ in reasons.most_common(1))
    return Verdict(
        use=f"nothing to use: {why}.",
        beats=False,
        mattered=evidence.told,
        next=[
            ["how each trial ended", of_study("top", folder)],
            ["to see the findings of the trials", of_study("diagnose", folder)],
        ],
    )
