"""Runs as training with all probes would have recorded them, made from simple laws."""

from __future__ import annotations

import math
from typing import Any

from tuner.diagnostics.finding import Cure, Finding
from tuner.disk.events import RunRecord
from tuner.messages import State

GATES = ("input", "forget", "candidate", "output")


def trained(
    number: int = 3,
    *,
    epochs: int = 20,
    layers: int = 1,
    bidirectional: bool = False,
    gates: tuple[str, ...] = GATES,
    decay: float = 0.06,
    lag: int = 200,
    state: State = State.COMPLETED,
    findings: tuple[Finding, ...] = (),
    **fields: Any,
) -> RunRecord:
    """A run with every metric, table and profile; the gradient keeps exp(-decay) per step, less and less so."""
    directions = ("forward", "backward")[: 1 + bidirectional]
    cells = [f"stack.{direction}_cells.{layer}" for layer in range(layers) for direction in directions]
    record = RunRecord(
        run=f"trials/{number:05d}",
        number=number,
        params={"cell": "lstm", "learning_rate": 0.003},
        searched=["cell", "learning_rate"],
        state=state,
        value=0.2,
        results={"parameters": 1000, "lag": lag, "findings": [finding.as_json() for finding in findings]},
        found=[finding.name for finding in findings],
        seconds=12.5,
        **fields,
    )
    for epoch in range(1, epochs + 1):
        record.epochs[epoch] = _epoch(epoch, cells, gates, decay / math.sqrt(epoch), lag)
    return record


def _epoch(epoch: int, cells: list[str], gates: tuple[str, ...], decay: float, lag: int) -> dict[str, Any]:
    lags = range(0, lag + 1, max(1, lag // 10))
    by_cell = {cell: 1.0 + 0.3 * place for place, cell in enumerate(cells)}
    by_gate = {f"{cell}/{gate}": factor * (1 + i) for cell, factor in by_cell.items() for i, gate in enumerate(gates)}
    weights = {f"{cell}.kernel.weight_hh_l0": 1e-3 / factor for cell, factor in by_cell.items()}
    return {
        "event": "epoch",
        "epoch": epoch,
        "time": 1e9 + epoch,
        "metrics": {
            "val/accuracy": 0.9 - 0.4 / epoch,
            "train/loss": 1 / epoch,
            "val/loss": 0.2 + 1 / epoch + 0.01 * epoch,
            "lr": 0.003,
            "grad/norm": 0.5 / epoch,
            "grad/norm_max": 1.0 / epoch,
            "grad/clipped": 0.1,
        },
        "tensors": {
            "grad": weights,
            "update": weights,
            "attenuation": {cell: -decay * factor * lag / math.log(10) for cell, factor in by_cell.items()},
            "memory_time": {cell: 10.0 * epoch / factor for cell, factor in by_cell.items()},
            "gate_mean": {gate: 1 / (1 + 0.2 * factor) for gate, factor in by_gate.items()},
            "gate_left": {gate: min(0.9, 0.02 * factor * math.sqrt(epoch)) for gate, factor in by_gate.items()},
            "gate_right": {gate: 0.1 / factor for gate, factor in by_gate.items()},
            "units_dead": {cell: 0.01 * epoch / factor for cell, factor in by_cell.items()},
            "units_saturated": {cell: 0.1 * factor for cell, factor in by_cell.items()},
            "state_max": {cell: 2.0 * factor * math.sqrt(epoch) for cell, factor in by_cell.items()},
            "singular_largest": {gate: 1.0 + 0.02 * epoch * factor for gate, factor in by_gate.items()},
            "singular_least": {gate: 0.5 / factor / epoch for gate, factor in by_gate.items()},
        },
        "profiles": {
            "state_grad": {
                cell: [[lag, 0.01 * math.exp(-decay * factor * lag)] for lag in lags]
                for cell, factor in by_cell.items()
            },
            "input_grad": {"encoder": [[lag, math.exp(-decay * lag)] for lag in lags]},
        },
    }


def vanishing(epoch: int = 2, **fields: Any) -> Finding:
    """A finding with everything that one can have."""
    return Finding(
        **{
            "name": "vanishing_gradient",
            "where": "stack.forward_cells.0",
            "epoch": epoch,
            "step": 30 * epoch,
            "evidence": "over the task's lag of 200 steps the gradient falls to 10^-9.1 of itself",
            "numbers": {"attenuation": -9.1, "lag": 200.0},
            "threshold": "at least 0.0001",
            "source": "Hochreiter 1991; the limit is ours",
            "cures": (Cure(param="gate_bias", to="chrono"), Cure(param="forget_bias", plus=2.0)),
            "advice": ("a shorter input",),
            **fields,
        }
    )


def dead(epoch: int = 5) -> Finding:
    """Another one."""
    return Finding(
        name="dead_units",
        where="stack.forward_cells.0",
        epoch=epoch,
        evidence="31% of the units do not vary",
        threshold="at most 20%",
        source="ours",
        cures=(Cure(param="learning_rate", times=0.3),),
    )
