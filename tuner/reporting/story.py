"""The story of a study and of a trial: what was found, what goes with it, what repairs did. Nothing is read here."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tuner.diagnostics import names
from tuner.diagnostics.case import Case
from tuner.diagnostics.catalog import FINDINGS
from tuner.diagnostics.finding import Finding
from tuner.diagnostics.judging import judge, rules
from tuner.diagnostics.rules.rule import Rule
from tuner.disk.events import RunRecord
from tuner.errors import StudyError
from tuner.messages import Epoch, State
from tuner.objective import Objective
from tuner.reporting.contrasts import Contrast, Group, contrasts, wilson
from tuner.reporting.drawing import lag_of, run_name
from tuner.reporting.intervals import Interval
from tuner.reporting.repaired import Repaired, repaired
from tuner.reporting.separation import LEVEL


@dataclass(frozen=True)
class About:
    """What must be known of a study beside its runs.

    Args:
        study: Its name.
        metric: The objective.
        maximize: Whether higher values are better.
        epochs: Of a full trial; 0 where that is not known.
        trivial: Scores of the trivial predictor on the validation split, by name without the split.
        trivial_name: What it is called.
        thresholds: Finding -> its thresholds that differ from the defaults, for runs without findings on record.
    """

    study: str
    metric: str
    maximize: bool
    epochs: int = 0
    trivial: Mapping[str, float] = field(default_factory=dict)
    trivial_name: str = "trivial predictor"
    thresholds: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def trivial_value(self) -> float | None:
        """The trivial predictor's objective, where it is known."""
        return self.trivial.get(self.metric.removeprefix("val/"))

    def best(self, record: RunRecord) -> tuple[int, float] | None:
        """Epoch and value of the best objective; None where no epoch has a finite one."""
        found = [(epoch, value) for epoch, value in record.series(self.metric).items() if math.isfinite(value)]
        return (max if self.maximize else min)(found, key=lambda pair: pair[1], default=None)

    def is_better(self, value: float, than: float) -> bool:
        """Whether a value of the objective is better than another."""
        return value > than if self.maximize else value < than


@dataclass(frozen=True)
class Share:
    """So many of so many trials, with Wilson's 95 % interval of the share."""

    hits: int
    trials: int
    interval: Interval

    @classmethod
    def of(cls, group: Group) -> Share:
        """Of a group of trials, one at least."""
        return cls(group.hits, group.trials, wilson(group.hits, group.trials))

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.hits} of {self.trials} ({100 * low:.0f} to {100 * high:.0f} %)"


@dataclass(frozen=True)
class Link:
    """How often a symptom is seen with a choice, and without it.

    Args:
        parameter: A searched parameter.
        choice: A value, or part of its range.
        having: The trials with the choice.
        others: Those with another choice of the parameter.
        probability: Of so large a difference by chance: Fisher's exact test, two-sided, times the `comparisons` of the
            study's story (Bonferroni).
    """

    parameter: str
    choice: str
    having: Share
    others: Share
    probability: float

    @property
    def told(self) -> bool:
        """Whether that is more than chance."""
        return self.probability <= LEVEL


@dataclass(frozen=True)
class Symptom:
    """A finding over all trials that the search drew.

    Args:
        name: Its name in the catalog.
        share: In how many of those that were judged.
        numbers: Their numbers.
        links: Every choice that was compared, the least probable by chance first.
    """

    name: str
    share: Share
    numbers: tuple[int, ...]
    links: tuple[Link, ...]


@dataclass(frozen=True)
class Hopeless:
    """Trials that a rule ended early.

    Args:
        numbers: Their numbers.
        epochs: What they trained together.
        saved_epochs: What was left to train of them.
        saved_seconds: How long that would have taken at their own pace.
    """

    numbers: tuple[int, ...] = ()
    epochs: int = 0
    saved_epochs: int = 0
    saved_seconds: float = 0.0


