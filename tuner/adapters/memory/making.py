"""Generates the probes' items, and computes the scores of a predictor without memory.

Letters of shapes: N items, T steps, C channels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.base import Split
from tuner.adapters.classification import trivial_scores
from tuner.adapters.files import package_folder
from tuner.adapters.memory.options import Probe, ProbeOptions
from tuner.adapters.splits import stratified
from tuner.seeding import derive_seed

Items = tuple[NDArray[Any], NDArray[Any]]
"""Inputs, (N, T, C) float32 or (N, T) uint8, and targets: (N,) float32 or int64, or (N, T) int64."""

TOLERANCE = 0.04
"""Largest error of a sum that counts as right; from Hochreiter & Schmidhuber 1997, section 5.4, whose targets are
scaled to (0, 1)."""


@dataclass(frozen=True, slots=True)
class Made:
    """A probe's items.

    Args:
        splits: Items per split.
        trivial: Scores of the best predictor without memory, on val and test.
        guess: That predictor's answer, in words.
        lag: Longest dependency in steps.
    """

    splits: Mapping[Split, Items]
    trivial: Mapping[str, Mapping[str, float]]
    guess: str
    lag: int


def adding(options: ProbeOptions) -> Made:
    """Sequences of numbers from U(0, 1), two of them marked in a second channel; the target is their sum.

    One mark is in the first half of the steps, one in the second, each anywhere in it.

    Always predicting 1 has the mean squared error Var(u1 + u2) = 2 / 12. The sum has the density 1 - |s - 1|, so that 1
    is within d of it with probability 2 d - d^2.

    Reference:
        Hochreiter & Schmidhuber 1997, section 5.4. Deviation: numbers, marks and lengths as in Arjovsky et al. 2016,
        arXiv:1511.06464.
    """

    def draw(rng: np.random.Generator, num_items: int) -> Items:
        half, items_N = options.length // 2, np.arange(num_items)
        first_N = rng.integers(0, half, num_items)
        second_N = rng.integers(half, options.length, num_items)
        x_NTC = np.zeros((num_items, options.length, 2), dtype=np.float32)
        x_NTC[..., 0] = rng.random((num_items, options.length), dtype=np.float32)
        x_NTC[items_N, first_N, 1] = x_NTC[items_N, second_N, 1] = 1
        return x_NTC, x_NTC[items_N, first_N, 0] + x_NTC[items_N, second_N, 0]

    scores = {"loss": 1 / 6, "accuracy": 2 * TOLERANCE - TOLERANCE**2}
    return Made(_draw_splits(options, draw), _everywhere(scores), "constant 1", options.length)


def copy(options: ProbeOptions) -> Made:
    """R symbols, T - 1 blanks, R + 1 markers; the targets are R + T blanks, then the R symbols.

    Symbols are 1 to K, the blank is 0, the marker K + 1. The loss is over all T + 2 R steps.

    Predicting blanks, then all symbols as equally probable, has the cross-entropy R ln K / (T + 2 R).

    Reference:
        Bai et al. 2018, arXiv:1803.01271, section 5.3 and code: R = 10, K = 8. No deviation in the items. Arjovsky et
        al. 2016, arXiv:1511.06464, have blanks after the first marker.
    """
    length, recall = options.length, options.recall

    def draw(rng: np.random.Generator, num_items: int) -> Items:
        symbols_NR = rng.integers(1, options.symbols + 1, (num_items, recall))
        x_NT = np.zeros((num_items, options.steps), dtype=np.uint8)
        y_NT = np.zeros((num_items, options.steps), dtype=np.int64)
        x_NT[:, :recall] = y_NT[:, -recall:] = symbols_NR
        x_NT[:, -recall - 1 :] = options.symbols + 1
        return x_NT, y_NT

    scores = {"loss": recall * math.log(options.symbols) / options.steps, "accuracy": 1 / options.symbols}
    return Made(_draw_splits(options, draw), _everywhere(scores), "blanks, then any symbol", length + recall)


def delayed_recall(options: ProbeOptions) -> Made:
    """One of K symbols, then T symbols drawn from K others; the target is the first one.

    Equal probabilities for all K symbols have the cross-entropy ln K.

    Reference:
        After Hochreiter & Schmidhuber 1997, section 5.2. Deviation: K symbols, not two, predicted once, at the end.
    """
    symbols = options.symbols

    def draw(rng: np.random.Generator, num_items: int) -> Items:
        x_NT = rng.integers(symbols, 2 * symbols, (num_items, options.steps), dtype=np.uint8)
        x_NT[:, 0] = rng.integers(0, symbols, num_items)
        return x_NT, x_NT[:, 0].astype(np.int64)

    scores = {"loss": math.log(symbols), "accuracy": 1 / symbols}
    return Made(_draw_splits(options, draw), _everywhere(scores), "any symbol", options.length)


def digits(options: ProbeOptions) -> Made:
    """Handwritten digits of 8 x 8 pixels, one pixel a step, row by row or in an order drawn by seed; ten classes.

    A fifth of each class is for validation, a fifth for the test. The trivial predictor knows the class frequencies.

    Reference:
        Le et al. 2015, arXiv:1504.00941, section 4.2. Deviation: the 1,797 items of Alpaydin & Kaynak 1998 (UCI,
        doi:10.24432/C50P49) that come with the package scikit-learn, instead of MNIST.
    """
    table = np.loadtxt(digits_file(), delimiter=",", dtype=np.int64)
    x_NTC, y_N = (table[:, :-1, None] / 16).astype(np.float32), table[:, -1]
    if options.permuted:
        x_NTC = x_NTC[:, np.random.default_rng(derive_seed(options.seed, "pixels")).permutation(64)]
    dealt_N = stratified([str(label) for label in y_N], val=0.2, test=0.2, seed=options.seed)
    splits: dict[Split, Items] = {}
    for split in _SPLITS:
        splits[split] = x_NTC[dealt_N == split], y_N[dealt_N == split]
    trivial: dict[str, dict[str, float]] = {}
    for split in _SPLITS[1:]:
        scores = trivial_scores(splits["train"][1], splits[split][1], 10)
        trivial[split] = {name: scores[name] for name in ("loss", "accuracy")}
    return Made(splits, trivial, "most frequent class", 64)


def digits_file() -> Path:
    """The file of the digits in the package scikit-learn, which is not imported.

    Raises:
        DataError: The package is not installed.
    """
    return package_folder("sklearn", "scikit-learn", option="task") / "datasets" / "data" / "digits.csv.gz"


MAKERS: Mapping[Probe, Callable[[ProbeOptions], Made]] = {
    "adding": adding,
    "copy": copy,
    "delayed_recall": delayed_recall,
    "digits": digits,
}

_SPLITS: tuple[Split, ...] = ("train", "val", "test")


def _draw_splits(options: ProbeOptions, draw: Callable[[np.random.Generator, int], Items]) -> dict[Split, Items]:
    """Each split has its own random stream, so that its items do not depend on the sizes of the others."""
    sizes = dict(zip(_SPLITS, (options.train, options.val, options.test), strict=True))
    return {
        split: draw(np.random.default_rng(derive_seed(options.seed, "memory", options.task, split)), size)
        for split, size in sizes.items()
    }


def _everywhere(scores: Mapping[str, float]) -> dict[str, Mapping[str, float]]:
    return dict.fromkeys(_SPLITS[1:], scores)
