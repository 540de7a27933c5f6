"""A look at a network: one forward and backward pass over a small fixed batch, with intermediate values kept.

Letters of shapes: B items, T steps, I inputs, H units, K borders.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

import torch
from torch import Tensor, nn

PARTS = 10
"""A sequence is read in about so many parts; the gradient of the state is measured at their borders."""
LAST_SHARE = 0.05
"""With a prediction per step, the loss of a look is that of an item's last steps, this fraction of all."""


class Batch(Protocol):
    """Items to look at: the part of `tuner.adapters.base.Batch` that is used here."""

    x: Tensor
    lengths: Tensor | None
    y: Tensor


class RecurrentCell(Protocol):
    """The part of `tuner.nets.cell.Cell` that is used here."""

    hidden_size: int

    def gates(self) -> Mapping[str, slice]:
        """See `Cell.gates`."""
        ...

    def memory_gates(self) -> Mapping[str, int]:
        """See `Cell.memory_gates`."""
        ...

    def recurrent_blocks(self) -> Sequence[Tensor]:
        """See `Cell.recurrent_blocks`."""
        ...

    def gate_values(self, x_BTI: Tensor, y_BTH: Tensor) -> Mapping[str, Tensor]:
        """See `Cell.gate_values`."""
        ...


@dataclass(frozen=True, slots=True)
class Sample:
    """The items of all looks: a few items of the training split.

    Args:
        batch: The items, on the network's device.
        loss: Function from predictions and their items to the mean loss.
        every_step: Whether each step has a prediction: predictions are then (B, T, ...), possibly with more before the
            first step.
        lag: Longest expected dependency in steps; None if unknown.
    """

    batch: Batch
    loss: Callable[[Tensor, Any], Tensor]
    every_step: bool
    lag: int | None


@dataclass(slots=True)
class CellLook:
    """The measurements of one cell. Steps are counted along its own reading direction.

    Args:
        cell: The cell.
        x: Its input, (B, T, I), without gradient.
        y: Its output, (B, T, H), without gradient.
        lengths: Valid steps per item, (B,).
        borders: Step counts after which the state was kept; the last is T.
        states: The state at each border: its floating-point parts that a gradient reaches.
        norms: ||dL/ds|| per border and item over all parts of the state, (K, B), float64 on the CPU. Each part is an
            independent variable: for an LSTM, dL/dc is at fixed h. 0 at borders beyond an item's end.
    """

    cell: RecurrentCell
    x: Tensor
    y: Tensor
    lengths: Tensor
    borders: list[int]
    states: list[tuple[Tensor, ...]]
    norms: Tensor = field(default_factory=lambda: torch.zeros(0))

    def counted(self, values_BTH: Tensor, *, first: int = 0) -> Tensor:
        """The values of the valid steps, without padding, from step `first` on, (N, H)."""
        steps = values_BTH.shape[1]
        values_BTH = values_BTH[:, first:]
        if int(self.lengths.min()) == steps:
            return values_BTH.flatten(0, 1)
        step_T = torch.arange(first, steps, device=values_BTH.device)
        return values_BTH[step_T < self.lengths[:, None]]


@dataclass(slots=True)
class Look:
    """The measurements of one look.

    Args:
        network: The network.
        sample: The items.
        cells: By module name, such as `stack.forward_cells.0`.
        lengths: Valid steps per item, (B,), on the CPU.
        input_norms: ||dL/dx_t|| of the first layer's input, (B, T), float64 on the CPU.
        smallest: Smallest positive number of the gradients' dtype.
    """

    network: nn.Module
    sample: Sample
    cells: Mapping[str, CellLook]
    lengths: Tensor
    input_norms: Tensor
    smallest: float


def cells_of(network: nn.Module) -> dict[str, RecurrentCell]:
    """The recurrent cells of a network by module name; {} without a stack."""
    places = ("stack.forward_cells.", "stack.backward_cells.")
    return {
        name: cast("RecurrentCell", module)
        for name, module in network.named_modules()
        if name.startswith(places) and name.count(".") == 2
    }


@contextmanager
def quiet(network: nn.Module, device: torch.device) -> Iterator[None]:
    """Evaluation mode for a look; afterwards modes, random states and gradients are restored.

    cuDNN's recurrent kernels have no backward pass in evaluation mode: on a GPU they are switched off meanwhile.
    """
    training = [module for module in network.modules() if module.training]
    cuda = device.type == "cuda"
    with ExitStack() as stack:
        stack.enter_context(torch.random.fork_rng(devices=[device] if cuda else []))
        stack.enter_context(torch.enable_grad())
        if cuda:
            stack.enter_context(torch.backends.cudnn.flags(enabled=False))
        network.eval()
        try:
            yield
        finally:
            for module in training:
                module.training = True


