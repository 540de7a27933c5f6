"""Inference for the memory probes: new sequences to answers. See `tuner.adapters.base.Codec`.

Input: arrays, or an .npz with X, with the shapes of the probe's training data: adding (items, steps, 2), digits
(items, 64, 1), symbols (items, steps).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tuner.adapters.arrays import read_arrays
from tuner.adapters.base import Item
from tuner.adapters.batching import device_of, padded
from tuner.adapters.classification import class_columns, class_row
from tuner.adapters.memory.options import ProbeOptions
from tuner.adapters.memory.problems import PROBLEMS, NamingProblem
from tuner.errors import DataError

if TYPE_CHECKING:
    from torch import nn

    from tuner.adapters.base import Forward, Row


class ProbeCodec:
    """Sequences to a sum (`value`), to a class, or to a class at each step (`step`, from 1).

    Args:
        folder: Holds `facts.json`.
        options: The adapter's.
    """

    def __init__(self, folder: Path, options: ProbeOptions) -> None:
        self.problem = PROBLEMS[options.task](folder, options)
        self._size: int = self.problem.encoder().output_size  # type: ignore[assignment]  # torch types no attributes
        self._symbols = options.task in ("copy", "delayed_recall")
        classes = self.problem.num_classes if isinstance(self.problem, NamingProblem) else 0
        self._classes = [str(number) for number in range(classes)]

    def read(self, path: Path) -> Iterator[Item]:
        """An .npz with X. See `Codec`."""
        if path.suffix.lower() != ".npz":
            raise DataError("the file must be an .npz with X", value=path.name, where=str(path))
        arrays, _ = read_arrays(path, ("X",))
        yield from (self._item(each, f"{path}: item {number}") for number, each in enumerate(arrays["X"]))

    def items(self, data: Any) -> Iterator[Item]:
        """Arrays. See `Codec`."""
        if isinstance(data, str | Path):
            yield from self.read(Path(data))
        else:
            yield from (self._item(each, f"item {number}") for number, each in enumerate(data))

    def columns(self, *, proba: bool) -> dict[str, type]:
        """See `Codec`."""
        if not self._classes:
            return {"value": float}
        return {**({"step": int} if self.problem.every_step else {}), **class_columns(self._classes, proba=proba)}

    def answer(self, network: nn.Module | Forward, items: Sequence[Item], *, proba: bool) -> list[list[Row]]:
        """A row per item, or one per step. See `Codec`."""
        predictions = network(*padded(items, device_of(network))).double()
        if not self._classes:
            return [[{"value": value}] for value in predictions.tolist()]
        probabilities = predictions.softmax(dim=-1).cpu().numpy()
        if not self.problem.every_step:
            return [[class_row(row, self._classes, proba=proba)] for row in probabilities]
        return [
            [
                {"step": step, **class_row(row, self._classes, proba=proba)}
                for step, row in enumerate(rows[: len(item.x) if item.x is not None else 0], start=1)
            ]
            for item, rows in zip(items, probabilities, strict=True)
        ]

    def _item(self, each: object, where: str) -> Item:
        try:
            values = np.asarray(each)
        except ValueError as error:  # rows of different lengths
            return Item(where, None, f"it must be an array: {error}")
        shape = "(steps,)" if self._symbols else f"(steps, {self._size})"
        fits = values.ndim == 1 if self._symbols else values.shape[1:] == (self._size,)
        if not fits or not len(values) or values.dtype.kind not in "iufb":
            return Item(where, None, f"it must hold numbers {shape}, but is {values.dtype} {values.shape}")
        if not self._symbols:
            x = values.astype(np.float32)
            return Item(where, x) if np.isfinite(x).all() else Item(where, None, "its numbers must be finite")
        if (values != np.floor(values)).any() or values.min() < 0 or values.max() >= self._size:
            return Item(where, None, f"its symbols must be whole numbers from 0 to {self._size - 1}")
        return Item(where, values.astype(np.int64))
