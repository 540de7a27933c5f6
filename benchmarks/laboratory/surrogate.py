"""What a training of any configuration would be on a task of the laboratory: a model fitted to its records.

A sampler suggests configurations that nobody has trained. Two ways were open: to let samplers choose among the recorded
ones, which none of them does by its own code and which ends a search when the pool is known; or to ask a model. This is
a model: extremely randomized trees (Geurts et al. 2006) predict the learning curve of the best value so far and the
test score, together and on a log scale; others the seconds of an epoch, how long patience lets it go on, and how likely
it diverges. What a seed adds is drawn from the recorded differences between seeds, whole curves with their test scores,
of the repeated configurations whose results are nearest. Every configuration is asked of the model, recorded ones too:
one that was lucky in its record has no advantage.

What a forest cannot do: nothing is better than the best leaf, and it is smoother than the truth, so that searches look
more alike than they are. `fidelity` says how well it ranks configurations that it has not seen. Of forests, extremely
randomized forests and Gaussian processes these trees ranked best on the tuning half.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.laboratory import configurations
from benchmarks.laboratory.records import BASELINE, SPACE, Pool, Training, peak_of
from tuner.messages import State
from tuner.space import Space
from tuner.space.domains import Choices, Constant
from tuner.study.translation import digest

Array = NDArray[np.float64]
TREES = 60
LEAF = 2
NEAREST = 6
"""Repeated configurations whose differences between seeds are drawn from."""
_LEAST = 1e-9


@dataclass(frozen=True)
class Curve:
    """A training to its end.

    Args:
        values: Best value so far after each epoch, less is better; fewer than all epochs where it ended itself.
        seconds: Of an epoch.
        test: The test score after the best epoch; infinite where it diverged.
        state: COMPLETED or DIVERGED.
        peak: Epochs until the learning rate has been at its highest.
    """

    values: Sequence[float]
    seconds: float
    test: float
    state: State
    peak: float


class Encoding:
    """Configurations as rows of numbers: ranges from 0 to 1, a column per choice, -1 where a parameter is inactive.

    Args:
        space: Their space.
    """

    def __init__(self, space: Space) -> None:
        self._numeric: dict[str, tuple[float, float, bool]] = {}
        self._choices: dict[str, list[Any]] = {}
        for definition in space.definitions:
            domain, name = definition.domain, definition.name
            if isinstance(domain, Choices):
                known = self._choices.setdefault(name, [])
                known += [value for value in domain.values() if value not in known]
            elif not isinstance(domain, Constant):
                low, high, log = self._numeric.get(name, (math.inf, -math.inf, domain.log))
                self._numeric[name] = (min(low, domain.low), max(high, domain.high), log)

    def __call__(self, params: Mapping[str, Any]) -> Array:
        """A row."""
        row = []
        for name, (low, high, log) in self._numeric.items():
            value = params.get(name)
            if value is None:
                row.append(-1.0)
            elif log:
                row.append(math.log(value / low) / math.log(high / low))
            else:
                row.append((value - low) / (high - low))
        for name, choices in self._choices.items():
            row += [float(params.get(name) == choice) for choice in choices]
        return np.array(row)


class Surrogate:
    """A task's trainings, predicted.

    Args:
        pool: What is recorded of the task.
        space: Name of the ready space.
        left_out: Numbers of configurations that are not learned from.
    """

    def __init__(self, pool: Pool, space: str = SPACE, left_out: Sequence[int] = ()) -> None:
        self.pool, self.name, self.space = pool, space, configurations.space(space)
        self.epochs = pool.epochs
        self._encode = Encoding(self.space)
        numbers = [number for number in pool.params if number not in left_out]
        rows = np.stack([self._encode(pool.params[number]) for number in numbers])
        firsts = [pool.first(number) for number in numbers]
        self._worst = max(max(one.values) for one in firsts if one.state == State.COMPLETED.value)
        self._worst_test = max(one.test_value for one in firsts if one.state == State.COMPLETED.value)
        self._results = _Forest(rows, np.stack([self._result(one) for one in firsts]))
        self._costs = _Forest(rows, np.stack([self._cost(one) for one in firsts]))
        self._noise = self._between_seeds((*numbers, BASELINE))
        self._predicted: dict[str, tuple[Array, Array]] = {}
        self.full_seconds = median(one.seconds * pool.epochs for one in firsts)
        """Of a full training of a configuration in the middle."""

    def train(self, params: Mapping[str, Any], seed: int) -> Curve:
        """What a training with a seed would come to."""
        result, cost = self.predicted(params)
        length = max(1, min(self.epochs, round(float(cost[1] * self.epochs))))
        seconds, peak = math.exp(cost[0]), peak_of(params, self.epochs)
        rng = np.random.default_rng(seed)
        result = result + self._drawn(result, rng)
        values = np.minimum.accumulate(np.exp(result[:-1]))[:length].tolist()
        if rng.random() < cost[2]:
            return Curve(values, seconds, math.inf, State.DIVERGED, peak)
        return Curve(values, seconds, float(np.exp(result[-1])), State.COMPLETED, peak)

    def baseline(self, seed: int) -> Curve:
        """One of the recorded trainings of the task's baseline."""
        repeats = self.pool.repeats(BASELINE)
        one = repeats[seed % len(repeats)]
        values = np.minimum.accumulate(one.values).tolist()
        return Curve(values, one.seconds, one.test_value, State(one.state), 0.0)

    def level(self, params: Mapping[str, Any]) -> tuple[float, float]:
        """Final value and test score of a configuration without what a seed adds."""
        value, test = np.exp(self.predicted(params)[0][-2:])
        return float(value), float(test)

    def predicted(self, params: Mapping[str, Any]) -> tuple[Array, Array]:
        """Logs of the best value by epoch and of the test score; log seconds, share of epochs, chance to diverge."""
        key = digest(params)
        if (found := self._predicted.get(key)) is None:
            row = self._encode(params)
            found = self._predicted[key] = self._results(row), self._costs(row)
        return found

    def _result(self, one: Training) -> Array:
        whole = one.state == State.COMPLETED.value
        best = np.minimum.accumulate(
            [value if math.isfinite(value) else self._worst for value in one.values or [np.inf]]
        )
        rest = best[-1] if whole else self._worst
        values = [*np.minimum(best, self._worst), *[rest] * (self.epochs - len(best))]
        logs: Array = np.log(np.maximum([*values, one.test_value if whole else self._worst_test], _LEAST))
        return logs

    def _cost(self, one: Training) -> Array:
        return np.array([math.log(one.seconds), len(one.values) / self.epochs, one.state != State.COMPLETED.value])

    def _between_seeds(self, numbers: Sequence[int]) -> list[tuple[float, Array]]:
        """Of each repeated configuration its final value, and how each of its seeds differs from their mean."""
        found = []
        for number in numbers:
            repeats = [one for one in self.pool.repeats(number) if one.state == State.COMPLETED.value]
            if len(repeats) > 1:
                results = np.stack([self._result(one) for one in repeats])
                widened = math.sqrt(len(repeats) / (len(repeats) - 1))
                found.append((float(results[:, -2].mean()), (results - results.mean(0)) * widened))
        return found

    def _drawn(self, result: Array, rng: np.random.Generator) -> Array:
        near = sorted(self._noise, key=lambda pair: abs(pair[0] - result[-2]))[:NEAREST]
        if not near:
            return np.zeros_like(result)
        differences = near[rng.integers(len(near))][1]
        drawn: Array = rng.choice([-1.0, 1.0]) * differences[rng.integers(len(differences))]
        return drawn


