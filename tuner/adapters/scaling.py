"""Standardization: zero mean and unit variance per channel, measured on training rows only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tuner.errors import DataError

_NOISE = 1e-12
"""A standard deviation below this fraction of the largest value is a rounding error: the channel is constant."""


class Scaling(NamedTuple):
    """z = (x - mean) / scale, each (C,); the scale of a constant channel is 1."""

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    constant: NDArray[np.bool_]

    @classmethod
    def known(cls, mean: Sequence[float], scale: Sequence[float]) -> Scaling:
        """The scaling of the training data, from its stored values."""
        return cls(np.array(mean), np.array(scale), np.zeros(len(mean), dtype=bool))

    def __call__(self, values_TC: NDArray[np.float64]) -> NDArray[np.float64]:
        """The standardized values."""
        return (values_TC - self.mean) / self.scale


def standardization(rows_TC: NDArray[np.float64], where: str) -> Scaling:
    """Mean and population standard deviation of each channel.

    Raises:
        DataError: The values are so large that their squares are not finite.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        mean_C, scale_C = rows_TC.mean(axis=0), rows_TC.std(axis=0)
    largest_C = np.abs(rows_TC).max(axis=0)
    if not np.isfinite(scale_C).all():
        raise DataError(
            "values must be small enough to be squared",
            value=float(largest_C.max()),
            fix="Use another unit.",
            where=where,
        )
    constant_C = scale_C <= _NOISE * largest_C
    return Scaling(mean_C, np.where(constant_C, 1.0, scale_C), constant_C)
