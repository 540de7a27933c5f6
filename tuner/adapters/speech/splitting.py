"""Recordings are dealt to training, validation and test."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.base import Split
from tuner.adapters.speech.features import Item
from tuner.adapters.speech.options import SpeechClassificationOptions
from tuner.adapters.speech.recognition.options import RecognitionOptions
from tuner.adapters.speech.tagging.options import TaggingOptions
from tuner.adapters.splits import SPLITS, deal, equal_items


class DealtRecordings(NamedTuple):
    """Recordings by split, notices, and the training folds, if there are any; see `Dealt`."""

    splits: dict[Split, list[Item]]
    notices: list[str]
    trained: NDArray[np.int64] | None


def dealt_recordings(
    items: Sequence[Item],
    options: SpeechClassificationOptions | RecognitionOptions | TaggingOptions,
    classes: Sequence[str] | None = None,
    folds: int = 1,
) -> DealtRecordings:
    """Deal recordings, whole speakers if all are known.

    Args:
        items: The recordings.
        options: The adapter's.
        classes: The class of each, of which all splits get their share; None: they have none.
        folds: Number of folds; 1: none.
    """
    places, labels = [item.where for item in items], [item.label for item in items]
    speakers = [item.speaker for item in items if item.speaker is not None]
    given = [item.split for item in items if item.split is not None]
    dealt = deal(
        [""] * len(items) if classes is None else classes,
        places,
        val=options.val,
        test=options.test,
        seed=options.split_seed,
        groups=speakers if options.group is not None and len(speakers) == len(items) else None,
        given=given or None,
        group=options.group or "",
        folds=folds,
        held_out={"val": options.val_groups, "test": options.test_groups},
    )
    splits: dict[Split, list[Item]] = {split: [] for split in SPLITS}
    for item, split in zip(items, dealt.splits.tolist(), strict=True):
        splits[split].append(item)
    twins = equal_items([item.features for item in items], dealt.splits, places, "recordings", labels)
    return DealtRecordings(splits, [*dealt.notices, *twins], dealt.trained)
