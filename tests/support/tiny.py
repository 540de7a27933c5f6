"""A task that trains in milliseconds: two kinds of short waves in a CSV file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

SPACE = """
search_space:
  cell: [lstm, gru]
  hidden_size: {low: 4, high: 16}
  learning_rate: {low: 1e-3, high: 1e-1, log: true}
  batch_size: 16
"""


def write_waves(path: Path, *, items: int = 60, steps: int = 12, seed: int = 0) -> Path:
    """Rows "label, value, value, ..." of noisy waves of two frequencies."""
    rng = np.random.default_rng(seed)
    lines = ["label," + ",".join(f"t{step}" for step in range(steps))]
    for item in range(items):
        label = item % 2
        wave = np.sin(np.arange(steps) * (1.0 + label) + rng.uniform(0, 6)) + rng.normal(0, 0.3, steps)
        lines.append(("fast" if label else "slow") + "," + ",".join(f"{value:.4f}" for value in wave))
    path.write_text("\n".join(lines) + "\n")
    return path


def write_task(
    folder: Path,
    *,
    name: str = "tiny",
    trials: int = 4,
    epochs: int = 3,
    figures: int = 0,
    mlflow: bool = False,
    more: str = "",
) -> Path:
    """A task file beside its data; trials run in this process, and MLflow is left out, unless it is said otherwise.

    Findings are only told, unless it does: so short a training looks hopeless more often than not.
    """
    write_waves(folder / "waves.csv")
    ray = "" if "ray:" in more else "ray: {address: in-process}\n"
    diagnostics = "" if "diagnostics:" in more else "diagnostics: {mode: observe}\n"
    tracking = "" if mlflow or "tracking:" in more else "tracking: {uri: none}\n"
    path = folder / f"{name}.yaml"
    path.write_text(
        f"name: {name}\nadapter: time_series/classification\ndata: {{path: waves.csv, label: label}}\n"
        f"budget: {{trials: {trials}, epochs: {epochs}}}\nreport: {{figures: {figures}}}\n{ray}{diagnostics}{tracking}"
        f"{'' if 'search_space' in more else SPACE}{more}\n"
    )
    return path
