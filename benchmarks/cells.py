"""Time of one training step of every cell, as a ratio to `torch.nn.LSTM`.

    python -m benchmarks.cells [--rounds 15] [--cells lstm,cifg]

One layer, one direction, batch 32, one thread: forward and backward. Cells take turns within every round, the order
turned by one each time; what is compared is the process's CPU time, the median over the rounds of the ratio to
`nn.LSTM` in the same round, with its quartiles. Ratios hold within one run of this script; absolute figures depend
on the machine. Tables: 100 steps of 128 inputs to 128 units, and the growth to 1,000 steps; 128 inputs and as many
units as give each cell the parameters of the LSTM with 128.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from tuner.nets.catalog import CELLS

BATCH, STEPS, LONG, INPUTS, UNITS = 32, 100, 1000, 128, 128
ABLATIONS = {"lstm_ablation/full_gate_recurrence": {"full_gate_recurrence": True}}


def make(label: str, units: int = UNITS) -> nn.Module:
    """A cell by its name, or by the label of an ablation."""
    name = label.partition("/")[0]
    entry = CELLS[name]
    torch.manual_seed(0)
    module: nn.Module = entry.load()(INPUTS, units, entry.options(**ABLATIONS.get(label, {})))
    return module


def parameters(module: nn.Module) -> int:
    """Number of learned values."""
    return sum(parameter.numel() for parameter in module.parameters())


def equal_units(label: str, budget: int) -> int:
    """The units that bring the cell closest to `budget` parameters; they grow with the units."""
    low, high = 1, 4096
    while low < high:
        middle = (low + high) // 2
        if parameters(make(label, middle)) < budget:
            low = middle + 1
        else:
            high = middle
    return min((low - 1, low), key=lambda units: abs(parameters(make(label, max(units, 1))) - budget))


def seconds(module: nn.Module, x_BTI: Tensor) -> float:
    """CPU time of one forward and backward pass."""
    started = time.process_time()
    y_BTH, _ = module(x_BTI)
    y_BTH.sum().backward()
    return time.process_time() - started


def compare(modules: dict[str, nn.Module], steps: int, rounds: int) -> dict[str, list[float]]:
    """Label -> CPU seconds in every round; the first round is thrown away."""
    x_BTI = torch.randn(BATCH, steps, INPUTS)
    times: dict[str, list[float]] = {label: [] for label in modules}
    labels = list(modules)
    for turn in range(rounds + 1):
        shift = turn % len(labels)
        for label in labels[shift:] + labels[:shift]:
            times[label].append(seconds(modules[label], x_BTI))
    return {label: each[1:] for label, each in times.items()}


def ratios(times: Sequence[float], base: Sequence[float]) -> str:
    """Median and quartiles of the ratios within rounds."""
    low, middle, high = statistics.quantiles([a / b for a, b in zip(times, base, strict=True)], n=4)
    return f"{middle:6.2f} ({low:.2f}-{high:.2f})"


def table(title: str, rows: dict[str, nn.Module], rounds: int, more: Callable[[str], str]) -> None:
    """Measure and print one table, `torch.nn.LSTM` first."""
    base = nn.LSTM(INPUTS, UNITS, batch_first=True)
    times = compare({"torch.nn.LSTM": base, **rows}, STEPS, rounds)
    print(f"\n{title}\n{'cell':38s} {'params':>8s} {'ms':>7s}  ratio (quartiles)")
    for label, module in {"torch.nn.LSTM": base, **rows}.items():
        middle = 1e3 * statistics.median(times[label])
        ratio = ratios(times[label], times["torch.nn.LSTM"])
        print(f"{label:38s} {parameters(module):8d} {middle:7.1f} {ratio} {more(label)}", flush=True)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15, help="rounds after the first one, >= 2")
    parser.add_argument("--cells", default="", help="names, by comma; all where left out")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    labels = asked.cells.split(",") if asked.cells else [*CELLS, *ABLATIONS]
    modules = {label: make(label) for label in labels}
    short, long = (compare(modules, steps, 3) for steps in (STEPS, LONG))
    growth = {label: statistics.median(long[label]) / statistics.median(short[label]) for label in labels}

    def grown(label: str) -> str:
        return f"  T={LONG}: {growth[label]:.1f} x T={STEPS}" if label in growth else ""

    table(f"T={STEPS}, I={INPUTS}, H={UNITS}, B={BATCH}", modules, asked.rounds, grown)
    budget = parameters(nn.LSTM(INPUTS, UNITS))
    units = {label: equal_units(label, budget) for label in labels}
    same = {label: make(label, units[label]) for label in labels}
    table(
        f"T={STEPS}, I={INPUTS}, B={BATCH}, about {budget} parameters each",
        same,
        asked.rounds,
        lambda label: f"  H={units.get(label, UNITS)}",
    )


if __name__ == "__main__":
    main()
