"""Sequences of numbers to classes: read, split by class, standardized by the training split."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tuner.adapters.base import Demands, Metric, Prepared
from tuner.adapters.classification import (
    METRICS,
    metrics_of,
    numbered,
    trivial_name,
    trivial_of,
    write_facts,
    write_labels,
)
from tuner.adapters.described import Described, facts_of, numbers, of_classes
from tuner.adapters.folds import write_folds
from tuner.adapters.ragged import write_ragged
from tuner.adapters.ragged_problem import lag_of
from tuner.adapters.scaling import standardization
from tuner.adapters.time_series.dealt_items import dealt_items, fingerprint
from tuner.adapters.time_series.item_options import ClassificationOptions
from tuner.adapters.time_series.proposing import propose_classification

if TYPE_CHECKING:
    from tuner.adapters.time_series.class_codec import SeriesClassCodec
    from tuner.adapters.time_series.problems import SeriesClassificationProblem


class SeriesClassification:
    """Labelled sequences, each with one class."""

    propose = staticmethod(propose_classification)
    metrics: Sequence[Metric] = METRICS
    edition = "\n3"
    """Earlier editions had fewer trivial scores; the first had row numbers, ids and copies of the label as inputs."""
    defaults = {"pooling": "mean"}  # noqa: RUF012 - the contract has a plain attribute; nobody writes to it
    demands = Demands()
    model_files = ("facts.json",)

    def __init__(self, options: ClassificationOptions) -> None:
        self.options = options
        self.metrics = metrics_of(options)

    def fingerprint(self) -> str:
        """See `Adapter.fingerprint`."""
        return fingerprint(self.options)

    def prepare(self, folder: Path) -> Prepared:
        """See `Adapter.prepare`."""
        splits, dropped, told, fold_N, _ = dealt_items(self.options)
        write_folds(folder, fold_N)
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
            "missing": splits["train"].missing,
            **splits["train"].written(),
            "mean": scaling.mean.tolist(),
            "scale": scaling.scale.tolist(),
        }
        write_facts(folder, facts)
        lengths = [len(item) for item in splits["train"].sequences]
        return Prepared(
            counts={split: len(items) for split, items in splits.items()},
            trivial=trivial_of(labels, classes, self.options, fold_N),
            lag=lag_of(np.asarray(lengths)),
            about={
                "name": trivial_name(labels["train"], classes, self.options),
                "classes": classes,
                "channels": channels,
                "constant channels": np.array(channels)[scaling.constant].tolist(),
                "dropped": dropped,
            },
            notices=told,
        )

    def described(self, folder: Path, prepared: Prepared) -> Described:  # noqa: ARG002 - the contract's
        """See `Adapter.described`."""
        return of_classes(folder, lambda item: numbers(item, facts_of(folder)["channels"]))

    def problem(self, folder: Path) -> SeriesClassificationProblem:
        """See `Adapter.problem`."""
        from tuner.adapters.time_series.problems import SeriesClassificationProblem  # brings torch

        return SeriesClassificationProblem(folder, self.options)

    def codec(self, folder: Path) -> SeriesClassCodec:
        """See `Adapter.codec`."""
        from tuner.adapters.time_series.class_codec import SeriesClassCodec  # brings torch

        return SeriesClassCodec(folder, self.options)
