"""The summary of a finished sweep: verdict, confirmed configurations, test, what mattered."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from statistics import fmean, stdev
from typing import Any

from tuner.adapters.base import Prepared
from tuner.announcements import Summary
from tuner.disk.events import RunRecord, read_run
from tuner.disk.folder import StudyFolder
from tuner.messages import State
from tuner.objective import Objective
from tuner.reporting.comparable import comparable
from tuner.reporting.conclusion import Readable
from tuner.reporting.ensemble import ensemble
from tuner.reporting.leaderboard import Confirmation, Scores, confirmation, leaderboard
from tuner.reporting.learned import Course
from tuner.reporting.learning_on import learning_on
from tuner.reporting.mattering import importances
from tuner.reporting.refitted import refitted
from tuner.reporting.repaired import repaired
from tuner.reporting.scored import Scored, seed_scores
from tuner.reporting.separation import Separation, separation
from tuner.reporting.table import as_csv, rows
from tuner.sweep import refit_phase
from tuner.sweep.candidates import confirm_rounds
from tuner.sweep.candidates import confirmed as confirmed_runs
from tuner.sweep.concluding import Evidence, conclude
from tuner.sweep.drawing import to_draw
from tuner.sweep.finished import asked
from tuner.sweep.open_sweep import OpenSweep
from tuner.words import called, counted

_ENDED = {State.PRUNED: "pruned", State.HOPELESS: "ended as hopeless"}
"""How the search ended trials early that the confirmation may run to completion."""


def summarize(sweep: OpenSweep, prepared: Prepared) -> Summary:
    """Summarize a sweep whose phases are over; writes the tables as artifacts. Figures are drawn later."""
    task, folder, objective = sweep.task, sweep.folder, sweep.task.against_trivial
    trials = [record for record in sweep.records("trials/") if sweep.search.fits(record.number)]
    confirmed = confirmed_runs(sweep)
    scored = read_run(folder.events("test")).results
    test = scored.get("test", {})
    mattered = importances(comparable(trials, objective), objective, task.space.domains)
    found = _separation(objective, trials)
    separated = {} if found is None else asdict(found)
    repairs = [repair.sentence for repair in repaired(trials, confirmed, objective)]
    table = [*rows(trials, objective), *rows(confirmed, objective)]
    _write_tables(folder, table, {**mattered.as_json(), "separation": separated})
    result, seeds = None, len(confirm_rounds(sweep))
    if confirmed:
        step = _step(prepared, "val", objective)
        result = confirmation(seed_scores(confirmed), objective, step=step, seeds=seeds)
    scores = Scored(objective, trials, confirmed, test, prepared.trivial, prepared.floors)
    names = [*mattered.shares, *([] if found is None else [found.parameter])]
    told = mattered.sentence if mattered.parameters or found is None else found.sentence(objective)
    winners = [] if result is None else [record for record in confirmed if record.number == result.winner]
    joint = ensemble(scored, winners, objective)
    evidence = Evidence(sweep, prepared, scores, result, names, told, joint, scored.get("items", {}))
    winner = _winner(trials, confirmed, result, objective)
    verdict = conclude(evidence, winner, result.configurations[0].interval if result and winner else None)
    sentences = [verdict.sentence, verdict.advice, *_chosen(winner, result)]
    if result is not None:
        sentences += [
            *result.sentences,
            *([] if joint is None else [joint.sentence]),
            *_fitted(scored, [record.run for record in winners]),
            learning_on(test, [record.run for record in winners], objective.name),
            refitted(refit_phase.refitted(sweep), scored, objective.name),
            *_ended_before(trials, result.winner),
        ]
    readable = task.readable
    if mattered.parameters:
        sentences.append(mattered.sentence)
    if found is not None:
        sentences.append(found.sentence(objective))
    return Summary(
        headline=headline(folder.name, trials),
        metric=objective.metric,
        test_metric=f"test/{objective.name}",
        readable_metric="" if readable.name == objective.name else f"test/{readable.name}",
        verdict=verdict.as_json(),
        rows=[] if result is None else _rows(evidence, result, readable),
        sentences=[sentence for sentence in [*sentences, *repairs] if sentence],
        winner="" if winner is None else called(winner.number),
        winner_params={} if winner is None else _told_params(sweep, winner.params, confirmed=result is not None),
        has_test=bool(test),
        importance=mattered.shares,
        separation=separated,
        drawn=to_draw(trials, confirmed, objective, best=task.file.report.figures),
        asked=asked(task),
        seeds=0 if result is None or result.winner is None else seeds,
        ensemble={} if joint is None else joint.facts,
    )


def _winner(
    trials: Sequence[RunRecord], confirmed: Sequence[RunRecord], result: Confirmation | None, objective: Objective
) -> RunRecord | None:
    """A run of the chosen configuration; without a confirmation the best of the search."""
    if result is not None:
        return next((record for record in confirmed if record.number == result.winner), None)
    best = next(iter(leaderboard(trials, objective)), None)
    return best if best is not None and best.state is State.COMPLETED else None


def _chosen(winner: RunRecord | None, result: Confirmation | None) -> list[str]:
    """A sentence that the winner is not confirmed, if so."""
    if winner is None or result is not None:
        return []
    told = f"trial {winner.number} was chosen by its {winner.value:.4g}, the best of the search; nothing confirms it."
    return [told]


def _fitted(scored: Mapping[str, Any], runs: Sequence[str]) -> list[str]:
    """A sentence about what was fitted after training, for the winner's seeds."""
    found = [values for run in runs if (values := scored.get("fitted", {}).get(run))]
    told = []
    for name in found[0] if found else ():
        least, most = (choose(values[name] for values in found) for choose in (min, max))
        told.append(f"{name} {least:.3g}" + (f" to {most:.3g}" if most > least else ""))
    return [f"fitted on validation data, and kept with each seed's model: {', '.join(told)}."] if told else []


