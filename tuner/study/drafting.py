"""A trial's parameters as Optuna stores them: suggested by a sampler, replayed from known values, or listed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial

from tuner.space import Space
from tuner.space.domains import Constant
from tuner.space.grammar import Definition
from tuner.study.names import Names, plain


def distributions(space: Space, names: Names) -> dict[str, BaseDistribution]:
    """The distributions of all searched parameters, by their names in the study."""
    listing = _Listing()
    for definition in space.definitions:
        definition.domain.suggest(definition.key, listing)
    return {names[key]: found for key, found in listing.found.items()}


class _Distributing:
    """Turns the search space's suggest calls into Optuna distributions; subclasses return the values.

    The calls name a definition by its key, which can differ from its name in the study.
    """

    def value(self, key: str, distribution: BaseDistribution) -> Any:
        raise NotImplementedError

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        return self.value(name, CategoricalDistribution(choices))

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        return float(self.value(name, FloatDistribution(low, high, log=log, step=step)))

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        return int(self.value(name, IntDistribution(low, high, log=log, step=step)))


class _Listing(_Distributing):
    """Collects the distributions; the values are placeholders."""

    def __init__(self) -> None:
        self.found: dict[str, BaseDistribution] = {}

    def value(self, key: str, distribution: BaseDistribution) -> Any:
        self.found[key] = distribution
        internal = 0 if isinstance(distribution, CategoricalDistribution) else distribution.low  # type: ignore[attr-defined]
        return distribution.to_external_repr(internal)


class Drafting(_Distributing):
    """Values for a draft: from the sampler's joint suggestion, else from the prior, else sampled independently."""

    def __init__(
        self,
        study: optuna.Study,
        draft: FrozenTrial,
        relative_space: Mapping[str, BaseDistribution],
        relative: Mapping[str, Any],
        priors: Mapping[str, Sequence[Definition]],
        rng: Random,
        names: Names,
    ) -> None:
        self._study, self._draft = study, draft
        self._priors, self._rng, self._names = priors, rng, names
        self._relative_space, self._relative = relative_space, relative

    def value(self, key: str, distribution: BaseDistribution) -> Any:
        """Choose a value and store it in the draft."""
        name = self._names[key]
        if name in self._relative and self._relative_space[name] == distribution:
            value = self._relative[name]
        elif distribution.single():
            value = distribution.to_external_repr(
                0 if isinstance(distribution, CategoricalDistribution) else distribution.low  # type: ignore[attr-defined]
            )
        elif (definition := self._defined(key)) is not None and definition.prior is not None:
            assert not isinstance(definition.domain, Constant)
            value = definition.prior.draw(definition.domain, self._rng)
        else:
            value = self._study.sampler.sample_independent(self._study, self._draft, name, distribution)
        self._draft.params = {**self._draft.params, name: value}
        self._draft.distributions = {**self._draft.distributions, name: distribution}
        return value

    def _defined(self, key: str) -> Definition | None:
        """The definition in force, of those with a prior; several have one key if they have the same range."""
        known = self._priors.get(key, ())
        if len(known) < 2:
            return next(iter(known), None)
        params = {plain(name): value for name, value in self._draft.params.items()}
        return next((each for each in known if each.active(params)), None)


class Replaying(_Distributing):
    """Returns known values and collects their names and distributions in the current space."""

    def __init__(self, params: Mapping[str, Any], names: Names) -> None:
        self._params, self._names = params, names
        self.values: dict[str, Any] = {}
        self.distributions: dict[str, BaseDistribution] = {}

    def value(self, key: str, distribution: BaseDistribution) -> Any:
        """The known value."""
        name, value = self._names[key], self._params[plain(key)]
        self.values[name], self.distributions[name] = value, distribution
        return value


def replayed(
    params: Mapping[str, Any], space: Space, names: Names
) -> tuple[dict[str, Any], dict[str, BaseDistribution]]:
    """Known parameters inside a space, and their distributions, both by their names in the study."""
    replay = Replaying(params, names)
    space.suggest(replay)
    return replay.values, replay.distributions
