"""A tiny adapter: two classes of short noisy waves, generated in milliseconds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.base import Demands, Prepared
from tuner.adapters.classification import metrics_of, trivial_of, write_facts, write_labels
from tuner.adapters.learned_options import ClassOptions
from tuner.adapters.ragged import write_ragged
from tuner.adapters.splits import SPLITS

if TYPE_CHECKING:
    from tuner.adapters.base import Problem


class Waves:
    """Two classes of waves: of one frequency, and of twice that frequency."""

    class Options(ClassOptions):
        """Number and seed of the waves."""

        items: int = 20
        """Waves per split."""
        seed: int = 0
        """Seed of phases, lengths and noise."""

    demands = Demands()

    def __init__(self, chosen: Options) -> None:
        self._options = chosen
        self.metrics = metrics_of(chosen)

    def fingerprint(self) -> str:
        """The options as JSON, which determine the data."""
        return self._options.model_dump_json()

    def prepare(self, folder: Path) -> Prepared:
        """Generate and write the waves."""
        count = self._options.items
        labels = np.arange(count) % 2
        rng = np.random.default_rng(self._options.seed)
        for split in SPLITS:
            waves = [_wave(int(label), rng) for label in labels]
            write_ragged(folder, f"{split}.x", waves)
            write_labels(folder, split, labels.tolist())
        classes = ["slow", "fast"]
        write_facts(folder, {"classes": classes, "channels": ["value"]})
        return Prepared(
            counts=dict.fromkeys(SPLITS, count),
            trivial=trivial_of(dict.fromkeys(SPLITS, labels), classes, self._options),
            lag=12,
            about={"name": "most frequent class"},
        )

    def problem(self, folder: Path) -> Problem:
        """Open the waves."""
        from tuner.adapters.time_series.problems import SeriesClassificationProblem

        return SeriesClassificationProblem(folder, self._options)


def _wave(label: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """A wave of eight to twelve steps, (T, 1)."""
    steps = np.arange(rng.integers(8, 13))
    wave = np.sin(steps * (1.0 + label) + rng.uniform(0, 6)) + rng.normal(0, 0.2, len(steps))
    return np.asarray(wave[:, None], np.float32)
