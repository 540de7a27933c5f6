"""What a finished sweep says: the confirmed configurations, the winner, the test, the figures."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from statistics import fmean, stdev
from typing import Any

from tuner.adapters.base import Prepared
from tuner.announcements import Summary
from tuner.disk import events
from tuner.disk.events import RunRecord, read_run, read_runs
from tuner.disk.folder import StudyFolder
from tuner.messages import State
from tuner.objective import Objective
from tuner.reporting.about import About
from tuner.reporting.importance import FEWEST_BEST, importance
from tuner.reporting.intervals import Interval, mean_interval
from tuner.reporting.leaderboard import BASELINE, Scores, confirmation, leaderboard
from tuner.reporting.learned import Course, halfway
from tuner.reporting.repaired import repaired
from tuner.reporting.run_figures import draw_run
from tuner.reporting.separation import separation
from tuner.reporting.table import rows
from tuner.reporting.verdict import Held, verdict, what_to_try
from tuner.sweep.candidates import called
from tuner.sweep.candidates import confirmed as confirmed_runs
from tuner.sweep.choice import seed_scores
from tuner.sweep.ensemble import ensemble
from tuner.sweep.finished import asked
from tuner.sweep.open_sweep import OpenSweep
from tuner.sweep.refit_phase import refitted
from tuner.sweep.refit_phase import told as refit_told
from tuner.words import counted

NO_RESULT = {State.FAILED, State.DIVERGED, State.HOPELESS}
"""States whose reason people ask for first."""
_ENDED = {State.PRUNED: "pruned", State.HOPELESS: "ended as hopeless"}
"""What was done to trials that the confirmation may train to their end."""


def summarize(sweep: OpenSweep, prepared: Prepared) -> Summary:
    """Sum up a sweep whose phases are over; writes the leaderboard and the figures as artifacts."""
    task, folder, objective = sweep.task, sweep.folder, sweep.task.against_trivial
    trials = [record for record in sweep.records("trials/") if sweep.search.fits(record.number)]
    confirmed = confirmed_runs(sweep)
    scored = read_run(folder.events("test")).results
    test = scored.get("test", {})
    drawn = _draw(sweep, trials, confirmed) if task.file.report.figures else []
    mattered, shares, separated = _what_mattered(objective, trials)
    mattered += [repair.sentence for repair in repaired(trials, confirmed, objective)]
    table = [*rows(trials, objective), *rows(confirmed, objective)]
    _write_tables(folder, table, {"importance": shares, "separation": separated})
    common: dict[str, Any] = {
        "headline": headline(folder.name, trials),
        "metric": objective.metric,
        "test_metric": f"test/{objective.name}",
        "has_test": bool(test),
        "importance": shares,
        "separation": separated,
        "drawn": drawn,
        "asked": asked(task),
    }
    if not confirmed:
        best = next(iter(leaderboard(trials, objective)), None)
        if best is None or best.state is not State.COMPLETED:
            return Summary(**common)
        sentence = (
            f"trial {best.number} was chosen by its {best.value:.4g}, the best of the search; nothing confirms it."
        )
        first = _verdict(sweep, prepared, f"trial {best.number}", [best], [])
        sentences = [*first, sentence, *mattered]
        return Summary(**common, sentences=sentences, winner=f"trial {best.number}", winner_params=best.params)
    result = confirmation(seed_scores(confirmed), objective, step=_step(prepared, "val", objective))
    winners = [record for record in confirmed if record.number == result.winner]
    first = []
    if result.winner is not None:
        name, tests = result.configurations[0].name, _tests(test, result.winner, objective)
        first = _verdict(sweep, prepared, name, winners, tests, result.configurations[0].interval)
    joint = ensemble(scored, winners, objective)
    return Summary(
        **common,
        rows=[
            *(_row(scores, _tests(test, scores.number, objective)) for scores in result.configurations),
            _trivial_row(prepared, objective),
        ],
        sentences=[
            *first,
            *result.sentences,
            *([] if joint is None else [joint.sentence]),
            *([] if (refit := refitted(sweep)) is None else [refit_told(refit, test, objective.name)]),
            *_ended_before(trials, result.winner),
            *mattered,
        ],
        ensemble={} if joint is None else joint.facts,
        winner="" if result.winner is None else called(result.winner),
        winner_params=_told_params(sweep, next((record.params for record in winners), {})),
    )


def _ended_before(trials: Sequence[RunRecord], winner: int | None) -> list[str]:
    """That the search had ended the winner early, where it had."""
    return [
        f"trial {record.number} was {_ENDED[record.state]} in the search, at epoch {len(record.epochs)};"
        " the confirmation ran it to completion."
        for record in trials
        if record.number == winner and record.state in _ENDED
    ]


def _verdict(
    sweep: OpenSweep,
    prepared: Prepared,
    name: str,
    runs: Sequence[RunRecord],
    tests: Sequence[float],
    interval: Interval | None = None,
) -> list[str]:
    """Whether the winner is better than the trivial predictor, and what to try where it is not: none or two sentences.

    Args:
        sweep: The sweep.
        prepared: Its data.
        name: The winner.
        runs: Its trainings.
        tests: Their scores on the test data; none where it was not read.
        interval: Of its mean on the validation data, as the confirmation has it.
    """
    task, objective = sweep.task, sweep.task.against_trivial
    scores = [run.value for run in runs if run.state is State.COMPLETED and run.value is not None]
    held = []
    for split, told, values, known in (("val", "validation", scores, interval), ("test", "test", tests, None)):
        trivial = _trivial(prepared, split, objective)
        if trivial is not None and values:
            of_mean = known or mean_interval(values, 0.025, _step(prepared, split, objective), objective.within)
            held.append(Held(told, f"{split}/{objective.name}", values, trivial, of_mean))
    found = verdict(name, held, objective)
    if found.beats:
        return [found.sentence] if found.sentence else []
    size = task.space.size()
    advice = what_to_try(
        runs,
        objective,
        epochs=task.file.budget.epochs,
        trials=task.file.budget.trials if size is None or size > task.file.budget.trials else None,
        items=prepared.counts.get("train", 0),
        more=prepared.advice,
    )
    return [found.sentence, advice]


def _step(prepared: Prepared, split: str, objective: Objective) -> float:
    """What a score moves by where it counts items, else 0."""
    return 1.0 / max(1, prepared.counts.get(split, 0)) if objective.counted else 0.0


def _trivial(prepared: Prepared, split: str, objective: Objective) -> float | None:
    return prepared.trivial.get(split, {}).get(objective.name)


def headline(study: str, trials: Sequence[RunRecord]) -> str:
    """`study digits: 20 trials (12 completed, 8 pruned)`."""
    states = Counter(record.state.value.lower() for record in trials)
    counts = ", ".join(f"{count} {state}" for state, count in states.most_common())
    return f"study {study}: {counted(len(trials), 'trial')} ({counts})"


def study_rows(folder: StudyFolder) -> list[dict[str, Any]]:
    """Trials, best first, then confirmations, as `top` shows them."""
    sweeps = [event for event in events.read(folder.sweep_events) if event["event"] == "sweep"]
    objective = About.of(folder.name, sweeps[-1] if sweeps else {}).objective
    records = list(read_runs(folder.events(run) for run in folder.runs()))
    trials = [record for record in records if record.kind == "trial"]
    confirmed = [record for record in records if record.kind == "confirm"]
    return [*rows(trials, objective), *rows(confirmed, objective)]


def top_failure(folder: StudyFolder) -> str:
    """The most frequent reason of trials without a result; "" when there is none."""
    reasons = Counter(row["reason"] for row in study_rows(folder) if row["state"] in NO_RESULT)
    return reasons.most_common(1)[0][0] if reasons else ""


def _told_params(sweep: OpenSweep, params: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration's parameters, and of the defaults those that a reader would ask for."""
    if not params:
        return {}
    return {**sweep.task.settings(params).headline, **params}


