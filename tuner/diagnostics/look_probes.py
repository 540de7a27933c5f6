"""Probes of a look: each turns its measurements into numbers.

Letters of shapes: B items, T steps, H units, K borders, N valid steps of all items.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from tuner.diagnostics import names
from tuner.diagnostics.look import CellLook, Look, RecurrentCell, quiet
from tuner.diagnostics.probes import Probe

Profile = list[tuple[float, float]]
"""(lag in steps, value), by lag."""

SHUT, OPEN = 0.1, 0.9
"""Bounds below and above which a gate is saturated. Karpathy et al. 2016."""
SATURATED_ABOVE = 0.95
DEAD_BELOW = 1e-3
"""A unit is dead if its output has a smaller standard deviation over items and steps."""
REMEMBERING = 0.95
"""The quantile of the units' memory times that is reported for a cell."""
INPUT_POINTS = 50
"""Approximate number of lags of the input's profile."""
SMOOTHING = 0.8
"""Weight of earlier looks in the sums of the noise scale."""


class Measured(NamedTuple):
    """Values by the names of `tuner.diagnostics.names`."""

    metrics: dict[str, float]
    tensors: dict[str, dict[str, float]]
    profiles: dict[str, dict[str, Profile]]


class LookProbe(Probe):
    """Measures one quantity in every look.

    `Watch` builds one per attempt, in the worker. A probe changes nothing; its memory between looks is in `state_dict`.
    `Watch` drops values that are not finite.
    """

    @abstractmethod
    def measure(self, look: Look) -> Measured:
        """The values of one look."""

    def state_dict(self) -> dict[str, Any]:
        """JSON-able: the state with which a resumed training measures the same."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the state of `state_dict`."""


