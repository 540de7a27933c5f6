"""An adapter and a cell from outside the package, with what the first contracts had and nothing more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tuner.adapters.base import Metric, Prepared
from tuner.config.options import Options as Base

if TYPE_CHECKING:
    from torch import Tensor, nn

STEPS = 7


class Steps:
    """The mean of seven random numbers is to be told."""

    class Options(Base):
        """Whether the problem says, as it was said then, that the network may not look ahead."""

        causal: bool = False

    metrics = (Metric("loss", maximize=False, summary="mean squared error"),)

    def __init__(self, options: Options) -> None:
        self.options = options

    def fingerprint(self) -> str:
        """Always the same data."""
        return "steps"

    def prepare(self, folder: Path) -> Prepared:
        """Write the numbers."""
        rng = np.random.default_rng(0)
        counts = {"train": 40, "val": 10, "test": 10}
        for split, count in counts.items():
            np.save(folder / f"{split}.npy", rng.normal(size=(count, STEPS, 1)).astype(np.float32))
        return Prepared(counts, {split: {"loss": 1 / STEPS} for split in ("val", "test")}, STEPS, {"name": "zero"})

    def problem(self, folder: Path) -> Any:
        """What is learned."""
        return Means(folder, self.options.causal)


class Means:
    """The problem; it knows neither its lag nor whether each step is told."""

    def __init__(self, folder: Path, causal: bool) -> None:
        self.folder, self.causal = folder, causal

    def dataset(self, split: str) -> Items:
        """One split."""
        return Items(np.load(self.folder / f"{split}.npy"))

    def encoder(self) -> nn.Module:
        """Numbers as they are."""
        from torch import nn

        encoder = nn.Identity()
        encoder.output_size = 1  # type: ignore[assignment]
        return encoder

    def head(self, input_size: int) -> nn.Module:
        """One number."""
        from torch import nn

        return nn.Linear(input_size, 1)

    def loss(self, prediction: Tensor, batch: Any) -> Tensor:
        """Mean squared error."""
        return (prediction[:, 0] - batch.y).square().mean()

    def evaluate(self, predictions: Sequence[Tensor], batches: Sequence[Any]) -> dict[str, float]:
        """The same over a split."""
        errors = [(p[:, 0] - b.y).double().square() for p, b in zip(predictions, batches, strict=True)]
        return {"loss": sum(e.sum().item() for e in errors) / sum(len(e) for e in errors)}


class Items:
    """A split, opened."""

    def __init__(self, x: np.ndarray) -> None:
        self.x = x

    def __len__(self) -> int:
        return len(self.x)

    def num_batches(self, batch_size: int) -> int:
        """Batches of one pass."""
        return -(-len(self) // batch_size)

    def batches(self, batch_size: int, *, rng: np.random.Generator | None = None) -> Iterator[Any]:
        """One pass."""
        import torch

        from tuner.adapters.base import Batch

        order = np.arange(len(self)) if rng is None else rng.permutation(len(self))
        for start in range(0, len(order), batch_size):
            x_BTI = torch.from_numpy(self.x[order[start : start + batch_size]])
            yield Batch(x=x_BTI, lengths=None, y=x_BTI.mean(dim=(1, 2)))


def __getattr__(name: str) -> Any:  # the module itself imports no torch, as the contract says
    if name != "Plain":
        raise AttributeError(name)
    import torch
    from torch import nn

    from tuner.nets.cell import Cell

    class Plain(Cell):
        """h = tanh(W x + U h' + b)."""

        class Options(Base):
            """Nothing to set."""

        def __init__(self, input_size: int, hidden_size: int, options: Base) -> None:
            super().__init__(input_size, hidden_size)
            del options
            self.kernel = nn.RNN(input_size, hidden_size, batch_first=True)

        def forward(self, x_BTI: Tensor, state: Any = None) -> tuple[Tensor, tuple[Tensor, ...]]:
            y_BTH, h_1BH = self.kernel(x_BTI, None if state is None else state[0][None])
            return y_BTH, (h_1BH[0],)

        def gates(self) -> Mapping[str, slice]:
            return {"candidate": slice(0, self.hidden_size)}

        def input_weights(self) -> torch.Tensor:
            return self.kernel.get_parameter("weight_ih_l0")

        def recurrent_weights(self) -> torch.Tensor:
            return self.kernel.get_parameter("weight_hh_l0")

        def biases(self) -> tuple[torch.Tensor, ...]:
            return (self.kernel.get_parameter("bias_ih_l0"), self.kernel.get_parameter("bias_hh_l0"))

    globals()["Plain"] = Plain
    return Plain
