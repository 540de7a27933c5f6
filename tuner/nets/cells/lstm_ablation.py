"""The LSTM with switches for its parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from tuner.nets.cell import State
from tuner.nets.cell_options import LSTMAblationOptions
from tuner.nets.cells.noise import Noise, noise_of
from tuner.nets.cells.stacked import AdditiveCell, Product, Step


class LSTMAblationCell(AdditiveCell):
    """LSTM with peepholes, and its variants.

    i = sigmoid(W_i x + U_i h' + p_i * c' + b_i)                input_gate false: 1; coupled_gates: 1 - f
    f = sigmoid(W_f x + U_f h' + p_f * c' + b_f)                forget_gate false: 1
    g = tanh(W_g x + U_g h' + b_g)                              input_activation false: no tanh
    c = f * c' + i * g
    o = sigmoid(W_o x + U_o h' + p_o * c + b_o)                 output_gate false: 1
    h = o * tanh(c)                                             output_activation false: no tanh

    peepholes false: no p. full_gate_recurrence: to each gate's argument is added R_i i' + R_f f' + R_o o', with
    matrices of its own, over the gates that there are. Initializers leave p alone, which starts at 0.

    Args:
        input_size: Features per step, I >= 1.
        hidden_size: Units of the state, H >= 1.
        options: The switches, and the forget gate's start bias.

    Shape:
        x_BTI (B, T, I) -> (B, T, H); the state is (h, c), with full_gate_recurrence (h, c, gates ...), a part for
        each gate that there is. Gates are stored in the order i, f, o, g without those that are switched off; with
        coupled_gates i is left out.

    Reference:
        Greff et al. 2017, arXiv:1503.04069, sections 2.A and 3.C. Deviation: with coupled gates there f = 1 - i, the
        same set of functions; in full gate recurrence, the gates of the step before are 0 at the first step.
    """

    def __init__(self, input_size: int, hidden_size: int, options: LSTMAblationOptions) -> None:
        wanted = {
            "input": options.input_gate and not options.coupled_gates,
            "forget": options.forget_gate,
            "output": options.output_gate,
        }
        self.names = tuple(name for name, there in wanted.items() if there)
        super().__init__(
            input_size,
            hidden_size,
            options,
            gates=(*self.names, "candidate"),
            columns=input_size,
            recurrent_columns=hidden_size,
        )
        self.switches = options
        peepholes = self.names if options.peepholes else ()
        self.peepholes = nn.ParameterDict({name: torch.zeros(hidden_size) for name in peepholes})
        width = len(self.names) * hidden_size
        self.weight_gates = self.fresh(width, width) if options.full_gate_recurrence else None

    def memory_gates(self) -> Mapping[str, int]:
        """See `Cell.memory_gates`."""
        return {name: sign for name, sign in (("forget", 1), ("input", -1)) if name in self.names}

    def recurrent_blocks(self) -> Sequence[Tensor]:
        """See `Cell.recurrent_blocks`: one per gate, with full_gate_recurrence also one per pair of gates."""
        blocks = list(super().recurrent_blocks())
        if self.weight_gates is not None:
            count = len(self.names)
            blocks += [block for rows in self.weight_gates.chunk(count) for block in rows.chunk(count, 1)]
        return blocks

    def start(self, x_BTI: Tensor) -> State:
        """See `AdditiveCell.start`; c and the gates are 0 too."""
        zero_BH = self.zeros(x_BTI)
        if self.weight_gates is None:
            return zero_BH, zero_BH
        return zero_BH, zero_BH, *(zero_BH for _ in self.names)

    def product(self, noise: Noise) -> Product:
        """See `AdditiveCell.product`; with full_gate_recurrence U and R are one matrix, of h' and old gates."""
        if self.weight_gates is None:
            return super().product(noise)
        R = functional.pad(self.weight_gates.t(), (0, self.hidden_size))  # the candidate does not see the gates
        both = torch.cat((self.recurrent(noise), R))
        return Product(both, lambda state: torch.cat((noise.read(state[0]), *state[2:]), 1))

    @torch.no_grad()
    def gate_values(self, x_BTI: Tensor, y_BTH: Tensor) -> Mapping[str, Tensor]:  # noqa: ARG002 - contract
        """See `Cell.gate_values`; by taking the steps again."""
        noise = noise_of(self.options, training=False)
        product, step = self.product(noise), self._step(noise, full=True)
        state: State = tuple(self.zeros(x_BTI) for _ in range(2 + len(self.names)))
        opened = []
        for a_BG in self.projected(x_BTI).unbind(0):
            state = noise.keep(state, step(product.added(a_BG, state), state))
            opened.append(state[2:])
        return {name: torch.stack(gate, 1) for name, gate in zip(self.names, zip(*opened, strict=True), strict=True)}

    def stepper(self, noise: Noise) -> Step:
        """See `AdditiveCell.stepper`."""
        return self._step(noise, full=self.switches.full_gate_recurrence)

    def _step(self, noise: Noise, *, full: bool) -> Step:
        """The step; with `full` the gates are parts of the state."""
        names, size, switches, write = self.names, self.hidden_size, self.switches, noise.candidate
        peepholes = dict(self.peepholes.items())

        def step(s_BG: Tensor, state: State) -> State:
            c_BH = state[1]
            *opening, g_BH = torch.split(s_BG, size, 1)
            gates = dict(zip(names, opening, strict=True))

            def opened(name: str) -> Tensor:
                a_BH = gates[name]
                return (torch.addcmul(a_BH, peepholes[name], c_BH) if name in peepholes else a_BH).sigmoid()

            for name in names:
                if name != "output":
                    gates[name] = opened(name)
            if switches.input_activation:
                g_BH = g_BH.tanh()
            g_BH = write(g_BH)
            if switches.coupled_gates:
                c_BH = torch.lerp(g_BH, c_BH, gates["forget"])
            else:
                kept_BH = gates["forget"] * c_BH if switches.forget_gate else c_BH
                c_BH = torch.addcmul(kept_BH, gates["input"], g_BH) if switches.input_gate else kept_BH + g_BH
            h_BH = c_BH.tanh() if switches.output_activation else c_BH
            if switches.output_gate:
                gates["output"] = opened("output")
                h_BH = gates["output"] * h_BH
            if not full:
                return h_BH, c_BH
            return h_BH, c_BH, *(gates[name] for name in names)

        return step
