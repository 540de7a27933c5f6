"""The simple recurrent unit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from tuner.nets.cell import State
from tuner.nets.cell_options import SRUOptions
from tuner.nets.cells.noise import noise_of
from tuner.nets.cells.scanned import is_exported, scanned
from tuner.nets.cells.stacked import StackedCell

ALPHA = math.sqrt(3)
"""Scale of the highway, sqrt(1 + 2 exp(b_r)) at b_r = 0: it keeps the variance over layers."""


class SRUCell(StackedCell):
    """Simple recurrent unit: units see only their own state, and a highway leads around them.

    f = sigmoid(W_f x + v_f * c' + b_f)
    r = sigmoid(W_r x + v_r * c' + b_r)
    c = f * c' + (1 - f) * (W_n x + b_n)
    h = r * c + (1 - r) * alpha * x, alpha = sqrt(3); where I differs from H, W_s x + b_s in place of alpha * x

    Initializers leave v alone; it starts from U(-sqrt(1.5), sqrt(1.5)), variance 1/2.

    Args:
        input_size: Features per step, I >= 1.
        hidden_size: Units of the state, H >= 1.
        options: The forget gate's start bias.

    Shape:
        x_BTI (B, T, I) -> (B, T, H); the state is (c,). Gates are stored in the order f, r, n, and s where I is not H.

    Reference:
        Lei et al. 2018, arXiv:1709.02755, eq. 1-4 and section 3.2. Deviation: b_n and b_s.
    """

    def __init__(self, input_size: int, hidden_size: int, options: SRUOptions) -> None:
        skip = () if input_size == hidden_size else ("skip",)
        gates = ("forget", "reset", "candidate", *skip)
        super().__init__(input_size, hidden_size, options, gates=gates, columns=input_size)
        self.weight_forget, self.weight_reset = (
            nn.Parameter(torch.empty(hidden_size).uniform_(-math.sqrt(1.5), math.sqrt(1.5))) for _ in range(2)
        )

    def memory_gates(self) -> Mapping[str, int]:
        """See `Cell.memory_gates`."""
        return {"forget": 1}

    @torch.no_grad()
    def gate_values(self, x_BTI: Tensor, y_BTH: Tensor) -> Mapping[str, Tensor]:  # noqa: ARG002 - contract
        """See `Cell.gate_values`; c by its recurrence."""
        noise = noise_of(self.options, training=False)
        f_TBH, r_TBH, n_TBH, *_ = torch.split(self.projected(x_BTI), self.hidden_size, 2)
        c_BH, opened = self.zeros(x_BTI), []
        for f, r, n in zip(f_TBH.unbind(0), r_TBH.unbind(0), n_TBH.unbind(0), strict=True):
            f, r = (torch.addcmul(a, v, c_BH).sigmoid() for a, v in ((f, self.weight_forget), (r, self.weight_reset)))
            opened.append((f, r))
            (c_BH,) = noise.keep((c_BH,), (torch.lerp(n, c_BH, f),))
        f_TBH, r_TBH = (torch.stack(gate) for gate in zip(*opened, strict=True))
        return {"forget": f_TBH.transpose(0, 1), "reset": r_TBH.transpose(0, 1)}

    def forward(self, x_BTI: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """See `Cell.forward`."""
        noise = noise_of(self.options, training=self.training)
        f_TBH, r_TBH, n_TBH, *skip = torch.split(self.projected(x_BTI), self.hidden_size, 2)
        way_TBH = skip[0] if skip else ALPHA * x_BTI.transpose(0, 1)
        v_BH = self.weight_forget.expand(x_BTI.shape[0], -1)

        def step(now: Sequence[Tensor], state: State) -> State:
            (f_BH, n_BH), (c_BH,) = now, state
            return noise.keep(state, (torch.lerp(n_BH, c_BH, torch.addcmul(f_BH, v_BH, c_BH).sigmoid()),))

        state = state or (self.zeros(x_BTI),)
        if is_exported():
            first_1BH = state[0][None]
            c_TBH, state = scanned(step, (f_TBH, n_TBH), state)
            c_TBH = torch.cat((first_1BH, c_TBH))
        else:
            memories = [state[0]]
            for now in zip(f_TBH.unbind(0), n_TBH.unbind(0), strict=True):
                state = step(now, state)
                memories.append(state[0])
            c_TBH = torch.stack(memories)
        # The reset gate needs no loop: every c' is known by now.
        r_TBH = torch.addcmul(r_TBH, self.weight_reset, c_TBH[:-1]).sigmoid()
        return torch.lerp(way_TBH, c_TBH[1:], r_TBH).transpose(0, 1), state
