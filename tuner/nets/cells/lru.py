"""The linear recurrent unit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from tuner.nets.cell import Cell, State
from tuner.nets.cell_options import LRUOptions
from tuner.nets.cells.recurrence import linear_recurrence
from tuner.nets.cells.scanned import is_exported, scanned


class LRUCell(Cell):
    """Linear recurrent unit: a complex state, diagonal and linear in time.

    q = lambda * q' + gamma * (B x),  lambda = exp(-exp(nu) + i exp(theta))
    h = Re(C q) + D x

    lambda starts uniform on the ring r_min <= |lambda| <= r_max with phases up to max_phase, gamma at
    sqrt(1 - |lambda|^2); nu, theta and log gamma are learned. Initializers fill B, whose real and imaginary part are
    its two gates, and leave C, D (normal, variance 1/H and 1/I), nu, theta and gamma alone; `torch_default` keeps the
    paper's B, normal of variance 1 / (2 I) per part.

    Args:
        input_size: Features per step, I >= 1.
        hidden_size: Units of the state, H >= 1.
        options: The ring and the largest phase.

    Shape:
        x_BTI (B, T, I) -> (B, T, H); the state is (Re q, Im q), with as many complex units as outputs.

    Reference:
        Orvieto et al. 2023, arXiv:2303.06349, section 3 and appendix A. Deviation: D is a matrix, as I may differ from
        H; the layer alone, without the block of norm, GLU and skip around it (see `residual`).
    """

    def __init__(self, input_size: int, hidden_size: int, options: LRUOptions) -> None:
        super().__init__(input_size, hidden_size, options)
        u_H, phase_H = (torch.rand(hidden_size).clamp_min(1e-6) for _ in range(2))
        inner, outer = options.r_min**2, options.r_max**2
        nu_H = torch.log(-0.5 * torch.log(inner + u_H * (outer - inner)))
        self.nu, self.theta = nn.Parameter(nu_H), nn.Parameter(torch.log(phase_H * options.max_phase))
        self.log_gamma = nn.Parameter(0.5 * torch.log(-torch.expm1(-2 * nu_H.exp())))
        self.weight_input = nn.Parameter(torch.randn(2 * hidden_size, input_size) / math.sqrt(2 * input_size))
        self.weight_output = nn.Parameter(torch.randn(hidden_size, 2 * hidden_size) / math.sqrt(hidden_size))
        self.weight_skip = nn.Parameter(torch.randn(hidden_size, input_size) / math.sqrt(input_size))

    def forward(self, x_BTI: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """See `Cell.forward`."""
        x_TBI, size = x_BTI.transpose(0, 1), self.hidden_size
        # Real and imaginary parts side by side: complex numbers are then a view of a product, and the other way round.
        gamma_H1 = self.log_gamma.exp()[:, None, None]
        B = (gamma_H1 * self.weight_input.view(2, size, -1).transpose(0, 1)).flatten(0, 1)
        C = self.weight_output.view(size, 2, size).transpose(1, 2).flatten(1)
        drive_TBH2 = (x_TBI @ B.t()).view(*x_TBI.shape[:2], size, 2)
        q_TBH2 = (self._scanned if is_exported() else self._states)(drive_TBH2, state)
        y_TBH = q_TBH2.flatten(2) @ C.t() + x_TBI @ self.weight_skip.t()
        return y_TBH.transpose(0, 1), (q_TBH2[-1, ..., 0], q_TBH2[-1, ..., 1])

    def _states(self, drive_TBH2: Tensor, state: State | None) -> Tensor:
        """The states of all steps, (T, B, H, 2)."""
        drive_TBH = torch.view_as_complex(drive_TBH2)
        q_BH = drive_TBH.new_zeros(drive_TBH.shape[1:]) if state is None else torch.complex(*state)
        lambda_H = torch.polar(torch.exp(-self.nu.exp()), self.theta.exp())
        return torch.view_as_real(linear_recurrence(lambda_H, drive_TBH, q_BH))

    def _scanned(self, drive_TBH2: Tensor, state: State | None) -> Tensor:
        """The same in an exported network, which has no complex numbers."""
        modulus_H, phase_H = torch.exp(-self.nu.exp()), self.theta.exp()
        real_H, imaginary_H = modulus_H * phase_H.cos(), modulus_H * phase_H.sin()

        def step(now: Sequence[Tensor], state: State) -> State:
            (q_BH2,) = state
            real_BH, imaginary_BH = q_BH2.unbind(2)
            turned_BH = real_H * real_BH - imaginary_H * imaginary_BH, real_H * imaginary_BH + imaginary_H * real_BH
            return (now[0] + torch.stack(turned_BH, 2),)

        q_BH2 = drive_TBH2.new_zeros(drive_TBH2.shape[1:]) if state is None else torch.stack(state, 2)
        return scanned(step, (drive_TBH2,), (q_BH2,))[0]

    def gates(self) -> Mapping[str, slice]:
        """The parts of B."""
        size = self.hidden_size
        return {"real": slice(0, size), "imaginary": slice(size, 2 * size)}

    def input_weights(self) -> Tensor:
        """B."""
        return self.weight_input

    def recurrent_weights(self) -> None:
        """None: the state's product is diagonal."""

    def biases(self) -> tuple[Tensor, ...]:
        """None."""
        return ()
