"""What the laboratory teaches of a ready space: which configurations to try first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.laboratory import configurations
from benchmarks.laboratory.records import RECORDS, SPACE, Pool

SIZE = 16
"""Configurations of a portfolio. On the tasks for tuning more of them gained nothing (24), and fewer (8) less."""
MEAN_WEIGHT = 0.001
"""Weight of a configuration's own mean rank beside what it adds to those before it; this little breaks ties. With 200
configurations recorded, on the tasks for tuning, 0.01 was as good, and 0.3 and 1 were worse; with 60, 0.3 was best."""


def ranks(pools: Mapping[str, Pool]) -> tuple[list[int], NDArray[np.float64]]:
    """Which configurations all of these tasks have, and how they rank.

    Returns:
        Their numbers (C), and the share of the others that is better, by task and configuration (T, C); where several
        are as good, or diverged, the mean of their places.
    """
    numbers = sorted(set.intersection(*(set(pool.params) for pool in pools.values())))
    values_TC = np.array([[pool.first(number).best for number in numbers] for pool in pools.values()])
    better_TC = (values_TC[:, None, :] < values_TC[:, :, None]).sum(2)
    equal_TC = (values_TC[:, None, :] == values_TC[:, :, None]).sum(2) - 1
    return numbers, (better_TC + equal_TC / 2) / (len(numbers) - 1)


def greedy(ranks_TC: NDArray[np.float64], size: int, mean_weight: float = MEAN_WEIGHT) -> list[int]:
    """Columns, each the one that lowers the mean over tasks of the best rank so far the most.

    Args:
        ranks_TC: From `ranks`.
        size: How many.
        mean_weight: See `MEAN_WEIGHT`, >= 0.

    Reference:
        Xu, Hoos and Leyton-Brown 2010, Hydra, AAAI; Feurer et al. 2022, Auto-Sklearn 2.0, JMLR 23, section 3.1.1.
        By ranks, as losses of different tasks have no common scale.
    """
    best_T = np.ones(len(ranks_TC))
    chosen: list[int] = []
    while len(chosen) < min(size, ranks_TC.shape[1]):
        gained_C = np.minimum(best_T[:, None], ranks_TC).mean(0) + mean_weight * ranks_TC.mean(0)
        gained_C[chosen] = np.inf
        chosen.append(int(gained_C.argmin()))
        best_T = np.minimum(best_T, ranks_TC[:, chosen[-1]])
    return chosen


def learned(
    pools: Mapping[str, Pool], size: int = SIZE, without: Sequence[str] = (), space: str = SPACE
) -> list[dict[str, Any]]:
    """A portfolio from some tasks, best first.

    Args:
        pools: What is recorded of them.
        size: Configurations.
        without: Names of tasks that nothing may be learned from.
        space: The ready space that is recorded.
    """
    numbers, ranks_TC = ranks({name: pool for name, pool in pools.items() if name not in without})
    params = configurations.kept(RECORDS, space)
    return [params[numbers[column]] for column in greedy(ranks_TC, size)]
