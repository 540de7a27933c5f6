"""Sequences by split: read from a ready source or from the user's files, and dealt once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.base import Split
from tuner.adapters.classification import check_labels
from tuner.adapters.files import content_digest, existing
from tuner.adapters.learned_options import LEARNED, FoldOptions
from tuner.adapters.notices import left_out
from tuner.adapters.splits import SPLITS, deal, equal_items, straddling
from tuner.adapters.time_series.item_options import ItemOptions
from tuner.adapters.time_series.items import Items
from tuner.adapters.time_series.reading import read_items
from tuner.errors import DataError


class DealtItems(NamedTuple):
    """Items by split, how many were left out as they had no steps, and what is to be told."""

    splits: dict[Split, Items]
    empty: int
    notices: list[str]
    folds: NDArray[np.int64] | None = None
    """The fold of each item of train, where there are some."""


def fingerprint(options: ItemOptions) -> str:
    """See `Adapter.fingerprint`."""
    used = options.used({"path", "test_path", *LEARNED})
    if options.source is not None:
        files = options.sources[options.source].load()(options.source).files()
    else:
        files = _paths(options)
    digests = [content_digest([file], file.parent, used) for file in files]
    return "-".join(digests or [content_digest([], Path(), used)])  # what is made by seed depends on no file


def dealt_items(options: ItemOptions) -> DealtItems:
    """Read the items and deal them.

    Raises:
        DataError: They are missing, damaged or unfit.
    """
    if options.source is not None:
        parts = list(options.sources[options.source].load()(options.source).read())
    else:
        path, *test_path = _paths(options)
        parts = [read_items(path, options)]
        parts += [read_items(test, options, like=parts[0]) for test in test_path]
    kept = [part.without_empty() for part in parts]
    empty = sum(map(len, parts)) - sum(map(len, kept))
    items, *held = kept
    if items.classified:
        check_labels(items.labels, items.places, num_splits=1 if options.split else 2 if held else 3)
    dealt = deal(
        items.labels if items.classified else ["item"] * len(items),
        items.places,
        val=options.val,
        test=options.test,
        seed=options.split_seed,
        groups=items.groups,
        given=items.splits,
        held=bool(held),
        group=options.group or "",
        folds=options.folds if isinstance(options, FoldOptions) else 1,
    )
    splits = {split: items.subset(np.flatnonzero(dealt.splits == split)) for split in SPLITS}
    if held:
        splits["test"] = _fitting(held[0], items)
    told = [*(note for part in parts for note in part.notices), *dealt.notices, *_shared(splits, held)]
    told = [*left_out("items", {"no steps": empty}, of=sum(map(len, parts))), *told]
    return DealtItems(splits, empty, told, dealt.trained)


def _paths(options: ItemOptions) -> list[Path]:
    assert options.path is not None
    paths = [existing(options.path, "path", folder=False)]
    if options.test_path is not None:
        paths.append(existing(options.test_path, "test_path", folder=False))
    return paths


def _shared(splits: Mapping[Split, Items], held: Sequence[Items]) -> list[str]:
    """What splits have in common and should not."""
    where = [split for split in SPLITS for _ in splits[split].labels]
    told = equal_items(
        [item for split in SPLITS for item in splits[split].sequences],
        where,
        [place for split in SPLITS for place in splits[split].places],
        "items",
        [label for split in SPLITS for label in splits[split].labels],
    )
    groups = [group for split in SPLITS for group in splits[split].groups or ()]
    return [*(straddling(groups, where, "data.group") if held and groups else ()), *told]


def _fitting(held: Items, items: Items) -> Items:
    """The held items, when they have the channels and only classes of the others."""
    if len(held.channels) != len(items.channels):
        raise DataError(
            f"the test items must have {len(items.channels)} channels like the training items",
            value=len(held.channels),
            where=held.places[0],
        )
    known = set(items.labels)
    for label, place in zip(held.labels, held.places, strict=True) if items.classified else ():
        if label not in known:
            raise DataError(
                "a class of the test items must occur in the training items",
                value=label,
                fix=f"Known: {', '.join(sorted(known))}.",
                where=place,
            )
    return held