def _ended_before(trials: Sequence[RunRecord], winner: int | None) -> list[str]:
    """A sentence that the search had ended the winner early, if so."""
    return [
        f"trial {record.number} was {'cut short' if record.cut_short else _ENDED[record.state]} in the search, "
        f"at epoch {len(record.epochs)}; the confirmation ran it to completion."
        for record in trials
        if record.number == winner and record.state in _ENDED
    ]


def _step(prepared: Prepared, split: str, objective: Objective) -> float:
    """The smallest change of a score that counts items, else 0."""
    return 1.0 / max(1, prepared.counts.get(split, 0)) if objective.counted else 0.0


def headline(study: str, trials: Sequence[RunRecord]) -> str:
    """`study digits: 20 trials (12 completed, 8 pruned)`."""
    states = Counter(record.state.value.lower() for record in trials)
    counts = ", ".join(f"{count} {state}" for state, count in states.most_common())
    return f"study {study}: {counted(len(trials), 'trial')} ({counts})"


def _told_params(sweep: OpenSweep, params: Mapping[str, Any], *, confirmed: bool) -> dict[str, Any]:
    """A configuration's parameters, with the defaults that a reader would ask for."""
    if not params or not confirmed:
        return dict(params)
    return {**sweep.task.settings(params).headline, **params}


def _rows(evidence: Evidence, result: Confirmation, readable: Readable) -> list[dict[str, str]]:
    """Every configuration, the trivial predictor and other methods by rank; those that cannot win come last."""
    objective = evidence.objective
    trivial = objective.trivial
    ranked: list[tuple[bool, float, dict[str, str]]] = [
        (not scores.eligible, objective.loss(scores.mean), _row(evidence, scores, readable))
        for scores in result.configurations
    ]
    ranked.append((trivial is None, objective.loss(trivial), _other_row(evidence, readable)))
    for method in evidence.scored.floors:
        value = evidence.scored.floor(method, "val")
        ranked.append((value is None, objective.loss(value), _other_row(evidence, readable, method)))
    return [row for *_, row in sorted(ranked, key=lambda place: place[:2])]


def _row(evidence: Evidence, scores: Scores, readable: Readable) -> dict[str, str]:
    known = evidence.scored.tests(scores.number, readable.name)
    searched = evidence.scored.searched(scores.number)
    return {
        "name": called(scores.number),
        "searched": "-" if searched is None else f"{searched:.4g}",
        "score": _mean_sd(scores.values),
        "test": _mean_sd(evidence.scored.tests(scores.number, evidence.objective.name)),
        "readable": readable.text(known) if known else "-",
        "seeds": f"{len(scores.values)} of {max(scores.trained, scores.asked)}",
    }


def _other_row(evidence: Evidence, readable: Readable, method: str = "") -> dict[str, str]:
    """The trivial predictor, or another method that is no network."""
    scored, objective = evidence.scored, evidence.objective
    of = partial(scored.floor, method) if method else scored.trivial
    val, test, known = of("val"), of("test"), of("test", readable.name)
    return {
        "name": method or objective.trivial_name,
        "searched": "-",
        "score": "-" if val is None else f"{val:.4g}",
        "test": "-" if test is None else f"{test:.4g}",
        "readable": "-" if known is None else readable.text([known]),
        "seeds": "",
    }


def _mean_sd(values: Sequence[float]) -> str:
    if not values:
        return "-"
    return f"{fmean(values):.4g} ± {stdev(values):.2g}" if len(values) > 1 else f"{values[0]:.4g}"


def _separation(objective: Objective, trials: Sequence[RunRecord]) -> Separation | None:
    """The choice that separates trials that learned from others, by all finished trials, pruned ones too."""
    whole = {State.COMPLETED, State.DIVERGED}
    return separation(
        [
            (one.active, Course(one.series(objective.metric), one.state in whole))
            for one in trials
            if one.state.final and one.state is not State.FAILED
        ],
        objective,
    )


def _write_tables(folder: StudyFolder, table: Sequence[Mapping[str, Any]], mattered: Mapping[str, Any]) -> None:
    folder.artifacts.mkdir(exist_ok=True)
    (folder.artifacts / "leaderboard.json").write_text(json.dumps(table, indent=1))
    (folder.artifacts / "leaderboard.csv").write_text(as_csv(table))
    (folder.artifacts / "what_mattered.json").write_text(json.dumps(mattered, indent=1))
