"""Scores of a network over a whole split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn

from tuner.adapters.adapting import AdaptingProblem, adapting
from tuner.adapters.base import (
    Batch,
    Dataset,
    DecodingProblem,
    FittingProblem,
    Problem,
    ShowingProblem,
    Split,
    TabulatingProblem,
)
from tuner.errors import Diverged
from tuner.training.devices import to_device

EVALUATION_BATCH = 256
"""Items of a batch."""


def evaluate(network: nn.Module, problem: Problem, dataset: Dataset, device: torch.device) -> dict[str, float]:
    """Scores over a whole split; the network is left in evaluation mode.

    Raises:
        Diverged: A prediction is not finite.
    """
    return scored(problem, *predicted(network, problem, dataset, device))


def scored(problem: Problem, predictions: Sequence[Tensor], batches: Sequence[Batch]) -> dict[str, float]:
    """Scores of predictions over a whole split."""
    with torch.inference_mode():
        return {name: float(score) for name, score in problem.evaluate(predictions, batches).items()}


def shown(problem: Problem, predictions: Sequence[Tensor], batches: Sequence[Batch]) -> dict[str, Any]:
    """Answers over a whole split, to show people; empty unless it is a `ShowingProblem`."""
    if not isinstance(problem, ShowingProblem):
        return {}
    with torch.inference_mode():
        found = problem.shown(predictions, batches)
    return {} if found is None else asdict(found)


def table(problem: Problem, split: Split, predictions: Sequence[Tensor], batches: Sequence[Batch]) -> dict[str, Any]:
    """The scores of the parts of a whole split; empty where it is no `TabulatingProblem`."""
    if not isinstance(problem, TabulatingProblem):
        return {}
    with torch.inference_mode():
        return asdict(problem.table(split, predictions, batches))


def fit(
    problem: Problem, network: nn.Module, predictions: Sequence[Tensor], batches: Sequence[Batch]
) -> dict[str, float]:
    """Options fitted on validation data; empty unless it is a `FittingProblem`, or an `AdaptingProblem` that adapts."""
    found = problem.fit(predictions, batches) if isinstance(problem, FittingProblem) else {}
    learning = adapting(problem)
    return found if learning is None else {**found, **learning.tune(network)}


def with_fitted(problem: Problem, values: Mapping[str, float]) -> Problem:
    """The problem with fitted options."""
    return problem.fitted(values) if values and isinstance(problem, FittingProblem | AdaptingProblem) else problem


def equip(network: nn.Module, problem: Problem) -> None:
    """Give a trained network what it needs to adapt, if the problem adapts."""
    learning = adapting(problem)
    if learning is not None:
        learning.equip(network)
        learning.collect(network)


def adapted(network: nn.Module, problem: Problem, split: Split) -> dict[str, float]:
    """Further scores of a split, by a network that learns from it as it is scored; empty if the problem does not adapt.

    Args:
        network: As `equip` left it.
        problem: With fitted options.
        split: Its name.
    """
    learning = adapting(problem)
    return {} if learning is None else learning.adapted(network, split)


def predicted(
    network: nn.Module, problem: Problem, dataset: Dataset, device: torch.device
) -> tuple[list[Tensor], list[Batch]]:
    """Predictions over a whole split (reduced by a `ReducingProblem`) and their batches.

    Raises:
        Diverged: A prediction is not finite.
    """
    network.eval()
    reduce = getattr(problem, "reduce", None)  # see `ReducingProblem`
    predictions: list[Tensor] = []
    batches: list[Batch] = []
    with torch.inference_mode():
        for batch in dataset.batches(EVALUATION_BATCH):
            batch = to_device(batch, device)
            prediction = _prediction(network, problem, batch)
            predictions.append(prediction if reduce is None else reduce(prediction, batch))
            batches.append(batch)
        if not all(bool(torch.isfinite(prediction).all()) for prediction in predictions):
            raise Diverged("a prediction is not finite")
    return predictions, batches


def _prediction(network: nn.Module, problem: Problem, batch: Batch) -> Tensor:
    if isinstance(problem, DecodingProblem):
        return problem.decode(network, batch)
    prediction: Tensor = network(batch.x, batch.lengths)
    return prediction