def _tests(test: Mapping[str, Mapping[str, float]], number: int, objective: Objective) -> list[float]:
    prefix = f"confirm/{'baseline' if number == BASELINE else f'{number:05d}'}-"
    return [scores[objective.name] for run, scores in sorted(test.items()) if run.startswith(prefix)]


def _row(scores: Scores, tests: Sequence[float]) -> dict[str, str]:
    return {
        "name": called(scores.number),
        "score": _mean_sd(scores.values),
        "test": _mean_sd(tests),
        "seeds": f"{len(scores.values)} of {len(scores.values) + scores.missing}",
    }


def _trivial_row(prepared: Prepared, objective: Objective) -> dict[str, str]:
    score, test = objective.trivial, _trivial(prepared, "test", objective)
    return {
        "name": objective.trivial_name,
        "score": "-" if score is None else f"{score:.4g}",
        "test": "-" if test is None else f"{test:.4g}",
        "seeds": "",
    }


def _mean_sd(values: Sequence[float]) -> str:
    if not values:
        return "-"
    return f"{fmean(values):.4g} ± {stdev(values):.2g}" if len(values) > 1 else f"{values[0]:.4g}"


def _what_mattered(
    objective: Objective, trials: Sequence[RunRecord]
) -> tuple[list[str], dict[str, float], dict[str, Any]]:
    """Which parameters mattered, and which choice separates: in words, as shares and as `Separation`.

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
    shares = importance(completed, objective, best=best).shares or {}
    sentences = []
    if shares:
        told = ", ".join(f"{name} {share:.0%}" for name, share in list(shares.items())[:4])
        for_what = f" in being among the {best} that learned" if best else ""
        sentences.append(f"what mattered{for_what}, over {len(completed)} completed trials: {told}.")
    whole = {State.COMPLETED, State.DIVERGED}
    courses = [(params, Course(record.series(objective.metric), record.state in whole)) for record, params in over]
    found = separation(courses, objective)
    if found is None:
        return sentences, shares, {}
    return [*sentences, found.sentence(objective)], shares, asdict(found)


def _few_that_learned(values: Sequence[float], objective: Objective) -> int:
    """Trials that learned, where they are enough, and at most half, so that learning at all is the question; else 0."""
    cut = halfway(values, objective)
    learned = 0 if cut is None else sum(objective.better(value, cut) for value in values)
    return learned if FEWEST_BEST <= learned <= len(values) / 2 else 0


def _write_tables(folder: StudyFolder, table: Sequence[Mapping[str, Any]], mattered: Mapping[str, Any]) -> None:
    folder.artifacts.mkdir(exist_ok=True)
    (folder.artifacts / "leaderboard.json").write_text(json.dumps(table, indent=1))
    (folder.artifacts / "what_mattered.json").write_text(json.dumps(mattered, indent=1))


def _draw(sweep: OpenSweep, trials: Sequence[RunRecord], confirmed: Sequence[RunRecord]) -> list[str]:
    """Figures of the sweep, and of the runs that people open: the best, the failed, the confirmed."""
    from tuner.reporting.drawing import save  # matplotlib, only where it is needed
    from tuner.reporting.search_figures import sweep_figures

    task, folder, objective = sweep.task, sweep.folder, sweep.task.against_trivial
    for name, figure in sweep_figures(trials, objective).items():
        save(figure, folder.artifacts / f"{name}.png")
    ranked = leaderboard(trials, objective)
    bad = [record for record in ranked if record.state in NO_RESULT]
    chosen = {record.run: record for record in [*ranked[: task.file.report.figures], *bad, *confirmed]}
    drawn = []
    for run, record in chosen.items():
        if draw_run(folder, record, objective):
            drawn.append(run)
    return drawn