@dataclass(frozen=True)
class StudyStory:
    """What the trials of a study have in common.

    Args:
        about: The study.
        states: State -> number of trials.
        judged: Trials of the search, repairs left out, in which findings were looked for.
        rejudged: Those of them that had no findings on record and were judged from their numbers.
        symptoms: The most frequent first.
        comparisons: How many choices were compared in all, of which something could have been told.
        repairs: Those that are over, by number.
        helped: How many helped of those of which that is known; None without any.
        hopeless: What was ended early.
    """

    about: About
    states: Mapping[str, int]
    judged: int
    rejudged: int
    symptoms: tuple[Symptom, ...]
    comparisons: int
    repairs: tuple[Repaired, ...]
    helped: Share | None
    hopeless: Hopeless

    def as_json(self) -> dict[str, Any]:
        """JSON-able fields."""
        return asdict(self)


def study_story(records: Sequence[RunRecord], about: About, confirmed: Sequence[RunRecord] = ()) -> StudyStory:
    """The story of a study.

    What goes with a symptom is told of the trials that the search drew. Repairs are no draws: they are told by
    themselves. A sampler that learns does not draw evenly, so that a link is a hint at a cause, as in any study that is
    no experiment.

    Args:
        records: All trials of the search.
        about: The study.
        confirmed: Its confirmations, which tell what another seed does.
    """
    over = [record for record in records if record.state.final and not record.repairs and record.epochs]
    found = {record.number: findings(record, about) for record in over}
    names_of = {number: list(dict.fromkeys(finding.name for finding in here)) for number, here in found.items()}
    searched = [
        ({name: record.params[name] for name in record.searched if name in record.params}, record.number)
        for record in over
    ]
    counts = Counter(name for here in names_of.values() for name in here)
    compared: dict[str, list[Contrast]] = {
        name: contrasts([(params, name in names_of[number]) for params, number in searched]) for name in counts
    }
    comparisons = sum(one.least <= LEVEL for here in compared.values() for one in here)
    symptoms = tuple(
        Symptom(
            name,
            Share.of(Group(name, count, len(over))),
            tuple(sorted(number for number, here in names_of.items() if name in here)),
            tuple(sorted((_link(one, comparisons) for one in compared[name]), key=lambda link: link.probability)),
        )
        for name, count in counts.most_common()
    )
    repairs = tuple(repaired(records, confirmed, about.metric, about.maximize))
    known = [one.helped for one in repairs if one.helped is not None]
    return StudyStory(
        about=about,
        states=dict(Counter(record.state.value for record in records)),
        judged=len(over),
        rejudged=sum(not is_judged(record) for record in over),
        symptoms=symptoms,
        comparisons=comparisons,
        repairs=repairs,
        helped=Share.of(Group("", sum(known), len(known))) if known else None,
        hopeless=_hopeless(records, about),
    )


def is_judged(record: RunRecord) -> bool:
    """Whether findings are on record: not before a run is over, nor in studies of older versions."""
    return record.results.get("findings") is not None


def findings(record: RunRecord, about: About) -> list[Finding]:
    """What was found in a run; where that is not on record, what its numbers say under the study's thresholds.

    Raises:
        StudyError: The record is damaged.
    """
    if is_judged(record):
        try:
            return [Finding.from_json(fields) for fields in record.results["findings"]]
        except (TypeError, LookupError, ValueError) as error:
            raise StudyError(
                f"the findings of {record.run} must be as they were written",
                value=repr(error),
                fix="Restore its events.jsonl from a copy.",
            ) from error
    return judge(case_of(record, about), _rules(about))


def _rules(about: About) -> list[Rule[Any]]:
    try:
        if set(about.thresholds) <= set(FINDINGS):
            return rules(about.thresholds)
    except (AttributeError, TypeError, ValueError):
        pass
    raise StudyError(
        f"the thresholds of study {about.study} must be known to this version",
        value=about.thresholds,
        fix="Read it with the version that wrote it, or restore its sweep.jsonl from a copy.",
    )


