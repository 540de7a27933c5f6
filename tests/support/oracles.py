"""The cells' equations as their papers have them: one item, one step and one gate at a time, without any shortcut.

Every oracle takes a cell, only to read its parameters, and a batch of sequences from zero states; it returns the
outputs, (B, T, H). `gates_of` gives what it told of its gates. Products are written `W @ x`; i, f, o, g, r, z, n, c, h
are the papers' letters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from tuner.nets.cell import Cell

Oracle = Callable[[Cell, Tensor], Tensor]


class Parameters:
    """A cell's parameters by gate, as vectors and matrices of one gate."""

    def __init__(self, cell: Any) -> None:  # a cell of any class: oracles read what theirs has
        self.cell, self.rows = cell, cell.gates()
        self.zero = torch.zeros(cell.hidden_size, dtype=torch.float64)
        self.told: list[dict[str, Tensor]] = []

    def tell(self, **gates: Tensor) -> None:
        """Keep what the gates of a step are."""
        self.told.append(gates)

    def W(self, gate: str) -> Tensor:  # noqa: N802 - the letter of the papers
        """Input block."""
        return self.cell.input_weights()[self.rows[gate]]

    def U(self, gate: str) -> Tensor:  # noqa: N802 - the letter of the papers
        """Recurrent block."""
        return self.cell.recurrent_weights()[self.rows[gate]]

    def b(self, gate: str) -> Tensor:
        """Bias."""
        return torch.stack([bias[self.rows[gate]] for bias in self.cell.biases()]).sum(0)

    def a(self, gate: str, x: Tensor, h: Tensor) -> Tensor:
        """W x + U h + b."""
        return self.W(gate) @ x + self.U(gate) @ h + self.b(gate)


def per_item(run: Callable[[Parameters, Tensor], Iterator[Tensor]]) -> Oracle:
    """An oracle from a generator of the outputs of one sequence, (T, I)."""

    def oracle(cell: Cell, x_BTI: Tensor) -> Tensor:
        return torch.stack([torch.stack(list(run(Parameters(cell), x_TI))) for x_TI in x_BTI])

    oracle.run = run  # type: ignore[attr-defined]
    return oracle


def gates_of(cell: Cell, x_BTI: Tensor, oracle: Oracle) -> dict[str, Tensor]:
    """Gate name -> its values, (B, T, H), as an oracle has them; {} of a cell without gates."""
    told: list[Parameters] = []
    run = oracle.run  # type: ignore[attr-defined]
    for x_TI in x_BTI:
        told.append(Parameters(cell))
        list(run(told[-1], x_TI))
    names = told[0].told[0] if told[0].told else ()
    return {name: torch.stack([torch.stack([step[name] for step in item.told]) for item in told]) for name in names}


def s(a: Tensor) -> Tensor:
    """The logistic function."""
    return 1 / (1 + torch.exp(-a))


def layer_norm(a: Tensor, gain: Tensor) -> Tensor:
    """Ba et al. 2016, eq. 3-4, without shift."""
    centered = a - a.sum() / len(a)
    return gain * centered / torch.sqrt((centered**2).sum() / len(a) + 1e-5)


@per_item
def rnn(p: Parameters, x_TI: Tensor) -> Iterator[Tensor]:
    """Elman 1990."""
    h = p.zero
    for x in x_TI:
        h = torch.tanh(p.a("candidate", x, h))
        yield h


@per_item
def lstm(p: Parameters, x_TI: Tensor) -> Iterator[Tensor]:
    """Gers et al. 2000."""
    h = c = p.zero
    for x in x_TI:
        i, f, o = (s(p.a(gate, x, h)) for gate in ("input", "forget", "output"))
        c = f * c + i * torch.tanh(p.a("candidate", x, h))
        h = o * torch.tanh(c)
        p.tell(input=i, forget=f, output=o)
        yield h


@per_item
def gru(p: Parameters, x_TI: Tensor) -> Iterator[Tensor]:
    """Cho et al. 2014, v1; the candidate's second bias is inside the reset gate."""
    h = p.zero
    inner, outer = p.cell.biases()[1], p.cell.biases()[0]
    rows = p.rows["candidate"]
    for x in x_TI:
        r, z = (s(p.a(gate, x, h)) for gate in ("reset", "update"))
        n = torch.tanh(p.W("candidate") @ x + outer[rows] + r * (p.U("candidate") @ h + inner[rows]))
        h = (1 - z) * n + z * h
        p.tell(reset=r, update=z)
        yield h


@per_item
def gru_reset_before(p: Parameters, x_TI: Tensor) -> Iterator[Tensor]:
    """Cho et al. 2014, v3."""
    h = p.zero
    for x in x_TI:
        r, z = (s(p.a(gate, x, h)) for gate in ("reset", "update"))
        h = (1 - z) * torch.tanh(p.a("candidate", x, r * h)) + z * h
        p.tell(reset=r, update=z)
        yield h


