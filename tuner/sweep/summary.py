"""What a finished sweep says: the verdict, the confirmed configurations, the test, what mattered."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from statistics import fmean, stdev
from typing import Any

from tuner.adapters.base import Prepared
from tuner.announcements import Summary
from tuner.disk.events import RunRecord, read_run
from tuner.disk.folder import StudyFolder
from tuner.messages import State
from tuner.objective import Objective
from tuner.reporting.conclusion import Readable
from tuner.reporting.importance import FEWEST_BEST, importance
from tuner.reporting.leaderboard import Confirmation, Scores, confirmation, leaderboard
from tuner.reporting.learned import Course, halfway
from tuner.reporting.repaired import repaired
from tuner.reporting.separation import separation
from tuner.reporting.table import rows
from tuner.sweep.candidates import confirmed as confirmed_runs
from tuner.sweep.choice import seed_scores
from tuner.sweep.concluding import Evidence, conclude, readable_of
from tuner.sweep.drawing import to_draw
from tuner.sweep.ensemble import ensemble
from tuner.sweep.finished import asked
from tuner.sweep.open_sweep import OpenSweep
from tuner.sweep.refit_phase import refitted
from tuner.sweep.refit_phase import told as refit_told
from tuner.words import called, counted

_ENDED = {State.PRUNED: "pruned", State.HOPELESS: "ended as hopeless"}
"""What was done to trials that the confirmation may train to their end."""


def summarize(sweep: OpenSweep, prepared: Prepared) -> Summary:
    """Sum up a sweep whose phases are over; writes the tables as artifacts. Figures are drawn later."""
    task, folder, objective = sweep.task, sweep.folder, sweep.task.against_trivial
    trials = [record for record in sweep.records("trials/") if sweep.search.fits(record.number)]
    confirmed = confirmed_runs(sweep)
    scored = read_run(folder.events("test")).results
    test = scored.get("test", {})
    mattered, shares, separated, reason = _what_mattered(objective, trials)
    repairs = [repair.sentence for repair in repaired(trials, confirmed, objective)]
    table = [*rows(trials, objective), *rows(confirmed, objective)]
    _write_tables(folder, table, {"importance": shares, "separation": separated})
    result = None
    if confirmed:
        result = confirmation(seed_scores(confirmed), objective, step=_step(prepared, "val", objective))
    names = [*shares, *([separated["parameter"]] if separated else [])]
    told = mattered[0] if mattered else f"what mattered cannot be said: {reason}" if reason else ""
    evidence = Evidence(sweep, prepared, trials, confirmed, test, result, names, told)
    winner = _winner(trials, confirmed, result, objective)
    found = conclude(evidence, winner, result.configurations[0].interval if result and winner else None)
    sentences = [found.sentence, found.advice, *_chosen(winner, result)]
    joint = None
    if result is not None:
        winners = [record for record in confirmed if record.number == result.winner]
        joint = ensemble(scored, winners, objective)
        sentences += [
            *result.sentences,
            *([] if joint is None else [joint.sentence]),
            *([] if (refit := refitted(sweep)) is None else [refit_told(refit, test, objective.name)]),
            *_ended_before(trials, result.winner),
        ]
    readable = readable_of(task.adapter.metrics, objective)
    return Summary(
        headline=headline(folder.name, trials),
        metric=objective.metric,
        test_metric=f"test/{objective.name}",
        readable_metric="" if readable.name == objective.name else f"test/{readable.name}",
        verdict=found.as_json(),
        rows=[] if result is None else _rows(evidence, result, readable),
        sentences=[sentence for sentence in [*sentences, *mattered, *repairs] if sentence],
        winner="" if winner is None else called(winner.number),
        winner_params={} if winner is None else _told_params(sweep, winner.params, confirmed=result is not None),
        has_test=bool(test),
        importance=shares,
        separation=separated,
        drawn=to_draw(trials, confirmed, objective, best=task.file.report.figures),
        asked=asked(task),
        ensemble={} if joint is None else joint.facts,
    )


def _winner(
    trials: Sequence[RunRecord], confirmed: Sequence[RunRecord], result: Confirmation | None, objective: Objective
) -> RunRecord | None:
    """A run of the configuration that is chosen; without a confirmation the best of the search."""
    if result is not None:
        return next((record for record in confirmed if record.number == result.winner), None)
    best = next(iter(leaderboard(trials, objective)), None)
    return best if best is not None and best.state is State.COMPLETED else None


def _chosen(winner: RunRecord | None, result: Confirmation | None) -> list[str]:
    """That nothing confirms the winner, where nothing does."""
    if winner is None or result is not None:
        return []
    told = f"trial {winner.number} was chosen by its {winner.value:.4g}, the best of the search; nothing confirms it."
    return [told]


def _ended_before(trials: Sequence[RunRecord], winner: int | None) -> list[str]:
    """That the search had ended the winner early, where it had."""
    return [
        f"trial {record.number} was {_ENDED[record.state]} in the search, at epoch {len(record.epochs)};"
        " the confirmation ran it to completion."
        for record in trials
        if record.number == winner and record.state in _ENDED
    ]


def _step(prepared: Prepared, split: str, objective: Objective) -> float:
    """What a score moves by where it counts items, else 0."""
    return 1.0 / max(1, prepared.counts.get(split, 0)) if objective.counted else 0.0


def headline(study: str, trials: Sequence[RunRecord]) -> str:
    """`study digits: 20 trials (12 completed, 8 pruned)`."""
    states = Counter(record.state.value.lower() for record in trials)
    counts = ", ".join(f"{count} {state}" for state, count in states.most_common())
    return f"study {study}: {counted(len(trials), 'trial')} ({counts})"


def _told_params(sweep: OpenSweep, params: Mapping[str, Any], *, confirmed: bool) -> dict[str, Any]:
    """A configuration's parameters, and of the defaults those that a reader would ask for."""
    if not params or not confirmed:
        return dict(params)
    return {**sweep.task.settings(params).headline, **params}


