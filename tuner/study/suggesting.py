"""New trials: suggested by a sampler, or enqueued with given parameters."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from types import MappingProxyType
from typing import Any

import optuna
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from tuner.seeding import derive_seed
from tuner.space import Space
from tuner.space.grammar import Definition
from tuner.study.borrowed import Borrowed, Borrowing
from tuner.study.catalog import SAMPLERS
from tuner.study.drafting import Drafting, distributions, replayed
from tuner.study.expectations import Expectations
from tuner.study.flat import ASKED, FlatView, as_they_are, completed
from tuner.study.names import Names
from tuner.study.samplers import knows_conditions, random
from tuner.study.storage import DRAFT_ID, SearchStorage
from tuner.study.tpe import TPE
from tuner.study.translation import digest, rounded

ORIGINS = ("repairs", "portfolio", "warm_start")
"""User attributes of a trial that no sampler suggested: for a repair, what it repairs; for a configuration of the
portfolio, its position there, from 1; for a warm start, `study/number` of the earlier trial."""
_RESAMPLES = 20
_RANDOM_RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A trial that is stored in the study as RUNNING, with its parameters."""

    number: int
    params: Mapping[str, Any]
    origin: Mapping[str, Any] = field(default_factory=dict)
    """Its origin if it is not from the sampler: one of `ORIGINS`, with its value."""


def suggestion_of(trial: FrozenTrial) -> Suggestion:
    """A stored trial as a suggestion."""
    attributes = trial.user_attrs
    return Suggestion(
        trial.number, attributes["params"], {key: attributes[key] for key in ORIGINS if attributes.get(key)}
    )