def case_of(record: RunRecord, about: About, upto: int | None = None) -> Case:
    """A run as rules judge it: not whether the search cut it.

    Args:
        record: The run.
        about: Its study.
        upto: The last epoch that is looked at; None: all.
    """
    return Case(
        epochs=[
            Epoch(
                epoch=epoch,
                time=event["time"],
                metrics={name: value for name, value in event["metrics"].items() if value is not None},
                tensors=event.get("tensors") or {},
                profiles=event.get("profiles") or {},
            )
            for epoch, event in sorted(record.epochs.items())
            if upto is None or epoch <= upto
        ],
        budget=about.epochs or max(record.epochs, default=1),
        objective=Objective(about.metric, about.maximize, trivial=about.trivial_value),
        trivial=about.trivial,
        lag=record.results.get("lag"),
        steps_per_epoch=record.results.get("steps_per_epoch") or 0,
        params=record.params,
        diverged=record.reason if record.state is State.DIVERGED and upto is None else "",
    )


def _link(one: Contrast, comparisons: int) -> Link:
    probability = min(1.0, one.probability * max(1, comparisons))
    return Link(one.parameter, one.group.label, Share.of(one.group), Share.of(one.others), probability)


def _hopeless(records: Sequence[RunRecord], about: About) -> Hopeless:
    ended = [record for record in records if record.state is State.HOPELESS]
    left = {record.number: max(0, about.epochs - max(record.epochs, default=0)) for record in ended}
    return Hopeless(
        numbers=tuple(sorted(left)),
        epochs=sum(len(record.epochs) for record in ended),
        saved_epochs=sum(left.values()),
        saved_seconds=sum(
            left[record.number] * record.seconds / len(record.epochs) for record in ended if record.epochs
        ),
    )


# one trial ------------------------------------------------------------------------------------------------------

_LAYERS = {
    "attenuation": names.CELL_ATTENUATION,
    "memory_time": names.MEMORY_TIME,
    "dead": names.UNITS_DEAD,
    "saturated": names.UNITS_SATURATED,
    "state_max": names.CELL_STATE_MAX,
}
_GATES = {
    "mean": names.GATE_MEAN,
    "shut": names.GATE_LEFT,
    "open": names.GATE_RIGHT,
    "singular_largest": names.SINGULAR_LARGEST,
    "singular_least": names.SINGULAR_LEAST,
}


@dataclass(frozen=True)
class TrialStory:
    """How one training went.

    Args:
        about: Its study.
        number: Of the trial; -1 for the baseline.
        run: Which run it is.
        title: What it is called.
        outcome: Its end, in words.
        params: Its parameters.
        learning: The learning curve in sentences.
        findings: Most important first, as `Finding.as_json` has them, with `title` and `remedies` in words.
        recorded: Whether they were on record; else they are judged now, under the study's thresholds.
        repairs: What it repairs; see `RunRecord`.
        repaired_by: Numbers of the trials that repair it.
        look: Epoch of the tables below; 0 where nothing of them was measured.
        lag: Steps over which `attenuation` is: the task's lag, at most the longest one measured; None where neither is
            known.
        layers: Cell -> quantity -> value: log10 of what the gradient keeps over the lag, memory time in steps, shares
            of dead units and saturated outputs, largest state.
        gates: `cell/gate` -> quantity -> value: mean, shares below 0.1 and above 0.9, singular values.
        figures: Files that show it.
    """

    about: About
    number: int
    run: str
    title: str
    outcome: str
    params: Mapping[str, Any]
    learning: tuple[str, ...]
    findings: tuple[Mapping[str, Any], ...]
    recorded: bool
    repairs: Mapping[str, Any]
    repaired_by: tuple[int, ...]
    look: int
    lag: float | None
    layers: Mapping[str, Mapping[str, float]]
    gates: Mapping[str, Mapping[str, float]]
    figures: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """JSON-able fields."""
        return asdict(self)