class StateGradients(LookProbe):
    """||dL/ds_t|| by lag, its slope, and the share left after the task's lag.

    An item of L steps has lag L - t after its step t. The value of a profile at a lag is the root mean square over the
    items that reach it. The slope is that of the least-squares line through the logarithms of all items' values; a
    value that is 0 in the gradients' dtype counts as the smallest number above 0, and values at longer lags are left
    out. An item whose gradient is 0 from the first lag on counts with its value at lag 0. The attenuation is the slope
    times the task's lag (at most the longest lag measured), in powers of ten.

    How to read it: below -4 the gradient does not reach that far, above 2 it grows.

    Reference:
        Pascanu et al. 2013, arXiv:1211.5063, section 2. Deviation: the gradient's norm itself instead of bounds.
    """

    quantities = (
        names.ATTENUATION,
        names.CELL_ATTENUATION,
        names.SLOPE,
        names.STATE_GRAD,
        names.INPUT_GRAD,
    )

    def measure(self, look: Look) -> Measured:
        """See `LookProbe.measure`."""
        slopes: dict[str, float] = {}
        kept: dict[str, float] = {}
        profiles: dict[str, Profile] = {}
        lengths = look.lengths.tolist()
        for name, cell in look.cells.items():
            lagged = list(_lagged(cell, lengths))
            profiles[name] = _mean_profile(lagged)
            slope = _slope(_counted(cell, lengths, look.smallest))
            if slope is not None:
                longest = max(lag for lag, _ in lagged) if lagged else 0.0
                lag = longest if look.sample.lag is None else min(float(look.sample.lag), longest)
                slopes[name], kept[name] = slope, slope * lag / math.log(10)
        every = -(-max(lengths) // INPUT_POINTS)
        inputs = [
            (float(length - step), norm)
            for length, norms in zip(lengths, look.input_norms.tolist(), strict=True)
            for step, norm in enumerate(norms[:length], start=1)
            if (length - step) % every == 0
        ]
        return Measured(
            {names.ATTENUATION: max(kept.values())} if kept else {},
            {names.SLOPE: slopes, names.CELL_ATTENUATION: kept},
            {names.STATE_GRAD: profiles, names.INPUT_GRAD: {"encoder": _mean_profile(inputs)}},
        )


class Gates(LookProbe):
    """Values of the gates, and memory times of the units.

    Memory: tau_j = -1 / mean_t log f_j steps, f_j the share that unit j keeps in a step, from the second step on. f is
    the gate that keeps, or 1 - the gate that admits new values if there is no other; an input gate beside a forget gate
    does not count.

    How to read it: a gate that is nearly always shut (below 0.1) or open (above 0.9) no longer depends on its input.
    Memory far below the task's lag cannot bridge it.

    Reference:
        Karpathy et al. 2016, arXiv:1506.02078, section 4.2; Tallec & Ollivier 2018, arXiv:1804.11188. No deviation.
    """

    quantities = (
        names.GATES_SATURATED,
        names.GATE_MEAN,
        names.GATE_LEFT,
        names.GATE_RIGHT,
        names.MEMORY_TIME,
    )

    def measure(self, look: Look) -> Measured:
        """See `LookProbe.measure`."""
        tables: dict[str, dict[str, float]] = {
            name: {} for name in (names.GATE_MEAN, names.GATE_LEFT, names.GATE_RIGHT, names.MEMORY_TIME)
        }
        for name, cell in look.cells.items():
            keeping = _keeping(cell.cell)
            for gate, values_BTH in cell.cell.gate_values(cell.x, cell.y).items():
                values_NH = cell.counted(values_BTH)
                label, count = f"{name}/{gate}", values_NH.numel()
                tables[names.GATE_MEAN][label] = values_NH.mean(dtype=torch.float64).item()
                tables[names.GATE_LEFT][label] = torch.count_nonzero(values_NH < SHUT).item() / count
                tables[names.GATE_RIGHT][label] = torch.count_nonzero(values_NH > OPEN).item() / count
                if gate in keeping:
                    later_NH = cell.counted(values_BTH, first=1)
                    if len(later_NH):
                        tables[names.MEMORY_TIME][name] = _memory(later_NH if keeping[gate] > 0 else 1 - later_NH)
        left, right = tables[names.GATE_LEFT], tables[names.GATE_RIGHT]
        saturated = {names.GATES_SATURATED: max(left[gate] + right[gate] for gate in left)} if left else {}
        return Measured(saturated, tables, {})


class Units(LookProbe):
    """Outputs, states and inputs of each cell; padding does not count.

    How to read it: many dead units, or many outputs near 1 in size, ask for another initialization or a lower rate.

    Reference:
        Ours; compare Zhang et al. 2021 (AutoTrainer), section 3.
    """

    quantities = (
        names.DEAD,
        names.SATURATED,
        names.STATE_MAX,
        names.UNITS_DEAD,
        names.UNITS_SATURATED,
        names.OUTPUT_MEAN,
        names.OUTPUT_SD,
        names.OUTPUT_MAX,
        names.CELL_STATE_MAX,
        names.INPUT_SD,
        names.INPUT_MAX,
    )

    def measure(self, look: Look) -> Measured:
        """See `LookProbe.measure`."""
        rows: dict[str, dict[str, float]] = {}
        for name, cell in look.cells.items():
            y_NH, x_NI = cell.counted(cell.y), cell.counted(cell.x)
            size_NH = y_NH.abs()
            values = {
                names.UNITS_DEAD: (y_NH.std(0, correction=0) < DEAD_BELOW).double().mean(),
                names.UNITS_SATURATED: torch.count_nonzero(size_NH > SATURATED_ABOVE).double() / size_NH.numel(),
                names.OUTPUT_MEAN: size_NH.mean().double(),
                names.OUTPUT_SD: y_NH.std(correction=0).double(),
                names.OUTPUT_MAX: size_NH.max().double(),
                names.CELL_STATE_MAX: _state_max(cell),
                names.INPUT_SD: x_NI.std(correction=0).double(),
                names.INPUT_MAX: x_NI.abs().max().double(),
            }
            rows[name] = dict(zip(values, torch.stack(list(values.values())).tolist(), strict=True))
        tables = {quantity: {name: row[quantity] for name, row in rows.items()} for quantity in self.quantities[3:]}
        metrics = {
            names.DEAD: max(tables[names.UNITS_DEAD].values()),
            names.SATURATED: max(tables[names.UNITS_SATURATED].values()),
            names.STATE_MAX: max(tables[names.CELL_STATE_MAX].values()),
        }
        return Measured(metrics, tables, {})


class Spectrum(LookProbe):
    """Largest and least singular value of every recurrent block.

    How to read it: in a plain tanh network a largest value below 1 suffices for vanishing gradients and one above 1 is
    needed for exploding ones; for gated cells it is a hint.

    Reference:
        Pascanu et al. 2013, arXiv:1211.5063, section 2.1. No deviation.
    """

    quantities = (names.SINGULAR_MAX, names.SINGULAR_LARGEST, names.SINGULAR_LEAST)

    def measure(self, look: Look) -> Measured:
        """See `LookProbe.measure`."""
        largest, least = spectrum({name: cell.cell for name, cell in look.cells.items()})
        metrics = {names.SINGULAR_MAX: max(largest.values())} if largest else {}
        return Measured(metrics, {names.SINGULAR_LARGEST: largest, names.SINGULAR_LEAST: least}, {})


class NoiseScale(LookProbe):
    """Batch size beyond which larger ones hardly help: trace of the gradients' covariance over |G|^2.

    Estimated from the sample and its two halves, without dropout; both sums are smoothed over the looks. Missing while
    the estimate of |G|^2 is not above 0.

    How to read it: batches far below it are noisy, far above it wasteful.

    Reference:
        McCandlish et al. 2018, arXiv:1812.06162, appendix A.1. No deviation.
    """

    quantities = (names.NOISE_SCALE,)

    def __init__(self) -> None:
        self.trace = self.square = 0.0

    def measure(self, look: Look) -> Measured:
        """See `LookProbe.measure`."""
        half = len(look.lengths) // 2
        if not half:
            return Measured({}, {}, {})
        one, other = (_gradients(look, slice(start, start + half)) for start in (0, half))
        small = (_square(one) + _square(other)) / 2
        large = _square([(a + b) / 2 for a, b in zip(one, other, strict=True)])
        square = (2 * half * large - half * small) / half
        trace = (small - large) / (1 / half - 1 / (2 * half))
        if math.isfinite(square) and math.isfinite(trace):
            self.square = SMOOTHING * self.square + (1 - SMOOTHING) * square
            self.trace = SMOOTHING * self.trace + (1 - SMOOTHING) * trace
        return Measured({names.NOISE_SCALE: self.trace / self.square} if self.square > 0 else {}, {}, {})

    def state_dict(self) -> dict[str, Any]:
        """See `LookProbe.state_dict`."""
        return {"trace": self.trace, "square": self.square}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See `LookProbe.load_state_dict`."""
        self.trace, self.square = state["trace"], state["square"]


def spectrum(cells: Mapping[str, RecurrentCell]) -> tuple[dict[str, float], dict[str, float]]:
    """Largest and least singular values by block; blocks with values that are not finite are left out."""
    blocks = {label: block for label, block in _blocks(cells).items() if bool(block.isfinite().all())}
    values: dict[str, list[float]] = {}
    for size in {len(block) for block in blocks.values()}:
        same = {label: block for label, block in blocks.items() if len(block) == size}
        values |= dict(zip(same, torch.linalg.svdvals(torch.stack(list(same.values()))).tolist(), strict=True))
    return {label: values[label][0] for label in blocks}, {label: values[label][-1] for label in blocks}


def gains(cells: Mapping[str, RecurrentCell]) -> dict[str, float]:
    """Root mean square of the singular values by block: the factor by which a random state is scaled."""
    return {
        label: float(torch.linalg.vector_norm(block)) / math.sqrt(min(block.shape))
        for label, block in _blocks(cells).items()
    }


def _blocks(cells: Mapping[str, RecurrentCell]) -> dict[str, Tensor]:
    """Recurrent blocks by `cell/gate`; a gate's several blocks as `cell/gate.0` and so on."""
    blocks: dict[str, Tensor] = {}
    for name, cell in cells.items():
        found = [block.detach() for block in cell.recurrent_blocks()]
        if found:
            each = max(1, cell.hidden_size // len(found[0]))
            labels = [gate if each == 1 else f"{gate}.{part}" for gate in cell.gates() for part in range(each)]
            labels += [f"block.{number}" for number in range(len(labels), len(found))]
            blocks |= {f"{name}/{label}": block for label, block in zip(labels, found, strict=False)}
    return blocks


def _lagged(cell: CellLook, lengths: Sequence[int]) -> Iterable[tuple[float, float]]:
    """Lag and norm at every border before an item's end."""
    for border, norms in zip(cell.borders, cell.norms.tolist(), strict=True):
        for length, norm in zip(lengths, norms, strict=True):
            if border < length:
                yield float(length - border), norm


def _counted(cell: CellLook, lengths: Sequence[int], smallest: float) -> Iterable[tuple[float, float]]:
    """Lag and logarithm of the norm, of the values that count for the slope."""
    norms_BK = cell.norms.t().tolist()
    for length, norms in zip(lengths, norms_BK, strict=True):
        lagged = [
            (float(length - border), norm)
            for border, norm in zip(cell.borders, norms, strict=True)
            if border <= length and math.isfinite(norm)
        ]
        lagged.reverse()
        at_end = lagged[0][1] if lagged and lagged[0][0] == 0 else 0.0
        before = [pair for pair in lagged if pair[0] > 0]
        if before and before[0][1] == 0:
            if at_end > 0:
                yield 0.0, math.log(at_end)
                yield before[0][0], math.log(smallest)
            continue
        for lag, norm in before:
            yield lag, math.log(max(norm, smallest))
            if norm == 0:
                break


def _slope(points: Iterable[tuple[float, float]]) -> float | None:
    """Slope of the least-squares line; None with fewer than two different lags."""
    pairs = list(points)
    if not pairs:
        return None
    middle = [math.fsum(values) / len(pairs) for values in zip(*pairs, strict=True)]
    spread = math.fsum((lag - middle[0]) ** 2 for lag, _ in pairs)
    if spread == 0:
        return None
    return math.fsum((lag - middle[0]) * (value - middle[1]) for lag, value in pairs) / spread


def _mean_profile(pairs: Iterable[tuple[float, float]]) -> Profile:
    """Root mean square at each lag."""
    groups: dict[float, list[float]] = {}
    for lag, value in pairs:
        groups.setdefault(lag, []).append(value)
    return [(lag, math.hypot(*groups[lag]) / math.sqrt(len(groups[lag]))) for lag in sorted(groups)]


def _keeping(cell: RecurrentCell) -> dict[str, int]:
    """The gate that controls how much a step keeps, and its sign."""
    gates = cell.memory_gates()
    kept = {gate: sign for gate, sign in gates.items() if sign > 0}
    return kept or {gate: sign for gate, sign in gates.items() if gate != "input"}


def _memory(kept_NH: Tensor) -> float:
    precision = torch.finfo(kept_NH.dtype)
    logs_H = kept_NH.clamp_min(precision.tiny).log().mean(0, dtype=torch.float64).clamp_max(-precision.eps)
    return torch.quantile(-1 / logs_H, REMEMBERING).item()


def _state_max(cell: CellLook) -> Tensor:
    """Largest value in the state over all borders that an item reaches."""
    largest = cell.y.new_zeros((), dtype=torch.float64)
    for border, state in zip(cell.borders, cell.states, strict=True):
        there_B = cell.lengths >= border
        for part in state:
            if part.numel():
                sizes_B = part.abs().flatten(1).amax(1).double()
                largest = torch.maximum(largest, sizes_B.where(there_B, 0).max())
    return largest


def _gradients(look: Look, rows: slice) -> list[Tensor]:
    """Gradients of the mean loss of some items, by parameter."""
    sample, network = look.sample, look.network
    batch: Any = sample.batch
    lengths = None if batch.lengths is None else batch.lengths[rows]
    part = replace(batch, x=batch.x[rows], y=batch.y[rows], lengths=lengths)
    with quiet(network, batch.x.device):
        loss = sample.loss(network(part.x, part.lengths), part)
        parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
        return list(torch.autograd.grad(loss, parameters, allow_unused=True, materialize_grads=True))


def _square(gradients: Sequence[Tensor]) -> float:
    return torch.stack([gradient.double().square().sum() for gradient in gradients]).sum().item()