class Suggester:
    """Drafts trials as Optuna would suggest them, and stores each new one completely by one write.

    Args:
        study: The Optuna study.
        storage: Its storage.
        space: The current search space.
        names: The names of its definitions in the study.
        expectations: Final values of the trials, for samplers without conditional parameters and for warm start.
        sampler: Name and validated options.
        seed: The study's seed, >= 0.
    """

    def __init__(
        self,
        study: optuna.Study,
        storage: SearchStorage,
        space: Space,
        names: Names,
        expectations: Expectations,
        *,
        sampler: tuple[str, Any],
        seed: int,
    ) -> None:
        self._study, self._storage, self._space, self._seed = study, storage, space, seed
        self._names = names
        self._digest = digest(space.to_json())
        self._priors = _priors(space)
        self._sampler = sampler
        self._flat, self._expectations = FlatView(distributions(space, names)), expectations
        self.borrowed: Sequence[Borrowed] = ()
        self._borrowed: Borrowing | None = None

    def take_in(self, stored: Sequence[FrozenTrial]) -> None:
        """Cache ids and parameters of the stored trials, which every suggestion needs."""
        self.ids = {trial.number: trial._trial_id for trial in stored}
        self._seen = {digest(trial.user_attrs["params"]) for trial in self._expectations.inside()}

    def borrow(self, borrowed: Sequence[Borrowed]) -> None:
        """Let the sampler also learn from trials of other studies (best first); see `Borrowing`."""
        self.borrowed = borrowed
        self._borrowed = (
            Borrowing(borrowed, self._space, self._names, self._expectations.objective) if borrowed else None
        )

    def _shown(self, conditions: bool) -> list[FrozenTrial]:
        """The trials as a sampler sees them; with all parameters of the space unless it handles conditional ones."""
        values = self._expectations.reached()
        own = [
            trial for trial in self._expectations.inside() if trial.number in values or not trial.state.is_finished()
        ]
        borrowed = self._borrowed.beside(values) if self._borrowed else {}
        trials = [*(trial for trial, _ in borrowed.values()), *own]
        values = {number: value for number, (_, value) in borrowed.items()} | values
        view = as_they_are if conditions else self._flat
        return [completed(trial, values.get(trial.number), *view(trial)) for trial in trials]

    def suggest(self) -> Suggestion | None:
        """A new trial, stored as RUNNING with all its parameters; None when the space is exhausted."""
        size = self._space.size()
        if size is not None and len(self._seen) >= size:
            return None
        number = len(self.ids)
        for attempt in range(_RESAMPLES + _RANDOM_RESAMPLES):
            seed = derive_seed(self._seed, "suggest", number, attempt)
            sampler = make_sampler(self._sampler, seed) if attempt < _RESAMPLES else random(None, seed)  # type: ignore[arg-type]
            if isinstance(sampler, TPE):
                alike = {key: each[0] for key, each in self._priors.items() if len({one.prior for one in each}) == 1}
                sampler.priors = {self._names[key]: definition for key, definition in alike.items()}
            draft, params = self._draft(number, sampler, seed)
            if digest(params) not in self._seen:
                return self._store(draft, params)
            if size is None and attempt == _RESAMPLES:  # in a continuous space only a stuck sampler repeats itself
                return self._store(draft, params)
        return None

    def enqueue(self, params: Mapping[str, Any], origin: Mapping[str, Any] = MappingProxyType({})) -> Suggestion | None:
        """A trial with given parameters, stored as `suggest` stores one.

        Args:
            params: Parameters inside the space.
            origin: See `Suggestion`; JSON-able.

        Returns:
            The trial; None if the study already has one with these parameters.
        """
        if digest(params) in self._seen:
            return None
        draft = _blank(len(self.ids))
        draft.params, draft.distributions = replayed(params, self._space, self._names)
        draft.user_attrs.update(origin)
        return self._store(draft, dict(params))

    def _draft(self, number: int, sampler: BaseSampler, seed: int) -> tuple[FrozenTrial, dict[str, Any]]:
        draft = _blank(number)
        conditions = knows_conditions(sampler)
        plain = conditions and not self._borrowed
        shown = (
            self._expectations.inside() if plain else self._shown(conditions)
        )  # looked up once, not at every question
        self._storage.draft, self._storage.shown = draft, shown
        self._study.sampler = sampler
        self._study._thread_local.cached_all_trials = None  # as Study.ask does
        try:
            sampler.before_trial(self._study, draft)
            relative_space = sampler.infer_relative_search_space(self._study, draft)
            relative = sampler.sample_relative(self._study, draft, relative_space)
            priors = {} if self._sampler[0] == "grid" else self._priors
            rng = Random(seed)
            drafting = Drafting(self._study, draft, relative_space, relative, priors, rng, self._names)
            params = self._space.suggest(drafting)
        finally:
            self._storage.draft = self._storage.shown = None
        if not conditions and (asked := {name: value for name, value in relative.items() if name not in draft.params}):
            draft.user_attrs[ASKED] = rounded(asked)
        return draft, params

    def _store(self, draft: FrozenTrial, params: dict[str, Any]) -> Suggestion:
        draft.user_attrs.update(params=params, space=self._digest)
        self.ids[draft.number] = self._storage.create_new_trial(self._study._study_id, template_trial=draft)
        self._seen.add(digest(params))
        return suggestion_of(draft)


def make_sampler(sampler: tuple[str, Any], seed: int) -> BaseSampler:
    """Create a sampler.

    Args:
        sampler: Name and validated options.
        seed: The sampler's seed, >= 0.
    """
    name, options = sampler
    with warnings.catch_warnings():  # `group` and the brute-force sampler: Optuna's version is pinned by tests
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        made: BaseSampler = SAMPLERS[name].load()(options, seed)
    return made


def _priors(space: Space) -> dict[str, list[Definition]]:
    """Key -> its definitions, those without a prior, too, of all keys with a prior."""
    found: dict[str, list[Definition]] = {}
    for each in space.definitions:
        found.setdefault(each.key, []).append(each)
    return {key: each for key, each in found.items() if any(one.prior for one in each)}


def _blank(number: int) -> FrozenTrial:
    """A RUNNING trial without parameters."""
    return FrozenTrial(
        number=number,
        state=TrialState.RUNNING,
        value=None,
        datetime_start=datetime.now().astimezone(),
        datetime_complete=None,
        params={},
        distributions={},
        user_attrs={},
        system_attrs={},
        intermediate_values={},
        trial_id=DRAFT_ID,
    )
