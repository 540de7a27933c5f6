"""Forecast origins: the first row to forecast of every window, for many series at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def origins(
    first_S: NDArray[np.int64], end_S: NDArray[np.int64], horizon: int, stride: int = 1
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All windows whose targets lie in rows [first, end) of their series.

    Counted back from the end by `stride`, so that the latest window is always there.

    Args:
        first_S: First row that may be a target, per series.
        end_S: One past the last row that may be a target, per series; at least `horizon` beyond the first.
        horizon: Targets per window.
        stride: Rows between origins.

    Returns:
        Series number and origin of each window, both (N,), in order.
    """
    latest_S = end_S - horizon
    count_S = (latest_S - first_S) // stride + 1
    number_N = np.repeat(np.arange(len(count_S)), count_S)
    rank_N = np.arange(len(number_N)) - np.repeat(np.cumsum(count_S) - count_S, count_S)
    return number_N, latest_S[number_N] - stride * (count_S[number_N] - 1 - rank_N)
