"""Scores of a network over a whole split."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tuner.adapters.base import Batch, Dataset, Problem
from tuner.errors import Diverged
from tuner.training.devices import to_device

EVALUATION_BATCH = 256
"""Items of a batch."""


def evaluate(network: nn.Module, problem: Problem, dataset: Dataset, device: torch.device) -> dict[str, float]:
    """Scores over a whole split, with the network in evaluation mode, in which it is left.

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
            prediction = network(batch.x, batch.lengths)
            predictions.append(prediction if reduce is None else reduce(prediction, batch))
            batches.append(batch)
        if not all(bool(torch.isfinite(prediction).all()) for prediction in predictions):
            raise Diverged("a prediction is not finite")
        return {name: float(score) for name, score in problem.evaluate(predictions, batches).items()}
