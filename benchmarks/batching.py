"""How items of unequal length are put into batches: who meets whom, what padding costs, and what is learned.

    python -m benchmarks.batching [--pairs 80] [--first 1000] [--epochs 30] [--rounds 15] [--batch-size 32]
                                  [--items 2000]

Three rules: `ours`, the project's own; `sorted`, what it had before, in which buckets of 16 batches are sorted wholly
by length and what is left over comes last; `random`, batches drawn at random. For each, on the lengths of the vowels
(aeon/JapaneseVowels) and on others made here: the share of pairs of items that meet in a batch in 50 epochs, the share
of steps that are padding, the weight that the longest tenth of the items have in the mean over batches (1 is fair), and
how many items an LSTM of 64 units learns from in a second, over those under `random`; beside it the loop that is often
written by hand, with random batches packed by `pack_padded_sequence`.

Then paired trainings on the vowels: the same configuration and seed under each rule, as a trial trains. Printed are the
geometric means of the ratios of the best validation loss, and of the test loss of that epoch's weights, to those under
random batches, with 95 % intervals over pairs and p of Student's t. About ten minutes on a core.
"""

from __future__ import annotations

import argparse
import math
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any
from unittest import mock

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from tuner.adapters import batching
from tuner.adapters.catalog import ADAPTERS
from tuner.adapters.preparing import prepare
from tuner.adapters.ragged import Ragged
from tuner.link import NullLink
from tuner.messages import TrialSpec
from tuner.training.evaluation import evaluate
from tuner.training.loop import Training

Lengths = NDArray[np.int64]
Rule = Callable[[Lengths, int, np.random.Generator | None], Iterator[Lengths]]
ADAPTER, DATA = "time_series/classification", {"source": "aeon/JapaneseVowels"}
EPOCHS, INPUTS, UNITS = 50, 12, 64


def in_sorted_buckets(lengths: Lengths, batch_size: int, rng: np.random.Generator | None) -> Iterator[Lengths]:
    """Buckets of 16 batches, each sorted wholly by length; the last batch of the last bucket has what is left over."""
    assert rng is not None
    order = rng.permutation(len(lengths))
    for start in range(0, len(order), batch_size * 16):
        bucket = order[start : start + batch_size * 16]
        bucket = bucket[np.argsort(lengths[bucket], kind="stable")]
        batches = [bucket[i : i + batch_size] for i in range(0, len(bucket), batch_size)]
        yield from (batches[i] for i in rng.permutation(len(batches)))


def at_random(lengths: Lengths, batch_size: int, rng: np.random.Generator | None) -> Iterator[Lengths]:
    """No regard to lengths."""
    assert rng is not None
    order = rng.permutation(len(lengths))
    yield from (order[i : i + batch_size] for i in range(0, len(order), batch_size))


RULES: dict[str, Rule] = {"ours": batching.batch_indices, "sorted": in_sorted_buckets, "random": at_random}


def passes(rule: Rule, lengths: Lengths, batch_size: int) -> list[list[Lengths]]:
    """The batches of 50 epochs."""
    rng = np.random.default_rng(0)
    return [list(rule(lengths, batch_size, rng)) for _ in range(EPOCHS)]


def met(batches: Sequence[Lengths], items: int) -> float:
    """Share of the pairs of items that meet in one of the batches."""
    together = np.zeros((items, items), dtype=bool)
    for batch in batches:
        together[np.ix_(batch, batch)] = True
    return float(together[np.triu_indices(items, 1)].mean())


def padded(batches: Sequence[Lengths], lengths: Lengths) -> float:
    """Share of steps that are padding."""
    steps = sum(int(lengths[batch].max()) * len(batch) for batch in batches)
    return 1 - sum(int(lengths[batch].sum()) for batch in batches) / steps


