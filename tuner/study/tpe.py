"""TPE with priors: what is thought likely counts in the acquisition, and the less the more trials there are."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState

from tuner.space.domains import Constant
from tuner.space.grammar import Definition


class TPE(optuna.samplers.TPESampler):
    """Optuna's TPE, whose acquisition function is multiplied by prior ** (beta / n).

    n is the number of the study's own trials from which the sampler learns. TPE draws its candidates from the density
    of good trials, which may be small where the prior is large. So for a share r / (1 + r) of the candidates, with
    r = beta / n, the parameters that have a prior are drawn again from it. Groups without such parameters are searched
    as Optuna does.

    Args:
        beta: See above; >= 0.
        given: Arguments of Optuna's TPESampler.

    Reference:
        Hvarfner et al. 2022, piBO, arXiv:2204.11051, equation 6; the acquisition function there is the expected
        improvement of a Gaussian process, optimized over the whole space. TPE's l(x) / g(x) has the same order as
        expected improvement (Bergstra et al. 2011, section 4.1).
    """

    def __init__(self, beta: float, **given: Any) -> None:
        super().__init__(**given)
        self._beta, self._exponent = beta, 0.0
        self._distributions: Mapping[str, BaseDistribution] = {}
        self.priors: Mapping[str, Definition] = {}
        """The definitions that have a prior, by their names in the study; none where one name has several priors."""

    def _sample(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        finished = study._get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED), use_cache=True)
        own = sum(each.number >= 0 for each in finished)  # those of other studies have negative numbers
        self._exponent = self._beta / max(own, 1)
        self._distributions = search_space
        return super()._sample(study, trial, search_space)

    def _compute_acquisition_func(self, samples: dict[str, NDArray[Any]], *densities: Any) -> NDArray[np.float64]:
        """Optuna's acquisition function of its candidates, some of them drawn again in place, and the priors."""
        known = {name: self.priors[name] for name in samples if name in self.priors} if self._exponent else {}
        if known:
            self._draw_again(samples, known)
        found: NDArray[np.float64] = super()._compute_acquisition_func(samples, *densities)
        for name, definition in known.items():
            assert definition.prior is not None
            logs = [definition.prior.log_density(definition.domain, value) for value in samples[name].tolist()]
            found = found + self._exponent * np.array(logs)
        return found

    def _draw_again(self, samples: Mapping[str, NDArray[Any]], known: Mapping[str, Definition]) -> None:
        count = round(self._n_ei_candidates * self._exponent / (1 + self._exponent))
        rng = Random(int(self._rng.rng.randint(2**31)))
        for name, definition in known.items():
            assert definition.prior is not None
            assert not isinstance(definition.domain, Constant)
            drawn = [definition.prior.draw(definition.domain, rng) for _ in range(count)]
            samples[name][:count] = [self._distributions[name].to_internal_repr(value) for value in drawn]