def trial_story(record: RunRecord, about: About, *, title: str = "", repaired_by: Sequence[int] = ()) -> TrialStory:
    """The story of a trial.

    Args:
        record: The trial; it may still run.
        about: Its study.
        title: What it is called, where it is no trial of the study.
        repaired_by: Numbers of the trials that repair it.
    """
    look = max((epoch for epoch in record.epochs if _tables(record, epoch, {**_LAYERS, **_GATES})), default=0)
    return TrialStory(
        about=about,
        number=record.number,
        run=record.run,
        title=title or f"study {about.study}, {run_name(record)}",
        outcome=_outcome(record),
        params=dict(record.params),
        learning=tuple(_learning(record, about)),
        findings=tuple(
            {**finding.as_json(), "title": finding.title, "remedies": finding.remedies}
            for finding in findings(record, about)
        ),
        recorded=is_judged(record),
        repairs=record.repairs,
        repaired_by=tuple(repaired_by),
        look=look,
        lag=lag_of(record, look),
        layers=_tables(record, look, _LAYERS),
        gates=_by_cell(_tables(record, look, _GATES)),
    )


def _tables(record: RunRecord, epoch: int, quantities: Mapping[str, str]) -> dict[str, dict[str, float]]:
    """Name of a cell or gate -> quantity -> value, in an epoch."""
    found: dict[str, dict[str, float]] = {}
    tensors = record.epochs.get(epoch, {}).get("tensors") or {}
    for quantity, name in quantities.items():
        for where, value in (tensors.get(name) or {}).items():
            found.setdefault(where, {})[quantity] = value
    return found


def _by_cell(gates: Mapping[str, Mapping[str, float]]) -> dict[str, Mapping[str, float]]:
    """The gates of a cell one after the other."""
    cells = list(dict.fromkeys(gate.rpartition("/")[0] for gate in gates))
    return {gate: gates[gate] for cell in cells for gate in gates if gate.rpartition("/")[0] == cell}


def _outcome(record: RunRecord) -> str:
    epochs = max(record.epochs, default=0)
    state = "not over" if not record.state.final else record.state.value.lower()
    because = f": {record.reason}" if record.reason else ""
    return f"{state} after {epochs} epoch{'s' * (epochs != 1)}{because}"


def _learning(record: RunRecord, about: About) -> list[str]:
    """The learning curve in sentences: the objective beside the trivial predictor's, then the training loss."""
    told = []
    best, last = about.best(record), max(record.epochs, default=0)
    if best is None:
        return [f"no epoch has a finite {about.metric}."] if last else ["there is no epoch yet."]
    at_end = record.series(about.metric)[last]
    end = "" if best[0] == last or not math.isfinite(at_end) else f"; in the last, {last}, it is {at_end:.4g}"
    trivial, beside = about.trivial_value, ""
    if trivial is not None and math.isfinite(trivial):
        verdict = "better" if about.is_better(best[1], trivial) else "no better"
        beside = f", {verdict} than {trivial:.4g} of the trivial predictor ({about.trivial_name})"
    told.append(f"{about.metric} is best in epoch {best[0]}: {best[1]:.4g}{beside}{end}.")
    losses = [(epoch, value) for epoch, value in record.series(names.TRAIN_LOSS).items() if math.isfinite(value)]
    if len(losses) > 1:
        (first, start), (final, end_loss) = losses[0], losses[-1]
        least = min(losses, key=lambda pair: pair[1])
        lowest = "" if least[0] in (first, final) else f"; its least is {least[1]:.4g} in epoch {least[0]}"
        way = f"{'falls' if end_loss < start else 'rises'} from {start:.4g} to {end_loss:.4g}"
        told.append(
            f"the training loss {way if f'{start:.4g}' != f'{end_loss:.4g}' else f'stays at {start:.4g}'}{lowest}."
        )
    return told
