"""The options of the memory probes: the keys of `data:` in a task file."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from tuner.adapters.files import check_left_out
from tuner.config.options import Options
from tuner.errors import TaskFileError

Probe = Literal["adding", "copy", "delayed_recall", "digits"]

LARGEST = 100_000_000
"""Largest number of input values in total: 400 MB, or 100 MB of symbols."""

_WITHOUT_EFFECT: dict[Probe, tuple[str, ...]] = {
    "adding": ("symbols", "recall", "permuted"),
    "copy": ("permuted",),
    "delayed_recall": ("recall", "permuted"),
    "digits": ("length", "symbols", "recall", "train", "val", "test"),
}


class ProbeOptions(Options):
    """One of four tasks.

    All options act in preparation: to search one makes new data for each of its values, and trials on different data
    are hard to compare.
    """

    task: Probe = "adding"
    """adding: the sum of two marked numbers (Hochreiter & Schmidhuber 1997). copy: symbols repeated after a pause
    (Arjovsky et al. 2016; Bai et al. 2018). delayed_recall: the first symbol, recalled after others. digits:
    handwritten digits, pixel by pixel (after Le et al. 2015)."""
    length: int = Field(200, ge=2, le=100_000)
    """T in steps, 2 to 100,000. adding: the whole sequence. copy: the pause. delayed_recall: the symbols in between.
    Not for digits, which have 64."""
    symbols: int = Field(8, ge=2, le=100)
    """copy, delayed_recall: different symbols to remember, 2 to 100. 8 after Arjovsky et al. 2016."""
    recall: int = Field(10, ge=1, le=1000)
    """copy: symbols to repeat, 1 to 1000. 10 after Arjovsky et al. 2016."""
    permuted: bool = False
    """digits: whether the pixels are permuted, with the same random order for all items. Le et al. 2015."""
    train: int = Field(10_000, ge=1, le=10_000_000)
    """Training items, 1 to 10,000,000; fixed for digits. 10,000 after Bai et al. 2018, copy."""
    val: int = Field(1000, ge=1, le=1_000_000)
    """Validation items, 1 to 1,000,000; fixed for digits."""
    test: int = Field(1000, ge=1, le=1_000_000)
    """Test items, 1 to 1,000,000; fixed for digits. 1,000 after Bai et al. 2018."""
    seed: int = Field(0, ge=0)
    """Seed of the items (digits: of the split and the pixels' order), >= 0."""

    @model_validator(mode="after")
    def _acts(self) -> Self:
        check_left_out(
            self, _WITHOUT_EFFECT[self.task], when=f"with task {self.task}", fix="It would change nothing there."
        )
        if (numbers := self.num_numbers) > LARGEST:
            raise TaskFileError(
                f"data.train, val and test together must hold at most {LARGEST:,} numbers",
                value=numbers,
                fix="Take fewer items, or shorter ones.",
                key=("data", "train"),
            )
        return self

    @property
    def steps(self) -> int:
        """Steps of a sequence."""
        return {
            "adding": self.length,
            "copy": self.length + 2 * self.recall,
            "delayed_recall": self.length + 1,
            "digits": 64,
        }[self.task]

    @property
    def num_numbers(self) -> int:
        """Number of input values in total; there are 1,797 digits."""
        items = 1797 if self.task == "digits" else self.train + self.val + self.test
        return items * self.steps * (2 if self.task == "adding" else 1)
