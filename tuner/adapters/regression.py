"""Common parts of all regressions: the trivial predictor, the problem of learning from sequences, and its answers.

Targets are standardized by the training items' mean and standard deviation; scores and answers are in their own units.
Letters of shapes: B items of a batch, N items, K targets, Q quantiles.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.folds import averaged
from tuner.adapters.learned_options import NumberOptions
from tuner.adapters.number_scores import number_scores, quantile_scores
from tuner.adapters.ragged_problem import RaggedProblem
from tuner.adapters.scaling import Scaling, standardization
from tuner.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tuner.adapters.base import Batch, Dataset, Forward, Item, Row, Split

TRIVIAL = "mean of the training targets"
"""Name of the trivial predictor."""


def prepare_targets(
    folder: Path,
    numbers: Mapping[Any, NDArray[np.float64]],
    options: NumberOptions,
    where: str,
    fold_N: NDArray[np.int64] | None = None,
) -> tuple[dict[str, list[float]], dict[str, dict[str, float]]]:
    """Store the standardized targets of each split as `<split>.y.npy`, (N, K).

    Args:
        folder: Folder of the prepared data.
        numbers: The targets of each split, (N, K).
        options: The adapter's.
        where: Place that messages name.
        fold_N: The fold of each training item, if there are folds.

    Returns:
        Facts for `facts.json`, and the trivial predictor's scores by split.

    Raises:
        DataError: They are too large, or one is the same for all training items.
    """
    scaling = standardization(numbers["train"], where)
    if scaling.constant.any():
        raise DataError(
            "the target must differ between items",
            value=numbers["train"][0, scaling.constant][0].item(),
            fix="Leave that target out, or add items.",
            where=where,
        )
    for split, values_NK in numbers.items():
        np.save(folder / f"{split}.y.npy", scaling(values_NK))
    facts = {"target_mean": scaling.mean.tolist(), "target_scale": scaling.scale.tolist()}

    def trivial(parts: Mapping[Any, NDArray[np.float64]]) -> dict[str, dict[str, float]]:
        own = standardization(parts["train"], where)
        return {split: trivial_scores(parts["train"], parts[split], own, options) for split in ("val", "test")}

    return facts, averaged(numbers, fold_N, trivial)


def trivial_scores(
    train_NK: NDArray[np.float64], other_NK: NDArray[np.float64], scaling: Scaling, options: NumberOptions
) -> dict[str, float]:
    """Scores on `other` of predicting the training targets' mean (for mae their median) and their quantiles."""
    mean_NK = np.broadcast_to(scaling.mean, other_NK.shape)
    scores = number_scores(mean_NK, other_NK, scaling.scale)
    scores["mae"] = float(np.abs(other_NK - np.median(train_NK, axis=0)).mean())
    if options.quantiles:
        quantile_KQ = np.quantile(train_NK, options.quantiles, axis=0).T
        found_NKQ = np.broadcast_to(quantile_KQ, (*other_NK.shape, len(options.quantiles)))
        scores |= quantile_scores(found_NKQ, other_NK, options.quantiles)
    return scores


