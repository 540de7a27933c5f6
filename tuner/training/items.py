"""How much a score hangs on the items that it is of: the delete-a-group jackknife, for every kind of data alike."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tuner.adapters.base import Batch, Problem
from tuner.adapters.defaults import overlap_of

ALONE = 200
"""Items up to which each is a group of its own."""
GROUPS = 40
"""Groups of more items."""
FEWEST = 8
"""Groups below which nothing is told."""
LARGE = 1000
"""Items from which on each group is scored by itself; of fewer, all but it."""


def influence(
    problem: Problem, predictions: Sequence[Tensor], batches: Sequence[Batch], name: str
) -> dict[str, Any] | None:
    """What each group of items has to do with a score, as plain data; None where there are too few, or it has none.

    With G groups, a score s of all items and s_g of all but group g, G s - (G - 1) s_g is of that group (Tukey 1958);
    of a mean over items it is the group's mean. Over groups their mean is s, and their spread says how far s would be
    on other items: its standard error is sd / sqrt(G). Items are put into groups at random. Those that overlap, as
    windows of a series do, stay neighbours, in groups that are long beside the overlap: a series counts for the
    stretches that it has, not for its windows.

    Args:
        problem: Scores them.
        predictions: Of a whole split, or what the problem keeps of them.
        batches: Their batches.
        name: Of the score.

    Returns:
        "items" (how many), "overlap" (see `Problem`), "digest" (of the targets in their order: equal where
        groups hold the same items) and "values", one per group.

    Reference:
        Tukey 1958; of groups in place of items, Kott 2001, Journal of Official Statistics 17. Deviation: of `LARGE`
        sets each group is scored by itself, which is the same of means and costs as much as scoring all once.
    """
    items, overlap = sum(len(batch.y) for batch in batches), overlap_of(problem)
    if len(parts := _groups(items, overlap)) < FEWEST:
        return None
    try:
        with torch.inference_mode():
            values = _values(
                problem, [_taken(predictions, batches, rows) for rows in parts], name, alone=items >= LARGE
            )
    except Exception:  # noqa: BLE001 - an adapter of one's own may score whole splits alone, or not part them by item
        return None
    if not np.isfinite(values).all():
        return None
    return {"items": items, "overlap": overlap, "digest": _digest(batches), "values": values}


def _values(
    problem: Problem, groups: Sequence[tuple[list[Tensor], list[Batch]]], name: str, *, alone: bool
) -> list[float]:
    def score(of: Sequence[tuple[list[Tensor], list[Batch]]]) -> float:
        return float(problem.evaluate([p for ps, _ in of for p in ps], [b for _, bs in of for b in bs])[name])

    if alone:
        return [score([group]) for group in groups]
    whole, number = score(groups), len(groups)
    rest = [score([*groups[:at], *groups[at + 1 :]]) for at in range(number)]
    return [number * whole - (number - 1) * each for each in rest]


def _groups(items: int, overlap: int) -> list[NDArray[np.int64]]:
    if overlap > 1:
        return np.array_split(np.arange(items), max(1, min(GROUPS, items // (2 * overlap))))
    order = np.random.default_rng(0).permutation(items)
    return np.array_split(order, items if items <= ALONE else GROUPS)


def _taken(
    predictions: Sequence[Tensor], batches: Sequence[Batch], rows: NDArray[np.int64]
) -> tuple[list[Tensor], list[Batch]]:
    """Some items, by their number in the split."""
    taken: tuple[list[Tensor], list[Batch]] = ([], [])
    first = 0
    for prediction, batch in zip(predictions, batches, strict=True):
        own = torch.from_numpy(np.sort(rows[(rows >= first) & (rows < first + len(batch.y))]) - first)
        first += len(batch.y)
        if len(own):
            own = own.to(batch.y.device)
            lengths = None if batch.lengths is None else batch.lengths[own]
            taken[0].append(prediction[own])
            taken[1].append(Batch(batch.x[own], lengths, batch.y[own]))
    return taken


def _digest(batches: Sequence[Batch]) -> str:
    found = 0
    for batch in batches:
        found = zlib.crc32(np.ascontiguousarray(batch.y.cpu().numpy()).tobytes(), found)
    return f"{found:08x}"
