"""What to use, how good it is on new data, and whether that is better than doing nothing clever."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from tuner.report.section import Section
from tuner.report.study import ReportedStudy
from tuner.report.svg import shown
from tuner.report.templates import filled
from tuner.reporting.commands import to_use
from tuner.reporting.intervals import mean_interval
from tuner.reporting.leaderboard import BASELINE
from tuner.reporting.verdict import Held, why_none
from tuner.reporting.verdict import Verdict as Judgement
from tuner.reporting.verdict import verdict as judged
from tuner.words import called, capital, counted, on_fresh, spoken_score

PER_CENT = {"accuracy", "macro_f1", "micro_f1", "balanced_accuracy", "f1", "segment_f1"}
"""Scores that are written in per cent."""


@dataclass(frozen=True)
class Tile:
    """A number at the top of the page.

    Args:
        value: The shown text.
        label: Its description.
        best: Whether it is the winner's.
    """

    value: str
    label: str
    best: bool = False


def verdict(study: ReportedStudy) -> Section:
    """The answers to five questions."""
    judgement = judge(study)
    told = [judgement.good, *judgement.remarks] if judgement.good else []
    body = filled(
        "verdict.html",
        study=study,
        state=_state(study),
        standing=_standing(study, judgement),
        headline=_headline(study, judgement),
        tiles=_tiles(study),
        answers=[
            ("Which model?", _which(study)),
            ("How good is it on new data?", " ".join(capital(each) for each in told) if told else _how_good(study)),
            ("Is it better than doing nothing clever?", _better(study, judgement)),
            ("What mattered?", _mattered(study, judgement)),
            ("What do I do next?", _next(study, judgement)),
        ],
        more=judgement.details(study.summary.get("sentences") or ()),
    )
    return Section("verdict", "The verdict", "Verdict", body)


def judge(study: ReportedStudy) -> Judgement:
    """The study's verdict; before there is one, the comparison of the leader with the trivial predictor."""
    if concluded := study.summary.get("verdict"):
        return Judgement(**concluded)
    if study.winner is None:
        return Judgement("", beats=False)
    objective = study.objective
    held = []
    for split, told, values in (
        ("val", "validation", study.scored.validation(study.winner)),
        ("test", "test", study.scored.tests(study.winner)),
    ):
        trivial = study.scored.trivial(split)
        if trivial is not None and values:
            interval = mean_interval(values, 0.025, 0.0, objective.within)
            held.append(Held(told, f"{split}/{objective.name}", values, trivial, interval))
    return judged(called(study.winner), held, objective)


def score_text(values: Sequence[float], name: str, *, spread: bool = True) -> str:
    """The mean of scores with their spread: `98.1 % ± 0.4`; "-" without any."""
    if not values:
        return "-"
    times, unit = (100, " %") if name in PER_CENT else (1, "")
    mean = f"{times * fmean(values):.1f}" if unit else f"{fmean(values):.4g}"
    if spread and len(values) > 1:
        sd = times * stdev(values)
        return f"{mean} ± {sd:.1f}{unit}" if unit else f"{mean} ± {sd:.2g}"
    return mean + unit


def _state(study: ReportedStudy) -> str:
    states = Counter(one.state.value.lower() if one.state.final else "not over" for one in study.trials)
    counts = ", ".join(f"{count} {state}" for state, count in states.most_common())
    asked = study.sweep.get("trials")
    told = f"{counted(len(study.trials), 'trial')}{f' of {asked}' if asked and asked > len(study.trials) else ''}"
    return f"{told} ({counts})" if counts else told


def _standing(study: ReportedStudy, judgement: Judgement) -> str:
    if study.winner is None:
        return "bad"
    if not judgement.beats:
        return "bad" if "not better" in judgement.sentence else "unsure"
    return "good" if study.finished and study.confirmed else "unsure"


def _headline(study: ReportedStudy, judgement: Judgement) -> str:
    """The headline, which says if the result is not final."""
    if not study.trials:
        return "No trial has begun."
    if study.winner is None:
        over = any(one.state.final for one in study.trials)
        if study.confirmed:
            return f"{capital(why_none(confirmed=True))}: there is nothing to use."
        return "No trial has completed: there is nothing to use." if over else "No trial is over yet."
    name = called(study.winner)
    if not judgement.beats and judgement.sentence:
        return f"{judgement.sentence.split(f'({study.objective.trivial_name})')[0]}({study.objective.trivial_name})."
    if study.finished and study.confirmed:
        seeds = len(study.winner_runs)
        return f"Use {name}: the best {'mean ' if seeds > 1 else ''}{on_fresh(seeds)}."
    if study.finished:
        return f"{name.capitalize()} was the best of the search; nothing confirms it."
    now = "so far, while the study runs" if study.running else "so far; the study did not come to its end"
    return f"{name.capitalize()} leads {now}."


