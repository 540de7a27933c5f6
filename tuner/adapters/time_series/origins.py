"""Forecast origins: the first row to forecast of every window, for many series at once.

S series, R stretches of rows without a gap, N windows.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.base import Split


class Parts(NamedTuple):
    """One past the last row of each series' parts: train, then val, then test; each (S,)."""

    train: NDArray[np.int64]
    val: NDArray[np.int64]
    test: NDArray[np.int64]


class Stretches(NamedTuple):
    """Stretches of rows without a gap, within which windows lie; each (R,).

    Args:
        number: Which series a stretch belongs to.
        start: First row.
        end: One past the last row.
    """

    number: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]

    def room(self, parts: Parts, horizon: int) -> int:
        """Length in rows of the longest input window that fits into the training parts."""
        return int((np.minimum(self.end, parts.train[self.number]) - self.start).max()) - horizon


def stretches_in(folder: Path, parts: Parts) -> Stretches:
    """The stretches in prepared data; whole series in data of earlier versions, which resumed studies may have."""
    path = folder / "stretches.npy"
    if path.exists():
        return Stretches(*np.load(path))
    start_S = np.zeros_like(parts.test)
    return Stretches(np.arange(len(start_S)), start_S, parts.test)


def made_in(folder: Path) -> NDArray[np.int64]:
    """Series number and row of the filled values, (2, rows)."""
    path = folder / "made.npy"
    made: NDArray[np.int64] = np.load(path) if path.exists() else np.empty((2, 0), dtype=np.int64)
    return made


TEST_STATISTICS = "test_statistics"


def statistics_in(folder: Path, split: Split) -> NDArray[np.float32]:
    """Mean, scale and naive error of each series, (S, 3, C), for a split's scores: the test's naive error is over
    all rows before the test part, as in forecasting competitions.
    """  # noqa: D205 - one sentence
    path = folder / f"{TEST_STATISTICS}.npy"
    if split != "test" or not path.exists():  # data of earlier versions, which resumed studies may have, lack it
        path = folder / "statistics.npy"
    statistics_S3C: NDArray[np.float32] = np.load(path).astype(np.float32)
    return statistics_S3C


class Windows(NamedTuple):
    """Windows, in order; each (N,).

    Args:
        number: Which series a window belongs to.
        origin: First row to forecast.
        rows: Rows available for the input window.
    """

    number: NDArray[np.int64]
    origin: NDArray[np.int64]
    rows: NDArray[np.int64]


def windows_of(
    stretches: Stretches,
    parts: Parts,
    made: NDArray[np.int64],
    split: Split,
    horizon: int,
    window: int = 1,
    stride: int = 1,
) -> Windows:
    """The windows of a split.

    Training windows have the full length; a stretch too short for it gives one shorter window. Scored forecasts have
    at least one horizon of rows before them; which ones there are does not depend on the window's length.

    Args:
        stretches: Stretches of rows without a gap.
        parts: Where the parts of the series end.
        made: Series number and row of the filled values, (2, rows); every window has a target that was not filled.
        split: The split.
        horizon: Rows to forecast.
        window: Length of training windows, in rows.
        stride: Rows from one window to the next.
    """
    train_R, val_R, test_R = (part[stretches.number] for part in parts)
    if split == "train":
        end_R = np.minimum(stretches.end, train_R)
        first_R = stretches.start + np.minimum(window, np.maximum(end_R - stretches.start - horizon, 1))
    else:
        begin_R, last_R = (train_R, val_R) if split == "val" else (val_R, test_R)
        end_R = np.minimum(stretches.end, last_R)
        first_R = np.maximum(begin_R, stretches.start + horizon)
    run_N, origin_N = origins(first_R, end_R, horizon, stride)
    number_N, start_N = stretches.number[run_N], stretches.start[run_N]
    if made.size:
        ends = np.cumsum(parts.test)
        before = np.r_[0, ends][:-1]
        read = np.ones(ends[-1], dtype=np.int64)
        read[before[made[0]] + made[1]] = 0
        total = np.r_[0, np.cumsum(read)]
        first_N = before[number_N] + origin_N
        kept = total[first_N + horizon] > total[first_N]
        number_N, origin_N, start_N = number_N[kept], origin_N[kept], start_N[kept]
    return Windows(number_N, origin_N, origin_N - start_N)


def origins(
    first_S: NDArray[np.int64], end_S: NDArray[np.int64], horizon: int, stride: int = 1
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All windows whose targets lie in rows [first, end) of their series.

    Counted back from the end by `stride`, so that the latest window is always included.

    Args:
        first_S: First row that may be a target, per series.
        end_S: One past the last row that may be a target, per series.
        horizon: Targets per window.
        stride: Rows from one origin to the next.

    Returns:
        Series number and origin of each window, both (N,), in order.
    """
    latest_S = end_S - horizon
    count_S = np.maximum((latest_S - first_S) // stride + 1, 0)
    number_N = np.repeat(np.arange(len(count_S)), count_S)
    rank_N = np.arange(len(number_N)) - np.repeat(np.cumsum(count_S) - count_S, count_S)
    return number_N, latest_S[number_N] - stride * (count_S[number_N] - 1 - rank_N)