def weight(batches: Sequence[Lengths], lengths: Lengths) -> float:
    """Weight of the longest tenth in means over batches, over the mean weight of all."""
    weights = np.zeros(len(lengths))
    for batch in batches:
        weights[batch] += 1 / len(batch)
    return float(weights[np.argsort(lengths)[-max(1, len(lengths) // 10) :]].mean() / weights.mean())


def seconds_of_a_pass(lengths: Lengths, batches: Sequence[Lengths], *, packed: bool) -> float:
    """Processor time of a pass forwards and backwards through an LSTM."""
    kernel = nn.LSTM(INPUTS, UNITS, batch_first=True)
    items = torch.randn(len(lengths), int(lengths.max()), INPUTS)
    began = time.process_time()
    for batch in batches:
        lengths_B = torch.from_numpy(lengths[batch])
        x_BTI = items[batch, : int(lengths_B.max())]
        if packed:
            y, _ = kernel(pack_padded_sequence(x_BTI, lengths_B, batch_first=True, enforce_sorted=False))
            y_BTH, _ = pad_packed_sequence(y, batch_first=True)
        else:
            y_BTH, _ = kernel(x_BTI)
        valid_BT1 = (torch.arange(y_BTH.shape[1]) < lengths_B[:, None])[:, :, None]
        (y_BTH * valid_BT1).square().sum().backward()
    return time.process_time() - began


def tables(sets: dict[str, Lengths], rounds: int, batch_size: int) -> None:
    """Print what batches are like under each rule."""
    for name, lengths in sets.items():
        print(f"\n{name}: {len(lengths)} items of {lengths.min()} to {lengths.max()} steps, batches of {batch_size}")
        print(f"{'':<18}{'pairs met':>11}{'padding':>9}{'longest tenth':>15}{'items a second, over random':>29}")
        drawn = {rule: passes(RULES[rule], lengths, batch_size) for rule in RULES}
        timed = {"random, packed": ("random", True)} | {rule: (rule, False) for rule in RULES}
        seconds: dict[str, list[float]] = {label: [] for label in timed}
        for number in range(rounds + 1):  # the first warms up
            for label, (rule, packed) in timed.items():
                batches = drawn[rule][number % EPOCHS]
                seconds[label].append(seconds_of_a_pass(lengths, batches, packed=packed))
        for label, (rule, _) in timed.items():
            every = [batch for batches in drawn[rule] for batch in batches]
            ratio = median(seconds["random"][1:]) / median(seconds[label][1:])
            print(
                f"{label:<18}{met(every, len(lengths)):>11.1%}{padded(every, lengths):>9.1%}"
                f"{weight(every, lengths):>15.2f}{ratio:>29.2f}"
            )


def configuration(seed: int, batch_size: int) -> dict[str, Any]:
    """A usual one, drawn by seed."""
    draw = random.Random(seed)
    return {
        "cell": draw.choice(["lstm", "gru"]),
        "hidden_size": draw.choice([16, 32]),
        "learning_rate": 10 ** draw.uniform(-2.6, -2.0),
        "batch_size": batch_size,
        "schedule": "cosine",
        "patience": None,
    }


def losses(folder: Path, seed: int, epochs: int, batch_size: int, rule: str) -> tuple[float, float]:
    """Best validation loss of a training under a rule, and the test loss of its weights."""
    spec = TrialSpec(
        study="batching",
        run=f"trials/{rule}",
        kind="trial",
        number=0,
        attempt=1,
        seed=seed,
        params=configuration(seed, batch_size),
        adapter=ADAPTER,
        data=DATA,
        prepared=str(folder / "prepared"),
        folder=str(folder / rule),
        epochs=epochs,
        device="cpu",
        threads=1,
        diagnostics="off",
        act=False,
        keep_model=True,
    )
    with mock.patch.object(batching, "batch_indices", _fixed_without_seed(RULES[rule])):
        training = Training(spec, NullLink())
        training.run()
    network = training.learner.network
    network.load_state_dict(training.history.best_weights)
    scores = evaluate(network, training.problem, training.problem.dataset("test"), training.device)
    return training.history.best, scores["loss"]


def _fixed_without_seed(rule: Rule) -> Rule:
    own = RULES["ours"]
    return lambda lengths, batch_size, rng: (own if rng is None else rule)(lengths, batch_size, rng)


def compared(name: str, rule: str, found: dict[str, NDArray[np.float64]]) -> str:
    """The ratio of a rule's losses to those under random batches."""
    differences = np.log(found[rule] / found["random"])
    mean = differences.mean()
    if len(differences) < 2:
        return f"{name}, {rule} / random: {math.exp(mean):.3f}"
    error = differences.std(ddof=1) / math.sqrt(len(differences))
    half = float(stats.t.ppf(0.975, len(differences) - 1)) * error
    p = float(stats.ttest_1samp(differences, 0.0).pvalue)
    return (
        f"{name}, {rule} / random: {math.exp(mean):.3f} "
        f"({math.exp(mean - half):.3f} to {math.exp(mean + half):.3f}; p = {p:.2g}; {len(differences)} pairs)"
    )


def experiment(pairs: int, first: int, epochs: int, batch_size: int) -> None:
    """Print the ratios of the losses."""
    kept: dict[str, list[tuple[float, float]]] = {rule: [] for rule in RULES}
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(first, first + pairs):
            for rule in RULES:
                kept[rule].append(losses(Path(folder), seed, epochs, batch_size, rule))
    for index, name in enumerate(("validation loss", "test loss")):
        found = {rule: np.array([each[index] for each in values]) for rule, values in kept.items()}
        print(f"\n{name}, median: " + ", ".join(f"{rule} {np.median(values):.4f}" for rule, values in found.items()))
        for rule in RULES:
            if rule != "random":
                print(compared(name, rule, found))


def vowels() -> Lengths:
    """The lengths of the training items."""
    entry = ADAPTERS[ADAPTER]
    with tempfile.TemporaryDirectory() as folder:
        adapter = entry.load()(entry.options.model_validate(DATA))
        prepared, _ = prepare(ADAPTER, adapter, Path(folder))
        lengths: Lengths = np.array(Ragged(prepared, "train.x").lengths)
    return lengths


def main() -> None:
    """Measure, train and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=80, help="trainings under each rule")
    parser.add_argument("--first", type=int, default=1000, help="their first seed")
    parser.add_argument("--epochs", type=int, default=30, help="of a training")
    parser.add_argument("--rounds", type=int, default=15, help="timed passes")
    parser.add_argument("--batch-size", type=int, default=32, help="items; 8 makes 27 batches of the vowels")
    parser.add_argument("--items", type=int, default=2000, help="items whose lengths are made here, >= 4")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    rng = np.random.default_rng(1)
    sets = {
        "vowels": vowels(),
        "even lengths": rng.integers(5, 200, asked.items // 4),
        "log-normal lengths": np.exp(rng.normal(3, 0.7, asked.items)).astype(np.int64) + 1,
    }
    tables(sets, asked.rounds, asked.batch_size)
    experiment(asked.pairs, asked.first, asked.epochs, asked.batch_size)


if __name__ == "__main__":
    main()