def take_look(network: nn.Module, sample: Sample) -> Look:
    """Make one forward and backward pass over the sample. Network, `.grad` and random states do not change.

    With one prediction per sequence, L is the loss. With one per step, L is the part of the loss from an item's last
    steps (`LAST_SHARE`, at least one), so that a gradient far back has come through time; for cells that read
    backwards, from its first steps.
    """
    batch = sample.batch
    with quiet(network, batch.x.device), ExitStack() as stack:
        first: list[Tensor] = []

        def tap(_: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...]:
            first.append(given[0].detach().requires_grad_())
            return first[0], *given[1:]

        handle = cast("nn.Module", network.stack).register_forward_pre_hook(tap)
        stack.callback(handle.remove)
        taps = {name: stack.enter_context(_tapped(cell)) for name, cell in cells_of(network).items()}
        prediction: Tensor = network(batch.x, batch.lengths)
        items, steps = first[0].shape[:2]
        device = first[0].device
        lengths_B = torch.full((items,), steps, device=device) if batch.lengths is None else batch.lengths
        ahead = {name: tapped for name, tapped in taps.items() if "backward_cells" not in name}
        back = {name: tapped for name, tapped in taps.items() if name not in ahead}
        cells = {name: tapped.seen(lengths_B) for name, tapped in taps.items()}
        if not sample.every_step:
            loss = sample.loss(prediction, batch)
            input_norms_BT = _backward(loss, None, taps, cells, first[0])
        else:
            point = prediction.detach().requires_grad_()
            (wanted,) = torch.autograd.grad(sample.loss(point, batch), point)
            step_T, length_B1 = torch.arange(steps, device=device), lengths_B[:, None]
            few_B1 = (length_B1 * LAST_SHARE).ceil().clamp_min(1)
            late_BT = (step_T >= length_B1 - few_B1) & (step_T < length_B1)
            if back:
                _backward(prediction, _masked(wanted, step_T < few_B1), back, cells, first[0], more=True)
            input_norms_BT = _backward(prediction, _masked(wanted, late_BT), ahead, cells, first[0])
    precision = torch.finfo(first[0].dtype)
    smallest = max(precision.smallest_normal * precision.eps, math.ulp(0.0))
    return Look(network, sample, cells, lengths_B.cpu(), input_norms_BT, smallest)


class _Tapped:
    """A cell's forward pass in parts, with the states between them."""

    def __init__(self, cell: RecurrentCell, forward: Callable[..., tuple[Tensor, tuple[Tensor, ...]]]) -> None:
        self.cell, self._forward = cell, forward
        self.borders: list[int] = []
        self.states: list[tuple[Tensor, ...]] = []

    def __call__(self, x_BTI: Tensor, state: tuple[Tensor, ...] | None = None) -> tuple[Tensor, tuple[Tensor, ...]]:
        steps = x_BTI.shape[1]
        every = -(-steps // PARTS)
        # The step before the last is a further border, so that even a gradient that vanishes at once has two values.
        self.borders = sorted({*range(every, steps, every), max(1, steps - 1), steps})
        sizes = [end - start for start, end in zip([0, *self.borders], self.borders, strict=False)]
        outputs = []
        for part_BTI in torch.split(x_BTI, sizes, 1):
            y_BTH, state = self._forward(part_BTI, state)
            # Aliases: only readers of the state after this point add to their gradients, none within the part.
            state = tuple(part.view_as(part) for part in state)
            if state[0].shape == y_BTH[:, -1].shape and torch.equal(state[0], y_BTH[:, -1]):
                y_BTH = torch.cat((y_BTH[:, :-1], state[0][:, None]), 1)
            outputs.append(y_BTH)
            self.states.append(tuple(part for part in state if part.requires_grad))
        self.x, self.y = x_BTI.detach(), torch.cat(outputs, 1)
        assert state is not None
        return self.y, state

    def seen(self, lengths_B: Tensor) -> CellLook:
        """The measurements except the gradients."""
        states = [tuple(part.detach() for part in state) for state in self.states]
        return CellLook(self.cell, self.x, self.y.detach(), lengths_B, self.borders, states)


@contextmanager
def _tapped(cell: RecurrentCell) -> Iterator[_Tapped]:
    module = cast("nn.Module", cell)
    own = module.__dict__.get("forward")
    tapped = _Tapped(cell, module.forward)
    module.forward = tapped
    try:
        yield tapped
    finally:
        del module.forward
        if own is not None:
            module.forward = own


def _backward(
    output: Tensor,
    wanted: Tensor | None,
    taps: Mapping[str, _Tapped],
    cells: Mapping[str, CellLook],
    x_BTI: Tensor,
    *,
    more: bool = False,
) -> Tensor:
    """Fill the norms of the cells in `taps`; returns those of the input, (B, T)."""
    tensors = [part for tapped in taps.values() for state in tapped.states for part in state]
    gradients = torch.autograd.grad(
        output, [x_BTI, *tensors], wanted, allow_unused=True, retain_graph=more, materialize_grads=True
    )
    squares = iter([gradient.double().square().flatten(1).sum(1) for gradient in gradients[1:]])
    for name, tapped in taps.items():
        rows = [sum((next(squares) for _ in state), x_BTI.new_zeros(len(x_BTI)).double()) for state in tapped.states]
        cells[name].norms = torch.stack(rows).sqrt().cpu()
    return gradients[0].double().flatten(2).square().sum(2).sqrt().cpu()


def _masked(wanted: Tensor, where_BT: Tensor) -> Tensor:
    """Select the steps of the mask; predictions before the first step are dropped."""
    where_BT = nn.functional.pad(where_BT, (wanted.shape[1] - where_BT.shape[1], 0))
    return wanted * where_BT.reshape(*where_BT.shape, *(1 for _ in wanted.shape[2:]))
