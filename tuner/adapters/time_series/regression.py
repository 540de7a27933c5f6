"""Sequences of numbers to one number or several: read, split, standardized by the training split."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tuner.adapters.base import Demands, Metric, Prepared
from tuner.adapters.classification import write_facts
from tuner.adapters.described import EXAMPLES, Described, facts_of, lengths, numbers
from tuner.adapters.folds import write_folds
from tuner.adapters.number_scores import METRICS, metrics_of
from tuner.adapters.ragged import Ragged, write_ragged
from tuner.adapters.ragged_problem import lag_of
from tuner.adapters.regression import TRIVIAL, prepare_targets
from tuner.adapters.scaling import standardization
from tuner.adapters.time_series.dealt_items import dealt_items, fingerprint
from tuner.adapters.time_series.item_options import RegressionOptions
from tuner.adapters.time_series.proposing import propose_regression

if TYPE_CHECKING:
    from tuner.adapters.time_series.number_codec import SeriesNumberCodec
    from tuner.adapters.time_series.problems import SeriesRegressionProblem


class SeriesRegression:
    """Sequences, each with one or several numbers to predict."""

    propose = staticmethod(propose_regression)
    metrics: Sequence[Metric] = METRICS
    defaults = {"pooling": "mean"}  # noqa: RUF012 - the contract has a plain attribute; nobody writes to it
    demands = Demands()
    model_files = ("facts.json",)

    def __init__(self, options: RegressionOptions) -> None:
        self.options = options
        self.metrics = metrics_of(options)

    def fingerprint(self) -> str:
        """See `Adapter.fingerprint`."""
        return fingerprint(self.options)

    def prepare(self, folder: Path) -> Prepared:
        """See `Adapter.prepare`."""
        splits, dropped, told, fold_N, _ = dealt_items(self.options)
        write_folds(folder, fold_N)
        train = splits["train"]
        scaling = standardization(np.concatenate(train.sequences), train.places[0])
        for split, items in splits.items():
            write_ragged(folder, f"{split}.x", [scaling(item).astype(np.float32) for item in items.sequences])
        numbers = {split: items.numbers for split, items in splits.items()}
        facts, trivial = prepare_targets(folder, numbers, self.options, train.places[0], fold_N)
        facts |= {"mean": scaling.mean.tolist(), "scale": scaling.scale.tolist()}
        told_of = {"targets": train.targets, "channels": train.channels}
        more = {"steps": train.steps, "missing": train.missing, **train.written()}
        write_facts(folder, {**told_of, **facts, **more})
        return Prepared(
            counts={split: len(items) for split, items in splits.items()},
            trivial=trivial,
            lag=lag_of(np.asarray([len(item) for item in train.sequences])),
            about={
                "name": TRIVIAL,
                **told_of,
                "targets of training items": {
                    name: f"{low:.6g} to {high:.6g}"
                    for name, low, high in zip(
                        train.targets, train.numbers.min(axis=0), train.numbers.max(axis=0), strict=True
                    )
                },
                "constant channels": np.array(train.channels)[scaling.constant].tolist(),
                "dropped": dropped,
            },
            notices=told,
        )

    def described(self, folder: Path, prepared: Prepared) -> Described:
        """See `Adapter.described`."""
        items, channels = Ragged(folder, "train.x"), facts_of(folder)["channels"]
        spans = [f"target {name}: {span}" for name, span in prepared.about["targets of training items"].items()]
        shown = [numbers(items[item], channels) for item in range(min(EXAMPLES, len(items)))]
        return Described([*spans, lengths(items.lengths)], shown)

    def problem(self, folder: Path) -> SeriesRegressionProblem:
        """See `Adapter.problem`."""
        from tuner.adapters.time_series.problems import SeriesRegressionProblem  # brings torch

        return SeriesRegressionProblem(folder, self.options)

    def codec(self, folder: Path) -> SeriesNumberCodec:
        """See `Adapter.codec`."""
        from tuner.adapters.time_series.number_codec import SeriesNumberCodec  # brings torch

        return SeriesNumberCodec(folder, self.options)