@per_item
def lstm_ablation(p: Parameters, x_TI: Tensor) -> Iterator[Tensor]:
    """Greff et al. 2017, section 2.A and 3.C; a missing gate is 1."""
    cell, options, one = p.cell, p.cell.options, torch.ones_like(p.zero)
    h = c = p.zero
    old = dict.fromkeys(cell.names, p.zero)

    def gate(name: str, x: Tensor, h: Tensor, c: Tensor) -> Tensor:
        a = p.a(name, x, h)
        if options.peepholes:
            a = a + cell.peepholes[name] * c
        if options.full_gate_recurrence:
            size, row = cell.hidden_size, cell.names.index(name)
            for column, other in enumerate(cell.names):
                R = cell.weight_gates[row * size : (row + 1) * size, column * size : (column + 1) * size]
                a = a + R @ old[other]
        return s(a)

    for x in x_TI:
        f = gate("forget", x, h, c) if options.forget_gate else one
        i = 1 - f if options.coupled_gates else gate("input", x, h, c) if options.input_gate else one
        g = p.a("candidate", x, h)
        c = f * c + i * (torch.tanh(g) if options.input_activation else g)
        o = gate("output", x, h, c) if options.output_gate else one
        h = o * (torch.tanh(c) if options.output_activation else c)
        old = {"input": i, "forget": f, "output": o}
        p.tell(**{name: {"input": i, "forget": f, "output": o}[name] for name in cell.names})
        yield h


@per_item
def peephole_lstm(p: Parameters, x_TI: Tensor) -> Iterator[Tensor]:
    """Gers & Schmidhuber 2000."""
    h = c = p.zero
    for x in x_TI:
        i = s(p.a("input", x, h) + p.cell.peephole_input * c)
        f = s(p.a("forget", x, h) + p.cell.peephole_forget * c)
        c = f * c + i * torch.tanh(p.a("candidate", x, h))
        o = s(p.a("output", x, h) + p.cell.peephole_output * c)
        h = o * torch.tanh(c)
        p.tell(input=i, forget=f, output=o)
        yield h


@per_item
def cifg(p: Parameters, x_TI: Tensor) -> Iterator[Tensor]:
    """Greff et al. 2017, CIFG."""
    h = c = p.zero
    for x in x_TI:
        f, o = (s(p.a(gate, x, h)) for gate in ("forget", "output"))
        c = f * c + (1 - f) * torch.tanh(p.a("candidate", x, h))
        h = o * torch.tanh(c)
        p.tell(forget=f, output=o)
        yield h


@per_item
def ln_lstm(p: Parameters, x_TI: Tensor) -> Iterator[Tensor]:
    """Ba et al. 2016, appendix."""
    cell = p.cell
    h = c = p.zero
    for x in x_TI:
        a = layer_norm(cell.input_weights() @ x, cell.gain_input)
        a = a + layer_norm(cell.recurrent_weights() @ h, cell.gain_state) + cell.biases()[0]
        i, f, o = (s(a[p.rows[gate]]) for gate in ("input", "forget", "output"))
        c = f * c + i * torch.tanh(a[p.rows["candidate"]])
        h = o * torch.tanh(layer_norm(c, cell.gain_cell))
        p.tell(input=i, forget=f, output=o)
        yield h


@per_item
def ln_gru(p: Parameters, x_TI: Tensor) -> Iterator[Tensor]:
    """Ba et al. 2016, appendix, z keeping the state."""
    h, size = p.zero, len(p.zero)
    first, last = slice(0, 2 * size), slice(2 * size, 3 * size)
    W, U, b = p.cell.input_weights(), p.cell.recurrent_weights(), p.cell.biases()[0]
    gain_x, gain_h = p.cell.gain_input, p.cell.gain_state
    for x in x_TI:
        a = layer_norm(W[first] @ x, gain_x[first]) + layer_norm(U[first] @ h, gain_h[first]) + b[first]
        r, z = s(a[p.rows["reset"]]), s(a[p.rows["update"]])
        inner = layer_norm(U[last] @ h, gain_h[last])
        n = torch.tanh(layer_norm(W[last] @ x, gain_x[last]) + b[last] + r * inner)
        h = (1 - z) * n + z * h
        p.tell(reset=r, update=z)
        yield h


@per_item
def slstm(p: Parameters, x_TI: Tensor) -> Iterator[Tensor]:
    """Beck et al. 2024, eq. 8-14: without the stabilizer, heads by plain slices."""
    cell = p.cell
    size = cell.hidden_size // cell.heads
    h = c = n = p.zero

    def a(gate: str, x: Tensor, h: Tensor) -> Tensor:
        mixed = [p.U(gate)[k * size : (k + 1) * size] @ h[k * size : (k + 1) * size] for k in range(cell.heads)]
        return p.W(gate) @ x + torch.cat(mixed) + p.b(gate)

    for x in x_TI:
        i, f = torch.exp(a("input", x, h)), s(a("forget", x, h))
        c, before, n = f * c + i * torch.tanh(a("candidate", x, h)), n, f * n + i
        o = s(a("output", x, h))
        h = o * c / n
        p.tell(input=i / n, forget=f * before / n, output=o)
        yield h


