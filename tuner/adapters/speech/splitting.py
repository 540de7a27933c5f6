"""Recordings without classes are dealt to training, validation and test."""

from __future__ import annotations

from collections.abc import Sequence

from tuner.adapters.base import Split
from tuner.adapters.speech.features import Item
from tuner.adapters.speech.recognition.options import RecognitionOptions
from tuner.adapters.speech.tagging.options import TaggingOptions
from tuner.adapters.splits import SPLITS, deal, equal_items


def dealt_recordings(
    items: Sequence[Item], options: RecognitionOptions | TaggingOptions
) -> tuple[dict[Split, list[Item]], list[str]]:
    """The recordings by split, whole speakers if all are known, and notices."""
    places, labels = [item.where for item in items], [item.label for item in items]
    speakers = [item.speaker for item in items if item.speaker is not None]
    given = [item.split for item in items if item.split is not None]
    dealt = deal(
        [""] * len(items),
        places,
        val=options.val,
        test=options.test,
        seed=options.split_seed,
        groups=speakers if options.group is not None and len(speakers) == len(items) else None,
        given=given or None,
        group=options.group or "",
        held_out={"val": options.val_groups, "test": options.test_groups},
    )
    splits: dict[Split, list[Item]] = {split: [] for split in SPLITS}
    for item, split in zip(items, dealt.splits.tolist(), strict=True):
        splits[split].append(item)
    twins = equal_items([item.features for item in items], dealt.splits, places, "recordings", labels)
    return splits, [*dealt.notices, *twins]
