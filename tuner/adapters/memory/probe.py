"""The adapter of the memory probes: synthetic data from a seed, scores of the trivial predictor in closed form."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tuner.adapters.base import Demands, Metric, Prepared
from tuner.adapters.classification import write_facts
from tuner.adapters.described import EXAMPLES, Described, lengths, numbers
from tuner.adapters.files import content_digest
from tuner.adapters.memory.making import MAKERS, digits_file
from tuner.adapters.memory.options import ProbeOptions
from tuner.adapters.ragged import Ragged, write_ragged

if TYPE_CHECKING:
    from tuner.adapters.memory.codec import ProbeCodec
    from tuner.adapters.memory.problems import ProbeProblem


class MemoryProbe:
    """The task named by `ProbeOptions.task`; all tasks have the same two metrics."""

    metrics = (
        Metric(
            "loss",
            maximize=False,
            summary="adding: mean squared error; else mean cross-entropy in nats",
            within=(0, math.inf),
        ),
        Metric(
            "accuracy",
            maximize=True,
            summary="share of right answers, 0 to 1: sums within 0.04, repeated symbols, or classes",
            within=(0, 1),
            counted=True,
            readable=True,
        ),
    )
    model_files = ("facts.json",)
    defaults: dict[str, object] = {}  # noqa: RUF012 - the contract has a plain attribute; nobody writes to it

    def __init__(self, options: ProbeOptions) -> None:
        self.options = options
        # With a backward direction the tasks would need less memory.
        self.demands = Demands(causal=True, every_step=options.task == "copy")

    def fingerprint(self) -> str:
        """See `Adapter.fingerprint`."""
        if self.options.task == "digits":
            path = digits_file()
            return content_digest([path], path.parent, self.options.model_dump())
        return hashlib.sha256(self.options.model_dump_json().encode()).hexdigest()

    def prepare(self, folder: Path) -> Prepared:
        """See `Adapter.prepare`."""
        made = MAKERS[self.options.task](self.options)
        for split, (x, y) in made.splits.items():
            write_ragged(folder, f"{split}.x", list(x))
            np.save(folder / f"{split}.y.npy", y)
        write_facts(folder, {"lag": made.lag})
        return Prepared(
            counts={split: len(y) for split, (_, y) in made.splits.items()},
            trivial=made.trivial,
            lag=made.lag,
            about={"name": made.guess, "task": self.options.task, "steps": self.options.steps},
        )

    def described(self, folder: Path, prepared: Prepared) -> Described:  # noqa: ARG002 - the contract's
        """See `Adapter.described`."""
        items, targets = Ragged(folder, "train.x"), np.load(folder / "train.y.npy")
        examples = [
            f"{numbers(items[item])}; answer {' '.join(f'{value:.3g}' for value in np.ravel(targets[item])[:6])}"
            for item in range(min(EXAMPLES, len(items)))
        ]
        return Described([lengths(items.lengths)], examples)

    def problem(self, folder: Path) -> ProbeProblem:
        """See `Adapter.problem`."""
        from tuner.adapters.memory.problems import PROBLEMS  # imports torch

        return PROBLEMS[self.options.task](folder, self.options)

    def codec(self, folder: Path) -> ProbeCodec:
        """See `Adapter.codec`."""
        from tuner.adapters.memory.codec import ProbeCodec  # imports torch

        return ProbeCodec(folder, self.options)
