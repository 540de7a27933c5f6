"""Sequences of numbers with a class per step: read, split, standardized by the training split."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.base import Demands, Metric, Prepared
from tuner.adapters.classification import write_facts
from tuner.adapters.described import EXAMPLES, Described, facts_of, lengths, numbers
from tuner.adapters.labelling import TRIVIAL, trivial_scores
from tuner.adapters.ragged import Ragged, write_ragged
from tuner.adapters.ragged_problem import lag_of
from tuner.adapters.scaling import standardization
from tuner.adapters.segments import METRICS, segments
from tuner.adapters.time_series.dealt_items import dealt_items, fingerprint
from tuner.adapters.time_series.item_options import LabellingOptions
from tuner.adapters.time_series.proposing import propose_labelling
from tuner.errors import DataError, nearest

if TYPE_CHECKING:
    from tuner.adapters.time_series.problems import SeriesLabellingProblem
    from tuner.adapters.time_series.step_codec import SeriesStepCodec


class SeriesLabelling:
    """Sequences with a class per step: events, activities, faults."""

    propose = staticmethod(propose_labelling)
    metrics: Sequence[Metric] = METRICS
    defaults = {"bidirectional": True}  # noqa: RUF012 - the contract has a plain attribute; nobody writes to it
    demands = Demands(every_step=True)
    model_files = ("facts.json",)

    def __init__(self, options: LabellingOptions) -> None:
        self.options = options

    def fingerprint(self) -> str:
        """See `Adapter.fingerprint`."""
        return fingerprint(self.options)

    def prepare(self, folder: Path) -> Prepared:
        """See `Adapter.prepare`."""
        splits, dropped, told, _, window = dealt_items(self.options)
        train = splits["train"]
        classes = sorted({str(label) for item in train.step_labels for label in item})
        if len(classes) < 2:
            raise DataError("there must be at least two different labels", value=classes, where=train.places[0])
        background = self._background(classes)
        scaling = standardization(np.concatenate(train.sequences), train.places[0])
        known = {name: number for number, name in enumerate(classes)}
        labels: dict[str, list[NDArray[np.int64]]] = {}
        for split, items in splits.items():
            write_ragged(folder, f"{split}.x", [scaling(item).astype(np.float32) for item in items.sequences])
            labels[split] = [
                np.array([known.get(str(label), len(classes)) for label in item]) for item in items.step_labels
            ]
            write_ragged(folder, f"{split}.y", [item.astype(np.int32) + np.int32(1) for item in labels[split]])
            unseen = sorted({str(label) for item in items.step_labels for label in item} - known.keys())
            if unseen:
                told = [
                    *told,
                    f"classes of {split} that no training item has: {', '.join(unseen)}; they count as wrong",
                ]
        facts = {"mean": scaling.mean.tolist(), "scale": scaling.scale.tolist(), "background": background}
        about = {"classes": classes, "channels": train.channels}
        more = {"missing": train.missing, **({"window": window} if window else {})}
        write_facts(folder, {**about, **facts, **more, **train.written()})
        return Prepared(
            counts={split: len(items) for split, items in splits.items()},
            trivial={
                split: trivial_scores(labels["train"], labels[split], len(classes), background)
                for split in ("val", "test")
            },
            lag=lag_of(np.asarray([len(item) for item in train.sequences])),
            about={
                "name": TRIVIAL,
                **about,
                "steps": {split: sum(map(len, its)) for split, its in labels.items()},
                "segments": {split: sum(len(segments(it, background)) for it in its) for split, its in labels.items()},
                "constant channels": np.array(train.channels)[scaling.constant].tolist(),
                "dropped": dropped,
            },
            notices=told,
        )

    def described(self, folder: Path, prepared: Prepared) -> Described:
        """See `Adapter.described`."""
        items, labels, facts = Ragged(folder, "train.x"), Ragged(folder, "train.y"), facts_of(folder)
        counts = np.bincount(np.concatenate([labels[at] for at in range(len(labels))]) - 1)
        shares = ", ".join(
            f"{name} {count / counts.sum():.0%}" for name, count in zip(facts["classes"], counts, strict=True)
        )
        found = [f"{prepared.about['segments']['train']} segments in the training split; steps: {shares}"]
        shown = [numbers(items[at], facts["channels"]) for at in range(min(EXAMPLES, len(items)))]
        return Described([*found, lengths(items.lengths)], shown)

    def problem(self, folder: Path) -> SeriesLabellingProblem:
        """See `Adapter.problem`."""
        from tuner.adapters.time_series.problems import SeriesLabellingProblem  # brings torch

        return SeriesLabellingProblem(folder, self.options)

    def codec(self, folder: Path) -> SeriesStepCodec:
        """See `Adapter.codec`."""
        from tuner.adapters.time_series.step_codec import SeriesStepCodec  # brings torch

        return SeriesStepCodec(folder, self.options)

    def _background(self, classes: Sequence[str]) -> int:
        name = self.options.background
        if name is None:
            return -1
        if name not in classes:
            raise DataError(
                "data.background must be one of the classes",
                value=name,
                fix=nearest(name, classes),
                key=("data", "background"),
            )
        return classes.index(name)
