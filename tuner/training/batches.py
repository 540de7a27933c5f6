"""The training data for optimizer steps, pass after pass."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch

from tuner.adapters.base import Batch, Problem
from tuner.diagnostics.look import Sample
from tuner.optim.learning import LearningOptions
from tuner.seeding import derive_seed
from tuner.training.chunks import Chunk, chunks
from tuner.training.devices import to_device

SAMPLE_ITEMS = 16
"""Largest number of items in the batch for diagnostics."""
SAMPLE_CHOICE = 8
"""Number of batches from which it is chosen."""


class TrainingBatches:
    """The training split in chunks on the trial's device, every pass in a new order.

    Args:
        problem: The problem with the training split.
        learning: Has the batch size and the truncation.
        seed: The trial's; it determines, with n, the order of pass n.
        device: The device of the chunks.
        updates_per_epoch: Chunks of an epoch; None: an epoch is a pass.
    """

    def __init__(
        self,
        problem: Problem,
        learning: LearningOptions,
        seed: int,
        device: torch.device,
        updates_per_epoch: int | None = None,
    ) -> None:
        self._problem, self._learning, self._seed, self._device = problem, learning, seed, device
        self._dataset = problem.dataset("train")
        self._fixed = updates_per_epoch
        self._passes = self._position = 0
        self.endless = self._endless()
        """Chunks without end, pass after pass, from the position of a checkpoint."""
        self.updates_per_epoch = updates_per_epoch or self._updates_of_a_pass()
        """Chunks of an epoch; with truncation of unequal sequences or to random lengths a pass may have a few more or
        less."""

    def epoch(self, number: int) -> Iterator[Chunk]:
        """The chunks of an epoch, counted from 1."""
        if self._fixed is None:
            return self._pass(number)
        return itertools.islice(self.endless, self._fixed)

    def sample(self) -> Sample:
        """The batch for diagnostics, the same in every trial of a study with the same batch size.

        It is the one with the longest sequences (to show long lags) of the first full batches in a random order; with
        truncation its first steps.
        """
        items = min(SAMPLE_ITEMS, self._learning.batch_size)
        batches = self._dataset.batches(
            items, rng=np.random.default_rng(0)
        )  # items may be stored class by class, hence shuffled
        batch = max(itertools.islice(batches, SAMPLE_CHOICE), key=lambda batch: (len(batch.y), batch.x.shape[1]))
        if self._learning.truncation is not None:
            batch = next(chunks(batch, self._learning.truncation)).batch
            batch = Batch(x=batch.x.clone(), lengths=batch.lengths, y=batch.y.clone())  # not a view of a whole text
        problem = self._problem
        return Sample(to_device(batch, self._device), problem.loss, problem.every_step, problem.lag)

    def _endless(self) -> Iterator[Chunk]:
        while True:
            for chunk in itertools.islice(self._pass(self._passes + 1), self._position, None):
                self._position += 1
                yield chunk
            self._passes, self._position = self._passes + 1, 0

    def _pass(self, number: int) -> Iterator[Chunk]:
        rng = np.random.default_rng(derive_seed(self._seed, "batches", number))
        truncation, lengths = self._learning.truncation, None
        if self._learning.variable_truncation:
            lengths = np.random.default_rng(derive_seed(self._seed, "chunks", number))
        for batch in self._dataset.batches(self._learning.batch_size, rng=rng):
            batch = to_device(batch, self._device)
            yield from [Chunk(batch)] if truncation is None else chunks(batch, truncation, lengths)

    def _updates_of_a_pass(self) -> int:
        if self._learning.truncation is None:
            return self._dataset.num_batches(self._learning.batch_size)
        return sum(1 for _ in self._pass(1))

    def state_dict(self) -> dict[str, Any]:
        """The position of `endless`."""
        return {"passes": self._passes, "position": self._position}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Set the position of `endless`; call before its first chunk."""
        self._passes, self._position = state["passes"], state["position"]
