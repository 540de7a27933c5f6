"""Sequences of numbers to classes: read, split by class, scaled by what the training split says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tuner.adapters.base import Demands, Metric, Prepared, Split
from tuner.adapters.classification import (
    METRICS,
    check_labels,
    lag_of,
    metrics_of,
    numbered,
    trivial_of,
    write_facts,
    write_labels,
)
from tuner.adapters.files import content_digest, existing
from tuner.adapters.learned_options import LEARNED
from tuner.adapters.notices import left_out
from tuner.adapters.ragged import write_ragged
from tuner.adapters.splits import SPLITS, deal, equal_items, straddling
from tuner.adapters.time_series.items import Items
from tuner.adapters.time_series.options import ClassificationOptions
from tuner.adapters.time_series.proposing import propose_classification
from tuner.adapters.time_series.reading import read_items
from tuner.adapters.time_series.scaling import standardization
from tuner.adapters.time_series.sources import CLASSIFICATION_SOURCES
from tuner.errors import DataError

if TYPE_CHECKING:
    from tuner.adapters.time_series.class_codec import SeriesClassCodec
    from tuner.adapters.time_series.problems import SeriesClassificationProblem


class SeriesClassification:
    """Labelled sequences, one class each."""

    propose = staticmethod(propose_classification)
    metrics: Sequence[Metric] = METRICS
    edition = "\n3"
    """Before, fewer trivial scores; before that, row numbers, ids and copies of the label were inputs."""
    defaults = {"pooling": "mean"}  # noqa: RUF012 - the contract has a plain attribute; nobody writes to it
    demands = Demands()
    model_files = ("facts.json",)

    def __init__(self, options: ClassificationOptions) -> None:
        self.options = options
        self.metrics = metrics_of(options)

    def fingerprint(self) -> str:
        """See `Adapter.fingerprint`."""
        used = self.options.used({"path", "test_path", *LEARNED})
        if self.options.source is not None:
            files = CLASSIFICATION_SOURCES[self.options.source].load()(self.options.source).files()
        else:
            files = self._paths()
        return "-".join(content_digest([file], file.parent, used) for file in files)

    def prepare(self, folder: Path) -> Prepared:
        """See `Adapter.prepare`."""
        splits, empty, told = self._split()
        classes = sorted(set(splits["train"].labels))
        scaling = standardization(np.concatenate(splits["train"].sequences), splits["train"].places[0])
        labels = {}
        for split, items in splits.items():
            labels[split] = numbered(items.labels, classes)
            scaled = [scaling(item).astype(np.float32) for item in items.sequences]
            write_ragged(folder, f"{split}.x", scaled)
            write_labels(folder, split, labels[split].tolist())
        channels = splits["train"].channels
        facts = {
            "classes": classes,
            "channels": channels,
            "steps": splits["train"].steps,
            "mean": scaling.mean.tolist(),
            "scale": scaling.scale.tolist(),
        }
        write_facts(folder, facts)
        lengths = [len(item) for item in splits["train"].sequences]
        return Prepared(
            counts={split: len(items) for split, items in splits.items()},
            trivial=trivial_of(labels, classes, self.options),
            lag=lag_of(np.asarray(lengths)),
            about={
                "name": "most frequent class",
                "classes": classes,
                "channels": channels,
                "constant channels": np.array(channels)[scaling.constant].tolist(),
                "dropped": {"no steps": empty} if empty else {},
            },
            notices=[*left_out("items", {"no steps": empty}, of=sum(map(len, labels.values())) + empty), *told],
        )

    def problem(self, folder: Path) -> SeriesClassificationProblem:
        """See `Adapter.problem`."""
        from tuner.adapters.time_series.problems import SeriesClassificationProblem  # brings torch

        return SeriesClassificationProblem(folder, self.options)

    def codec(self, folder: Path) -> SeriesClassCodec:
        """See `Adapter.codec`."""
        from tuner.adapters.time_series.class_codec import SeriesClassCodec  # brings torch

        return SeriesClassCodec(folder, self.options)

    def _paths(self) -> list[Path]:
        assert self.options.path is not None
        paths = [existing(self.options.path, "path", folder=False)]
        if self.options.test_path is not None:
            paths.append(existing(self.options.test_path, "test_path", folder=False))
        return paths

    def _split(self) -> tuple[dict[Split, Items], int, list[str]]:
        """The items by split, how many had no steps, and what is to be told."""
        options = self.options
        if options.source is not None:
            parts = list(CLASSIFICATION_SOURCES[options.source].load()(options.source).read())
        else:
            path, *test_path = self._paths()
            parts = [read_items(path, options)]
            parts += [read_items(test, options, like=parts[0]) for test in test_path]
        kept = [part.without_empty() for part in parts]
        empty = sum(map(len, parts)) - sum(map(len, kept))
        items, *held = kept
        check_labels(items.labels, items.places, num_splits=1 if options.split else 2 if held else 3)
        dealt = deal(
            items.labels,
            items.places,
            val=options.val,
            test=options.test,
            seed=options.split_seed,
            groups=items.groups,
            given=items.splits,
            held=bool(held),
            group=options.group or "",
        )
        splits = {split: items.subset(np.flatnonzero(dealt.splits == split)) for split in SPLITS}
        if held:
            splits["test"] = _fitting(held[0], items)
        told = [*(note for part in parts for note in part.notices), *dealt.notices, *_shared(splits, held)]
        return splits, empty, told


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
    for label, place in zip(held.labels, held.places, strict=True):
        if label not in known:
            raise DataError(
                "a class of the test items must occur in the training items",
                value=label,
                fix=f"Known: {', '.join(sorted(known))}.",
                where=place,
            )
    return held
