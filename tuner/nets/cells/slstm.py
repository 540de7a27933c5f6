"""The sLSTM cell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from tuner.errors import TrialError
from tuner.nets.cell import State
from tuner.nets.cell_options import SLSTMOptions
from tuner.nets.cells.noise import Noise
from tuner.nets.cells.opened import before
from tuner.nets.cells.stacked import LoopCell, Step


class SLSTMCell(LoopCell):
    """LSTM with an exponential input gate, a normalizer, and a running maximum that keeps both in range.

    i, f, g, o = W x + U h' + b
    m = max(log sigmoid(f) + m', i)
    c = exp(log sigmoid(f) + m' - m) * c' + exp(i - m) * tanh(g)
    n = exp(log sigmoid(f) + m' - m) * n' + exp(i - m)
    h = sigmoid(o) * c / n

    U is block-diagonal, one block per head. m starts at minus infinity, so that n >= 1 always.

    Args:
        input_size: Features per step, I >= 1.
        hidden_size: Units of the state, H >= 1.
        options: The number of heads, and the forget gate's start bias.

    Shape:
        x_BTI (B, T, I) -> (B, T, H); the state is (h, c, n, m). Gates are stored in the order i, f, g, o; recurrent
        weights as (4 H, H / heads), where the H rows of a gate hold the heads' blocks below each other.

    Raises:
        TrialError: heads does not divide hidden_size.

    Reference:
        Beck et al. 2024, arXiv:2405.04517, eq. 8-17, with the sigmoid forget gate. Deviation: no convolution, norm or
        projections around the cell. h does not depend on m, so no gradient is computed through it.
    """

    def __init__(self, input_size: int, hidden_size: int, options: SLSTMOptions) -> None:
        if hidden_size % options.heads:
            raise TrialError(f"heads must divide hidden_size ({hidden_size}), but got {options.heads}")
        super().__init__(
            input_size,
            hidden_size,
            options,
            gates=("input", "forget", "candidate", "output"),
            columns=input_size,
            recurrent_columns=hidden_size // options.heads,
        )
        self.heads = options.heads

    def memory_gates(self) -> Mapping[str, int]:
        """See `Cell.memory_gates`."""
        return {"forget": 1, "input": -1}

    def recurrent_blocks(self) -> Sequence[Tensor]:
        """See `Cell.recurrent_blocks`: one per gate and head."""
        return [block for gate in super().recurrent_blocks() for block in gate.chunk(self.heads)]

    def start(self, x_BTI: Tensor) -> State:
        """See `LoopCell.start`; c = n = 0 too, and m is minus infinity."""
        zero_BH = self.zeros(x_BTI)
        return zero_BH, zero_BH, zero_BH, torch.full_like(zero_BH, -torch.inf)

    def _mixer(self, noise: Noise) -> Callable[[Tensor, Tensor], Tensor]:
        """A function that adds U h' to a step's projected input."""
        heads, size, U = self.heads, self.hidden_size // self.heads, self.recurrent(noise)
        if heads > 1:
            U = U.view(size, 4, heads, size).permute(2, 0, 1, 3).reshape(heads, size, 4 * size)

        def mixed(a_BG: Tensor, h_BH: Tensor) -> Tensor:
            if heads == 1:
                return torch.addmm(a_BG, h_BH, U)
            per_head = torch.bmm(h_BH.reshape(-1, heads, size).transpose(0, 1), U)
            return a_BG + per_head.view(heads, -1, 4, size).permute(1, 2, 0, 3).reshape(a_BG.shape)

        return mixed

    @torch.no_grad()
    def gate_values(self, x_BTI: Tensor, y_BTH: Tensor) -> Mapping[str, Tensor]:
        """See `Cell.gate_values`; f n' / n and i / n, their shares of what c / n becomes, for the exponential gates.

        log n needs no m: it is the logarithm of a sum of exponentials.
        """
        items, steps, size = y_BTH.shape
        a_NG = self.projected(x_BTI).transpose(0, 1).reshape(items * steps, -1)
        a_BTG = self._mixer(Noise())(a_NG, before(y_BTH).reshape(items * steps, size)).view(items, steps, -1)
        i, f, _, o = a_BTG.chunk(4, 2)
        log_n_BH, shares = self.zeros(x_BTI) - torch.inf, []
        for log_f, log_i in zip(functional.logsigmoid(f).unbind(1), i.unbind(1), strict=True):
            kept = log_f + log_n_BH
            log_n_BH = torch.logaddexp(kept, log_i)
            shares.append(((kept - log_n_BH).exp(), (log_i - log_n_BH).exp()))
        forget, entering = (torch.stack(gate, 1) for gate in zip(*shares, strict=True))
        return {"input": entering, "forget": forget, "output": o.sigmoid()}

    def stepper(self, noise: Noise) -> Step:
        """See `LoopCell.stepper`."""
        mixed, read, write = self._mixer(noise), noise.read, noise.candidate

        def step(a_BG: Tensor, state: State) -> State:
            h_BH, c_BH, n_BH, m_BH = state
            i, f, g, o = mixed(a_BG, read(h_BH)).chunk(4, 1)
            f = functional.logsigmoid(f)
            with torch.no_grad():
                kept_BH = f + m_BH
                m_next_BH = torch.maximum(kept_BH, i)
                shift_BH = m_BH - m_next_BH
            i, f = (i - m_next_BH).exp(), (f + shift_BH).exp()
            c_BH = torch.addcmul(f * c_BH, i, write(g.tanh()))
            n_BH = torch.addcmul(i, f, n_BH)
            return o.sigmoid() * c_BH / n_BH, c_BH, n_BH, m_next_BH

        return step