class Regression(RaggedProblem):
    """Sequences to numbers; `facts.json` has `targets` and their scaling, splits are ragged arrays `<split>.x`.

    A prediction (B, K, 1 + Q) has each target's value, then its quantiles, all standardized.
    Subclasses define `encoder`.
    """

    every_step = False
    logits = False

    def __init__(self, folder: Path, options: NumberOptions) -> None:
        self.folder, self.options = folder, options
        self.facts: dict[str, Any] = json.loads((folder / "facts.json").read_text())
        self.targets: list[str] = self.facts["targets"]
        self.scaling = Scaling.known(self.facts["target_mean"], self.facts["target_scale"])

    def dataset(self, split: Split) -> Dataset:
        """Open a split, memory-mapped."""
        return self.items(split)

    def head(self, input_size: int) -> nn.Module:
        """A linear layer to all numbers, (B, input_size) to (B, K, 1 + Q)."""
        from torch import nn

        shape = (len(self.targets), 1 + len(self.options.quantiles))
        return nn.Sequential(nn.Linear(input_size, shape[0] * shape[1]), nn.Unflatten(1, shape))

    def loss(self, prediction: Tensor, batch: Batch) -> Tensor:
        """Mean squared, absolute or Huber error of standardized targets; with quantiles, their pinball loss is added.

        Reference:
            Koenker & Bassett 1978, Econometrica 46: the pinball loss.
        """
        import torch
        from torch.nn import functional

        truth_BK = batch.y.to(prediction.dtype)
        losses: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
            "mse": functional.mse_loss,
            "mae": functional.l1_loss,
            "huber": functional.huber_loss,
        }
        loss = losses[self.options.loss](prediction[..., 0], truth_BK)
        if self.options.quantiles:
            level_Q = torch.tensor(self.options.quantiles, dtype=prediction.dtype, device=prediction.device)
            above_BKQ = truth_BK[..., None] - prediction[..., 1:]
            loss = loss + torch.maximum(level_Q * above_BKQ, (level_Q - 1) * above_BKQ).mean()
        return loss

    def evaluate(self, predictions: Sequence[Tensor], batches: Sequence[Batch]) -> dict[str, float]:
        """All metrics over all items; see `metrics_of`."""
        found_NKR = self.numbers(np.concatenate([each.double().cpu().numpy() for each in predictions]))
        truth_NK = np.concatenate([batch.y.double().cpu().numpy() for batch in batches])
        truth_NK = truth_NK * self.scaling.scale + self.scaling.mean
        scores = number_scores(found_NKR[..., 0], truth_NK, self.scaling.scale)
        if self.options.quantiles:
            scores |= quantile_scores(found_NKR[..., 1:], truth_NK, self.options.quantiles)
        return scores

    def numbers(self, prediction_NKR: NDArray[np.float64]) -> NDArray[np.float64]:
        """Predictions in the targets' units, quantiles in ascending order.

        Reference:
            Chernozhukov et al. 2010, Econometrica 78: crossing quantiles are sorted, which never makes them worse.
        """
        found_NKR = prediction_NKR * self.scaling.scale[:, None] + self.scaling.mean[:, None]
        found_NKR[..., 1:].sort(axis=-1)
        return found_NKR


class NumberCodec:
    """Common parts of all codecs of numbers: a column per target, and one per quantile.

    Subclasses read.

    Args:
        problem: The learning problem.
        repeated: Names of the facts that answers repeat: an id.
    """

    def __init__(self, problem: Regression, *repeated: str) -> None:
        self.problem, self._repeated = problem, repeated

    def columns(self, *, proba: bool) -> dict[str, type]:  # noqa: ARG002 - there is nothing more to show
        """See `Codec`."""
        numbers = [
            name
            for target in self.problem.targets
            for name in (target, *(f"{target}_q{100 * level:g}" for level in self.problem.options.quantiles))
        ]
        return {**dict.fromkeys(self._repeated, str), **dict.fromkeys(numbers, float)}

    def answer(self, network: nn.Module | Forward, items: Sequence[Item], *, proba: bool) -> list[list[Row]]:
        """One row per item. See `Codec`."""
        from tuner.adapters.batching import device_of, padded

        prediction = network(*padded(items, device_of(network))).double().cpu().numpy()
        names = list(self.columns(proba=proba))[len(self._repeated) :]
        return [
            [{**item.facts, **dict(zip(names, found_KR.ravel().tolist(), strict=True))}]
            for item, found_KR in zip(items, self.problem.numbers(prediction), strict=True)
        ]

    @property
    def said(self) -> dict[str, str]:
        """Description of an exported graph's predictions."""
        targets, levels = ", ".join(self.problem.targets), self.problem.options.quantiles
        more = f", then its quantiles {', '.join(f'{level:g}' for level in levels)}, to be sorted" if levels else ""
        return {
            "prediction": f"of each target, {targets}, its value{more}, standardized: "
            "prediction * facts.target_scale + facts.target_mean is in its own unit"
        }