def _rows(evidence: Evidence, result: Confirmation, readable: Readable) -> list[dict[str, str]]:
    """Every configuration and the trivial predictor, where each ranks; those that cannot win come last."""
    objective = evidence.objective
    trivial = objective.trivial
    ranked: list[tuple[bool, float, dict[str, str]]] = [
        (not scores.eligible, objective.loss(scores.mean), _row(evidence, scores, readable))
        for scores in result.configurations
    ]
    ranked.append((trivial is None, objective.loss(trivial), _trivial_row(evidence, readable)))
    return [row for *_, row in sorted(ranked, key=lambda place: place[:2])]


def _row(evidence: Evidence, scores: Scores, readable: Readable) -> dict[str, str]:
    known = evidence.tests(scores.number, readable.name)
    searched = next((run.value for run in evidence.trials if run.number == scores.number), None)
    return {
        "name": called(scores.number),
        "searched": "-" if searched is None else f"{searched:.4g}",
        "score": _mean_sd(scores.values),
        "test": _mean_sd(evidence.tests(scores.number, evidence.objective.name)),
        "readable": readable.text(known) if known else "-",
        "seeds": f"{len(scores.values)} of {len(scores.values) + scores.missing}",
    }


def _trivial_row(evidence: Evidence, readable: Readable) -> dict[str, str]:
    objective = evidence.objective
    test, known = evidence.trivial("test", objective.name), evidence.trivial("test", readable.name)
    return {
        "name": objective.trivial_name,
        "searched": "-",
        "score": "-" if objective.trivial is None else f"{objective.trivial:.4g}",
        "test": "-" if test is None else f"{test:.4g}",
        "readable": "-" if known is None else readable.text([known]),
        "seeds": "",
    }


def _mean_sd(values: Sequence[float]) -> str:
    if not values:
        return "-"
    return f"{fmean(values):.4g} ± {stdev(values):.2g}" if len(values) > 1 else f"{values[0]:.4g}"


def _what_mattered(
    objective: Objective, trials: Sequence[RunRecord]
) -> tuple[list[str], dict[str, float], dict[str, Any], str]:
    """Which parameters mattered, and which choice separates: in words, as shares, as `Separation`; else why not.

    Importance is over completed trials: in reaching the best tenth, or in learning at all, where at most half did. A
    choice is judged by all trials that came to an end of their own, as those that learn nothing are pruned, after the
    same number of epochs.
    """
    over = [
        (record, {name: record.params[name] for name in record.searched if name in record.params})
        for record in trials
        if record.state.final and record.state is not State.FAILED
    ]
    completed = [
        (params, record.value)
        for record, params in over
        if record.state is State.COMPLETED and record.value is not None
    ]
    best = _few_that_learned([value for _, value in completed], objective)
    measured = importance(completed, objective, best=best)
    shares = measured.shares or {}
    sentences = []
    if shares:
        told = ", ".join(f"{name} {share:.0%}" for name, share in list(shares.items())[:4])
        for_what = f" in being among the {best} that learned" if best else ""
        sentences.append(f"what mattered{for_what}, over {len(completed)} completed trials: {told}.")
    whole = {State.COMPLETED, State.DIVERGED}
    courses = [(params, Course(record.series(objective.metric), record.state in whole)) for record, params in over]
    found = separation(courses, objective)
    if found is None:
        return sentences, shares, {}, measured.reason
    return [*sentences, found.sentence(objective)], shares, asdict(found), measured.reason


def _few_that_learned(values: Sequence[float], objective: Objective) -> int:
    """Trials that learned, where they are enough, and at most half, so that learning at all is the question; else 0."""
    cut = halfway(values, objective)
    learned = 0 if cut is None else sum(objective.better(value, cut) for value in values)
    return learned if FEWEST_BEST <= learned <= len(values) / 2 else 0


def _write_tables(folder: StudyFolder, table: Sequence[Mapping[str, Any]], mattered: Mapping[str, Any]) -> None:
    folder.artifacts.mkdir(exist_ok=True)
    (folder.artifacts / "leaderboard.json").write_text(json.dumps(table, indent=1))
    (folder.artifacts / "what_mattered.json").write_text(json.dumps(mattered, indent=1))