def _tiles(study: ReportedStudy) -> list[Tile]:
    if study.winner is None:
        return []
    name, has_test = study.readable, bool(study.scored.tests(study.winner))
    split = "test" if has_test else "val"
    data = "test data" if has_test else "validation data"
    values = study.scored.tests(study.winner, name) if has_test else study.scored.fresh(study.winner, name)
    if not values and (best := next((study.about.best(one) for one in study.winner_runs), None)) is not None:
        name, values = study.objective.name, [best[1]]
    tiles = [Tile(score_text(values, name), f"{called(study.winner)}, {spoken_score(name)} on {data}", best=True)]
    if study.winner != BASELINE:
        baseline = study.scored.tests(BASELINE, name) if has_test else study.scored.fresh(BASELINE, name)
        tiles += [Tile(score_text(baseline, name), "baseline")] if baseline else []
    trivial = study.scored.trivial(split, name)
    others = {study.objective.trivial_name: trivial}
    others |= {method: study.scored.floor(method, split, name) for method in study.scored.floors}
    return [*tiles, *(Tile(score_text([value], name), label) for label, value in others.items() if value is not None)]


def _which(study: ReportedStudy) -> str:
    if study.winner is None:
        return f"None: {why_none(confirmed=bool(study.confirmed))}."
    params = ", ".join(f"{name} {shown(value)}" for name, value in study.winner_params.items())
    return f"{called(study.winner).capitalize()}: {params}."


def _how_good(study: ReportedStudy) -> str:
    if study.winner is None:
        return "That is not known."
    objective, name = study.objective, study.readable
    tests, fresh = study.scored.tests(study.winner), study.scored.fresh(study.winner)
    searched = study.scored.searched(study.winner)
    parts = []
    if tests:
        own = score_text(study.scored.tests(study.winner, name), name)
        beside = "" if name == objective.name else f" (test/{objective.name} {score_text(tests, objective.name)})"
        told = f"{spoken_score(name)} {own} on test data that the search never saw{beside}"
        parts.append(f"{told}, {counted(len(tests), 'training')}.")
    else:
        parts.append("The test data was not read.")
    if fresh:
        parts.append(
            f"On validation data {objective.metric} is {score_text(fresh, objective.name)} {on_fresh(len(fresh))}"
        )
        parts[-1] += f"; it was {searched:.4g} in the search." if searched is not None else "."
    elif searched is not None:
        parts.append(f"{objective.metric} was {searched:.4g} in the search: the best of many scores is partly luck.")
    return " ".join(parts)


def _better(study: ReportedStudy, judgement: Judgement) -> str:
    if study.winner is None:
        return f"No: {why_none(confirmed=bool(study.confirmed))}."
    if not judgement.sentence:
        return "That is not known: there is no trivial predictor to compare with."
    sentence = capital(judgement.sentence)
    sentence += f" {capital(judgement.floors)}" if judgement.floors else ""
    sentence += f" {capital(judgement.noise)}" if judgement.noise else _beside_baseline(study)
    if judgement.beats:
        return f"Yes. {sentence}"
    return f"No. {sentence}" if "not better" in judgement.sentence else f"Perhaps not. {sentence}"


def _beside_baseline(study: ReportedStudy) -> str:
    """A sentence whether it is better than the baseline, if both were confirmed."""
    told = study.result.against_baseline if study.result is not None else None
    if told is None or told.first != study.winner:
        return ""
    own = [str(sentence) for sentence in study.summary.get("sentences") or ()]
    sentence = next((one for one in own if "the baseline" in one and one.startswith(study.winner_name)), told.sentence)
    return f" {capital(sentence)}"


def _mattered(study: ReportedStudy, judgement: Judgement) -> str:
    return capital(judgement.mattered or study.importances.sentence)


def _next(study: ReportedStudy, judgement: Judgement) -> str:
    name = study.name
    if not study.finished:
        if study.running:
            return "Wait: the study is running. Make this report again to see newer results."
        return f"Resume study {name} with the same command, `python -m tuner run`."
    if study.winner is None:
        reasons = Counter(one.reason for one in study.confirmed or study.trials if one.reason)
        why = f" The most frequent reason: {reasons.most_common(1)[0][0]}" if reasons else ""
        then = "".join(f" {capital(what)}: `{command}`." for what, command in judgement.next)
        return f"Look at what went wrong, below, and run it again.{why}{then}"
    told = [str(sentence) for sentence in study.summary.get("sentences") or ()]
    advice = judgement.advice or next((sentence for sentence in told if sentence.startswith("what to try")), "")
    if judgement.next:
        use = f"To use the model: `{_use(study)}`." if study.summary.get("model") else ""
        commands = [f"{capital(what)}: `{command}`." for what, command in judgement.next]
        return " ".join(each for each in (capital(advice), use, *commands) if each)
    if advice and not judgement.beats:
        return capital(advice)
    if study.summary.get("model"):
        return f"Use the model: `{_use(study)}`. Raise budget.trials to search longer."
    again = study.again("rerun", str(max(0, study.winner)))
    return f"Train it again with `{again}`, or raise budget.trials to search longer."


def _use(study: ReportedStudy) -> str:
    return to_use(study.folder.model, study.summary.get("own_code") or "", "NEW_DATA", "-o", "answers.csv")