@per_item
def mgu(p: Parameters, x_TI: Tensor) -> Iterator[Tensor]:
    """Zhou et al. 2016."""
    h = p.zero
    for x in x_TI:
        f = s(p.a("forget", x, h))
        h = (1 - f) * h + f * torch.tanh(p.a("candidate", x, f * h))
        p.tell(forget=f)
        yield h


@per_item
def janet(p: Parameters, x_TI: Tensor) -> Iterator[Tensor]:
    """Van der Westhuizen & Lasenby 2018."""
    h = p.zero
    for x in x_TI:
        a = p.a("forget", x, h)
        h = s(a) * h + (1 - s(a - p.cell.options.beta)) * torch.tanh(p.a("candidate", x, h))
        p.tell(forget=s(a))
        yield h


@per_item
def indrnn(p: Parameters, x_TI: Tensor) -> Iterator[Tensor]:
    """Li et al. 2018."""
    h = p.zero
    for x in x_TI:
        a = p.W("candidate") @ x + p.cell.weight_state * h + p.b("candidate")
        h = torch.where(a > 0, a, 0) if p.cell.options.nonlinearity == "relu" else torch.tanh(a)
        yield h


@per_item
def sru(p: Parameters, x_TI: Tensor) -> Iterator[Tensor]:
    """Lei et al. 2018, eq. 1-4, with the scaled highway of section 3.2."""
    c = p.zero
    for x in x_TI:
        f = s(p.W("forget") @ x + p.cell.weight_forget * c + p.b("forget"))
        r = s(p.W("reset") @ x + p.cell.weight_reset * c + p.b("reset"))
        c = f * c + (1 - f) * (p.W("candidate") @ x + p.b("candidate"))
        way = p.W("skip") @ x + p.b("skip") if "skip" in p.rows else 3**0.5 * x
        p.tell(forget=f, reset=r)
        yield r * c + (1 - r) * way


@per_item
def qrnn(p: Parameters, x_TI: Tensor) -> Iterator[Tensor]:
    """Bradbury et al. 2017, fo-pooling."""
    c, width = p.zero, p.cell.options.filter_width
    for t in range(len(x_TI)):
        seen = [x_TI[at] if at >= 0 else torch.zeros_like(x_TI[0]) for at in range(t - width + 1, t + 1)]
        window = torch.cat(seen)
        z = torch.tanh(p.W("candidate") @ window + p.b("candidate"))
        f, o = (s(p.W(gate) @ window + p.b(gate)) for gate in ("forget", "output"))
        c = f * c + (1 - f) * z
        p.tell(forget=f, output=o)
        yield o * c


def v(a: Tensor) -> Tensor:
    """Feng et al. 2024, appendix B."""
    return torch.where(a >= 0, a + 0.5, s(a))


@per_item
def mingru(p: Parameters, x_TI: Tensor) -> Iterator[Tensor]:
    """Feng et al. 2024, section 3.1."""
    h = p.zero
    for x in x_TI:
        z = s(p.W("update") @ x + p.b("update"))
        h = (1 - z) * h + z * v(p.W("candidate") @ x + p.b("candidate"))
        p.tell(update=z)
        yield h


@per_item
def minlstm(p: Parameters, x_TI: Tensor) -> Iterator[Tensor]:
    """Feng et al. 2024, section 3.2."""
    h = p.zero
    for x in x_TI:
        f, i = (s(p.W(gate) @ x + p.b(gate)) for gate in ("forget", "input"))
        h = f / (f + i) * h + i / (f + i) * v(p.W("candidate") @ x + p.b("candidate"))
        p.tell(forget=f / (f + i), input=i / (f + i))
        yield h


@per_item
def lru(p: Parameters, x_TI: Tensor) -> Iterator[Tensor]:
    """Orvieto et al. 2023, in real numbers: rotation by theta, decay by nu."""
    cell, real, imaginary = p.cell, p.zero, p.zero
    size = cell.hidden_size
    decay, phase = torch.exp(-torch.exp(cell.nu)), torch.exp(cell.theta)
    across, up = decay * torch.cos(phase), decay * torch.sin(phase)
    for x in x_TI:
        real, imaginary = (
            across * real - up * imaginary + torch.exp(cell.log_gamma) * (p.W("real") @ x),
            up * real + across * imaginary + torch.exp(cell.log_gamma) * (p.W("imaginary") @ x),
        )
        # Re(C q), the second half of the stored matrix being minus the imaginary part of C
        y = cell.weight_output[:, :size] @ real + cell.weight_output[:, size:] @ imaginary
        yield y + cell.weight_skip @ x


ORACLES: dict[str, Oracle] = {
    "rnn": rnn,
    "lstm": lstm,
    "lstm_ablation": lstm_ablation,
    "peephole_lstm": peephole_lstm,
    "cifg": cifg,
    "ln_lstm": ln_lstm,
    "slstm": slstm,
    "gru": gru,
    "gru_reset_before": gru_reset_before,
    "ln_gru": ln_gru,
    "mgu": mgu,
    "janet": janet,
    "indrnn": indrnn,
    "sru": sru,
    "qrnn": qrnn,
    "mingru": mingru,
    "minlstm": minlstm,
    "lru": lru,
}
