"""Common parts of problems whose splits are sequences in ragged arrays."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.base import Split
from tuner.adapters.folds import fold_of, sequences, targets

if TYPE_CHECKING:
    from tuner.adapters.batching import SequenceDataset


def lag_of(lengths: NDArray[np.int64]) -> int:
    """Longest expected dependency: a high quantile of the training items' lengths, to ignore a few very long ones."""
    return max(1, int(np.quantile(lengths, 0.95)))


class RaggedProblem:
    """A problem whose splits are ragged arrays `<split>.x` in a folder; its lag follows from the training lengths."""

    folder: Path
    options: Any
    fold = 0
    """Number of the fold whose items are the split "val"."""
    _lag: int | None = None  # not used in prediction, where there are no training data

    @property
    def folds(self) -> int:
        """See `FoldedProblem`."""
        fold_N = fold_of(self.folder)
        return 1 if fold_N is None else int(fold_N.max()) + 1

    def of_fold(self, number: int) -> Self:
        """See `FoldedProblem`."""
        other = type(self)(self.folder, self.options)  # type: ignore[call-arg]  # all subclasses are created so
        other.fold = number
        return other

    def items(self, split: Split) -> SequenceDataset:
        """The sequences of a split with a target each."""
        from tuner.adapters.batching import SequenceDataset  # torch stays out of the driver

        return SequenceDataset(sequences(self.folder, split, self.fold), targets(self.folder, split, self.fold))

    def steps_of(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Steps of the network for items of that many rows."""
        return rows

    @property
    def lag(self) -> int:
        """See `Problem.lag`."""
        if self._lag is None:
            self._lag = lag_of(self.steps_of(np.diff(np.load(self.folder / "train.x.offsets.npy"))))
        return self._lag

    @lag.setter
    def lag(self, lag: int) -> None:
        self._lag = lag
