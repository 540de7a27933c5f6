"""Sequences of unequal length in one memory-mapped array: values and offsets (n + 1).

The values end with as many rows of zeros as the longest item has, so that any batch is one strided copy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Self, TypeVar

import numpy as np
from numpy.lib import format as npy
from numpy.typing import DTypeLike, NDArray

Number = TypeVar("Number", bound=np.generic)


class Ragged:
    """Read-only view of sequences stored by `write_ragged`; items are slices, nothing is copied."""

    def __init__(self, folder: Path, name: str) -> None:
        mapped = np.load(folder / f"{name}.values.npy", mmap_mode="r")
        self.values: NDArray[np.generic] = mapped.view(np.ndarray)  # a memmap's own indexing is slower
        self.offsets: NDArray[np.int64] = np.load(folder / f"{name}.offsets.npy")
        self.lengths: NDArray[np.int64] = np.diff(self.offsets)

    @classmethod
    def of(cls, items: Sequence[NDArray[np.generic]]) -> Self:
        """The same for items in memory, each (length, ...)."""
        ragged = cls.__new__(cls)
        ragged.offsets, longest = _offsets(items)
        tail = np.zeros((longest, *items[0].shape[1:]), dtype=items[0].dtype)
        ragged.values = np.concatenate([*items, tail])
        ragged.lengths = np.diff(ragged.offsets)
        return ragged

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, index: int) -> NDArray[np.generic]:
        return self.values[self.offsets[index] : self.offsets[index + 1]]

    def padded(self, indices: NDArray[np.int64]) -> NDArray[np.generic]:
        """Items stacked into (B, longest length, ...), padded with zeros on the right."""
        lengths = self.lengths[indices]
        longest = int(lengths.max())
        stacked = slices(self.values, self.offsets[indices], longest)
        if int(lengths.min()) < longest:
            stacked[np.arange(longest) >= lengths[:, None]] = 0
        return stacked


class Drawn:
    """One of several versions of each item, drawn at random: as `Ragged`, for a pass.

    Args:
        versions: The same items in each.
        rng: Draws.
    """

    def __init__(self, versions: Sequence[Ragged], rng: np.random.Generator) -> None:
        self._versions, items = versions, len(versions[0])
        self._drawn = rng.integers(len(versions), size=items)
        self.lengths = np.stack([version.lengths for version in versions])[self._drawn, np.arange(items)]

    def padded(self, indices: NDArray[np.int64]) -> NDArray[np.generic]:
        """See `Ragged.padded`."""
        first = self._versions[0].values
        stacked = np.zeros((len(indices), int(self.lengths[indices].max()), *first.shape[1:]), dtype=first.dtype)
        for number, version in enumerate(self._versions):
            rows = np.flatnonzero(self._drawn[indices] == number)
            if len(rows):
                part = version.padded(indices[rows])
                stacked[rows, : part.shape[1]] = part
        return stacked


def slices(values: NDArray[Number], starts: NDArray[np.int64], length: int) -> NDArray[Number]:
    """`values[start : start + length]` for every start, stacked into (B, length, ...).

    Indexing a view of all overlapping slices copies each as one block of memory; gathering row numbers
    instead takes 4 to 10 times as long.

    Args:
        values: (N, ...), contiguous.
        starts: (B,), each in [0, N - length].
        length: Rows of a slice.
    """
    row = math.prod(values.shape[1:])
    overlapping: NDArray[Number] = np.ndarray(
        (len(values) - length + 1, length * row),
        dtype=values.dtype,
        buffer=values.data,
        strides=(row * values.itemsize, values.itemsize),
    )
    return overlapping[starts].reshape(len(starts), length, *values.shape[1:])


def write_ragged(folder: Path, name: str, items: Sequence[NDArray[np.generic]], dtype: DTypeLike | None = None) -> None:
    """Store `items`, each (length, ...), as `<name>.values.npy` and `<name>.offsets.npy`, one after the other.

    Args:
        folder: The folder of prepared data.
        name: The name of the files.
        items: The items.
        dtype: The type that is stored; None: that of the items.
    """
    offsets, longest = _offsets(items)
    kind, row = np.dtype(items[0].dtype if dtype is None else dtype), items[0].shape[1:]
    shape = (int(offsets[-1]) + longest, *row)
    with (folder / f"{name}.values.npy").open("wb") as file:
        header = {"descr": kind.str, "fortran_order": False, "shape": shape}
        npy.write_array_header_1_0(file, header)  # type: ignore[no-untyped-call]  # numpy has no types here
        for item in items:
            file.write(np.ascontiguousarray(item, dtype=kind).data)
        file.truncate(file.tell() + longest * math.prod(row) * kind.itemsize)
    np.save(folder / f"{name}.offsets.npy", offsets)


def _offsets(items: Sequence[NDArray[np.generic]]) -> tuple[NDArray[np.int64], int]:
    """Where the items begin and the last one ends, and the longest one's length."""
    offsets = np.zeros(len(items) + 1, dtype=np.int64)
    np.cumsum([len(item) for item in items], out=offsets[1:])
    return offsets, max(len(item) for item in items)
