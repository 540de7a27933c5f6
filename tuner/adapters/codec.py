"""The third part of an adapter: new raw data to a network's input, and its predictions to answers.

A codec is opened from the few files of prepared data that `Adapter.model_files` names, without any training data. It
calls what prepared the training data, so that a model reads new data as it has learned to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from tuner.adapters.base import Problem

Row = dict[str, Any]
"""One line of an answer: plain values by column."""
Forward = Callable[["Tensor", "Tensor | None"], "Tensor"]
"""A batch's input and lengths to predictions: a network, or an ONNX session."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that a model is asked about.

    Args:
        where: The place it was read from: "new.csv:12", "item 3".
        x: As `Batch.x` without its first axis: float32 (T, C) or int64 (T,), T >= 1; None where it cannot be read.
        problem: Why it cannot be read, or could be read in part only; "" where all is well.
        facts: What its answer needs or repeats: ids, time stamps, scales.
    """

    where: str
    x: NDArray[Any] | None
    problem: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


class Codec(Protocol):
    """Reads what a model is asked, and says what it answers."""

    problem: Problem
    """Gives encoder and head of the network; no split of it can be opened."""

    def read(self, path: Path) -> Iterator[Item]:
        """The items of a file or folder, in their order, a few at a time; no label is needed.

        Raises:
            DataError: It is missing or of no known form, or what all items need is not in it: a column.
        """
        ...

    def items(self, data: Any) -> Iterator[Item]:
        """The same of values in memory, of the types that the family's page names: texts, arrays, a DataFrame, paths.

        Raises:
            DataError: They are of another type.
        """
        ...

    def columns(self, *, proba: bool) -> dict[str, type]:
        """Names of what `answer` gives, in their order, and their types: str, int, float."""
        ...

    def answer(self, network: nn.Module | Forward, items: Sequence[Item], *, proba: bool) -> list[list[Row]]:
        """The rows of each item, all of whose `x` are there; one item has one row or more.

        Args:
            network: In evaluation mode.
            items: A batch.
            proba: Whether rows also have what makes them up: a probability per class.
        """
        ...


def padded(items: Sequence[Item], device: torch.device | None = None) -> tuple[Tensor, Tensor | None]:
    """Input (B, T, C) or (B, T) and lengths (B,) of a batch, as `Batch` has them."""
    import torch

    xs = [item.x for item in items if item.x is not None]
    lengths = np.array([len(x) for x in xs], dtype=np.int64)
    longest = int(lengths.max())
    dtype = np.int64 if xs[0].dtype.kind in "iu" else np.float32
    x = np.zeros((len(xs), longest, *xs[0].shape[1:]), dtype=dtype)
    for row, values in enumerate(xs):
        x[row, : len(values)] = values
    same = bool((lengths == longest).all())
    return torch.from_numpy(x).to(device), None if same else torch.from_numpy(lengths).to(device)
