"""The diagnosis of a study: findings in its trials, associated choices, effect of repairs. Reads no files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tuner.disk.events import RunRecord
from tuner.messages import State
from tuner.reporting.about import About, findings, is_judged
from tuner.reporting.contrasts import Contrast, Group, contrasts, wilson
from tuner.reporting.intervals import Interval
from tuner.reporting.repaired import Repaired, repaired
from tuner.reporting.separation import LEVEL


@dataclass(frozen=True)
class Share:
    """A number of trials out of all, with Wilson's 95 % interval of the share."""

    hits: int
    trials: int
    interval: Interval

    @classmethod
    def of(cls, group: Group) -> Share:
        """From a group of at least one trial."""
        return cls(group.hits, group.trials, wilson(group.hits, group.trials))

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.hits} of {self.trials} ({100 * low:.0f} to {100 * high:.0f} %)"


@dataclass(frozen=True)
class Association:
    """How often a symptom occurs with a choice, and without it.

    Args:
        parameter: A searched parameter.
        choice: A value, or part of its range.
        having: The trials with the choice.
        others: Those with another choice of the parameter.
        probability: p value by Fisher's exact test, two-sided, times the `comparisons` of the study's story
            (Bonferroni).
    """

    parameter: str
    choice: str
    having: Share
    others: Share
    probability: float

    @property
    def significant(self) -> bool:
        """Whether the difference is significant."""
        return self.probability <= LEVEL


@dataclass(frozen=True)
class Symptom:
    """A finding over all trials that the search drew.

    Args:
        name: Its name in the catalog.
        share: Of the judged trials.
        numbers: Their numbers.
        links: Every compared choice, the most significant first.
    """

    name: str
    share: Share
    numbers: tuple[int, ...]
    links: tuple[Association, ...]


@dataclass(frozen=True)
class Hopeless:
    """Trials that a rule ended early.

    Args:
        numbers: Their numbers.
        epochs: Number of epochs that they trained, in total.
        saved_epochs: Number of epochs that were left, in total.
        saved_seconds: Time of those epochs at the trials' own pace.
    """

    numbers: tuple[int, ...] = ()
    epochs: int = 0
    saved_epochs: int = 0
    saved_seconds: float = 0.0


@dataclass(frozen=True)
class StudyStory:
    """The diagnosis of a study.

    Args:
        about: The study.
        states: State -> number of trials.
        judged: Number of search trials, without repairs, in which findings were looked for.
        rejudged: Number of those without recorded findings, which were judged from their numbers.
        symptoms: The most frequent first.
        comparisons: Number of compared choices that could have been significant.
        repairs: The finished ones, by number.
        helped: How many helped, of those whose effect is known; None without any.
        hopeless: The trials that were ended early.
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
        return {**asdict(self), "about": self.about.as_json()}


def study_story(records: Sequence[RunRecord], about: About, confirmed: Sequence[RunRecord] = ()) -> StudyStory:
    """Diagnose a study.

    Associations are computed over the trials that the search drew; repairs are shown separately. A sampler that learns
    does not draw evenly, so an association is only a hint at a cause, as in any observational study.

    Args:
        records: All trials of the search.
        about: The study.
        confirmed: Its confirmations, which show the noise of seeds.
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
    repairs = tuple(repaired(records, confirmed, about.objective))
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


def _link(one: Contrast, comparisons: int) -> Association:
    probability = min(1.0, one.probability * max(1, comparisons))
    return Association(one.parameter, one.group.label, Share.of(one.group), Share.of(one.others), probability)


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