class _Forest:
    """A forest for several outputs, each weighed by its spread, that is fast for single rows.

    Args:
        rows: What is known.
        outputs: What is predicted.
    """

    def __init__(self, rows: Array, outputs: Array) -> None:
        from sklearn.ensemble import ExtraTreesRegressor

        self._mean, self._spread = outputs.mean(0), np.maximum(outputs.std(0), 1e-12)
        forest = ExtraTreesRegressor(TREES, min_samples_leaf=LEAF, random_state=0)
        forest.fit(rows, (outputs - self._mean) / self._spread)
        self._trees = [tree.tree_ for tree in forest.estimators_]

    def __call__(self, row: Array) -> Array:
        asked = row[None].astype(np.float32)
        found = np.mean([tree.predict(asked).reshape(-1) for tree in self._trees], axis=0)
        return np.asarray(found * self._spread + self._mean)


@dataclass(frozen=True)
class Fidelity:
    """How well the model knows configurations that it has not seen.

    Args:
        values: Rank correlation of predicted and recorded final values.
        tests: The same of test scores.
        noise: Standard deviation between seeds of the log of the final value, over that between configurations.
    """

    values: float
    tests: float
    noise: float


def fidelity(pool: Pool, space: str = SPACE, folds: int = 5) -> Fidelity:
    """Leave a fifth of the configurations out, and predict them; and so on."""
    from scipy.stats import spearmanr

    predicted, recorded = [], []
    numbers = [number for number in pool.params if math.isfinite(pool.first(number).best)]
    for fold in range(folds):
        own = [number for at, number in enumerate(numbers) if at % folds == fold]
        model = Surrogate(pool, space, own)
        predicted += [model.predicted(pool.params[number])[0][-2:] for number in own]
        recorded += [(pool.first(number).best, pool.first(number).test_value) for number in own]
    final_N, test_N = np.array(predicted).T
    best_N, scored_N = np.array(recorded).T
    spreads = [np.var(np.log(np.maximum([one.best for one in repeats], _LEAST)), ddof=1) for repeats in _repeated(pool)]
    between = float(np.std(np.log(np.maximum(best_N, _LEAST))))
    within = math.sqrt(fmean(spreads)) if spreads else math.nan
    return Fidelity(float(spearmanr(final_N, best_N)[0]), float(spearmanr(test_N, scored_N)[0]), within / between)


def _repeated(pool: Pool) -> list[list[Training]]:
    found = [[one for one in pool.repeats(number) if math.isfinite(one.best)] for number in pool.params]
    return [repeats for repeats in found if len(repeats) > 1]
