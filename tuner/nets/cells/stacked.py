"""Base classes: cells with stacked parameters, and the loop over steps that most of them share.

Letters of shapes: B batch, T steps, I inputs, F columns, H units, G gates.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from tuner.config.options import Options
from tuner.nets.cell import Cell, State
from tuner.nets.cells.noise import Noise, noise_of
from tuner.nets.cells.opened import sigmoid_gates
from tuner.nets.cells.scanned import is_exported, scanned

Step = Callable[[Tensor, State], State]
"""Function from a step's projected input, (B, G * H), and the state before it to the state after it."""


class StackedCell(Cell):
    """A cell with one input matrix, at most one recurrent matrix and one bias, the gates' rows stacked.

    They start at U(-1/sqrt(H), 1/sqrt(H)), as in torch.nn.

    Args:
        input_size: Features per step, I >= 1.
        hidden_size: Units of the state, H >= 1.
        options: The cell's options.
        gates: Names of the gates, in the order of their rows.
        columns: Columns of the input matrix, F >= 1.
        recurrent_columns: Columns of the recurrent matrix; 0 without one.
    """

    weight_hh: Tensor | None

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        options: Options,
        *,
        gates: tuple[str, ...],
        columns: int,
        recurrent_columns: int = 0,
    ) -> None:
        super().__init__(input_size, hidden_size, options)
        self._gates = {name: slice(i * hidden_size, (i + 1) * hidden_size) for i, name in enumerate(gates)}
        rows = len(gates) * hidden_size
        self.weight_ih = self.fresh(rows, columns)
        if recurrent_columns:
            self.weight_hh = self.fresh(rows, recurrent_columns)
        else:
            self.register_parameter("weight_hh", None)
        self.bias = self.fresh(rows)

    def fresh(self, *shape: int) -> nn.Parameter:
        """A parameter filled from U(-1/sqrt(H), 1/sqrt(H))."""
        bound = self.hidden_size**-0.5
        return nn.Parameter(torch.empty(shape).uniform_(-bound, bound))

    def projected(self, x_BTI: Tensor) -> Tensor:
        """W x + b of all steps in one product, steps first: (T, B, G * H)."""
        return functional.linear(x_BTI.transpose(0, 1), self.weight_ih, self.bias)

    def zeros(self, x_BTI: Tensor) -> Tensor:
        """A state of zeros, (B, H)."""
        return x_BTI.new_zeros(x_BTI.shape[0], self.hidden_size)

    def gates(self) -> Mapping[str, slice]:
        """See `Cell.gates`."""
        return self._gates

    def input_weights(self) -> Tensor:
        """See `Cell.input_weights`."""
        return self.weight_ih

    def recurrent_weights(self) -> Tensor | None:
        """See `Cell.recurrent_weights`."""
        return self.weight_hh

    def biases(self) -> tuple[Tensor, ...]:
        """See `Cell.biases`."""
        return (self.bias,)


class LoopCell(StackedCell):
    """A cell whose every step needs the state before it, and whose output is the first part of its state.

    Subclasses define `stepper`. Steps come from `unbind` and are joined by `stack`: indexing a tensor that needs a
    gradient costs a whole tensor of zeros per step in the backward pass.
    """

    @abstractmethod
    def stepper(self, noise: Noise) -> Step:
        """The step as a function; called once per sequence, so that views of parameters are taken once.

        Args:
            noise: Acts on the recurrent matrix, on the h' that products see, and on the candidate; noise on the state
                after the step is applied elsewhere.
        """

    def start(self, x_BTI: Tensor) -> State:
        """The state before the first step: h = 0."""
        return (self.zeros(x_BTI),)

    def forward(self, x_BTI: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """See `Cell.forward`."""
        noise = noise_of(self.options, training=self.training)
        return run(self.stepper(noise), self.projected(x_BTI), state or self.start(x_BTI), noise)

    def recurrent(self, noise: Noise) -> Tensor:
        """The recurrent matrix for the product h @ U: (H, G * H)."""
        assert self.weight_hh is not None
        return noise.weights(self.weight_hh).t()


class AdditiveCell(LoopCell):
    """A loop cell in which the state enters only by a term added to the projected input: s = W x + b + U h'.

    The step gets s. Since dL/ds of all steps is the gradient of the projected input, the gradient of U is computed once
    per sequence, as in fused kernels, not once per step.
    """

    def forward(self, x_BTI: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """See `Cell.forward`."""
        noise = noise_of(self.options, training=self.training)
        product = self.product(noise)
        if is_exported():
            step, weights = self.stepper(noise), product.weights
            return run(
                lambda a, state: step(torch.addmm(a, product.read(state), weights), state),
                self.projected(x_BTI),
                state or self.start(x_BTI),
                noise,
            )
        a_TBG: Tensor = _Deferred.apply(self.projected(x_BTI), product, product.weights)  # type: ignore[no-untyped-call]
        step = self.stepper(noise)
        return run(lambda a, state: step(product.added(a, state), state), a_TBG, state or self.start(x_BTI), noise)

    def product(self, noise: Noise) -> Product:
        """The term added to the projected input: U h'."""
        return Product(self.recurrent(noise), lambda state: noise.read(state[0]))

    def gate_values(self, x_BTI: Tensor, y_BTH: Tensor) -> Mapping[str, Tensor]:
        """See `Cell.gate_values`."""
        return sigmoid_gates(self, x_BTI, y_BTH)

    @abstractmethod
    def stepper(self, noise: Noise) -> Step:
        """The step from the sum s, (B, G * H), and the state before it; see `LoopCell.stepper`."""


class Product:
    """A product of the state with a matrix, added to s; it keeps its factors for the gradient.

    Args:
        weights: (F, G * H).
        read: Function from the state to the factor, (B, F).
    """

    def __init__(self, weights: Tensor, read: Callable[[State], Tensor]) -> None:
        self.weights, self.read = weights, read
        self._fixed = weights.detach()
        self._seen: list[Tensor] = []

    def added(self, s_BG: Tensor, state: State) -> Tensor:
        """The sum with the product."""
        h_BF = self.read(state)
        self._seen.append(h_BF.detach())
        return torch.addmm(s_BG, h_BF, self._fixed)

    def gradient(self, gradient_TBG: Tensor) -> Tensor:
        """The gradient of the weights, from that of s at all steps."""
        return torch.stack(self._seen).flatten(0, 1).t() @ gradient_TBG.flatten(0, 1)


class _Deferred(torch.autograd.Function):
    """Identity on the projected input; its backward pass also gives the gradient of the product's weights."""

    @staticmethod
    def forward(ctx: Any, a_TBG: Tensor, product: Product, _weights: Tensor) -> Tensor:
        ctx.product = product
        return a_TBG.view_as(a_TBG)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient_TBG: Tensor) -> tuple[Tensor, None, Tensor]:
        return gradient_TBG, None, ctx.product.gradient(gradient_TBG)


def run(step: Step, a_TBG: Tensor, state: State, noise: Noise) -> tuple[Tensor, State]:
    """Take all steps; the outputs, (B, T, H), are the first parts of the states."""
    if is_exported():
        y_TBH, state = scanned(lambda now, state: noise.keep(state, step(now[0], state)), [a_TBG], state)
        return y_TBH.transpose(0, 1), state
    outputs = []
    for a_BG in a_TBG.unbind(0):
        state = noise.keep(state, step(a_BG, state))
        outputs.append(state[0])
    return torch.stack(outputs, 1), state
