"""Pools of learning curves that are not trained here: made ones of several kinds, and LCBench's.

LCBench (Zimmer et al. 2021) has the curves of networks on 34 tabular tasks; what is read is the surrogate of it in
YAHPO Gym (Pfisterer et al. 2022), a folder with `model.onnx` and `encoding.json` (needs the package onnxruntime), or an
NPZ file with an array (configuration, epoch) of validation errors for each task, as `save_lcbench` writes it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MADE = {
    "ranks settled at once": "the level, and the same fall for all",
    "ranks settle late": "a plateau, then a fall to the level, after 10 to 60 % of the training",
    "ranks settle slowly": "the level, and a deviation of its own that fades",
    "crossing": "the better the level, the slower the fall",
}
"""Kind of made pool -> what its curves are."""
EPOCHS = 50
"""Of a full training in LCBench. Its curves begin before the first epoch, which is left out."""


def made(kind: str, configurations: int = 200, epochs: int = 20, seed: int = 0) -> Array:
    """Losses (configuration, epoch) of a kind of `MADE`; final levels are even in 0 to 1, with noise of 0.01."""
    rng = np.random.default_rng(seed)
    epoch_E = np.arange(1, epochs + 1) / epochs
    level_N1 = rng.uniform(0, 1, (configurations, 1))
    if kind == "ranks settled at once":
        loss_NE = level_N1 + 2 * np.exp(-4 * epoch_E)
    elif kind == "ranks settle late":
        start_N1 = rng.uniform(0.1, 0.6, (configurations, 1))
        loss_NE = 2 - (2 - level_N1) / (1 + np.exp(-(epoch_E - start_N1) / 0.04))
    elif kind == "ranks settle slowly":
        own_N1 = rng.normal(0, 0.7, (configurations, 1))
        loss_NE = level_N1 + 2 * np.exp(-4 * epoch_E) + own_N1 * np.exp(-4 * epoch_E)
    else:
        loss_NE = level_N1 + 2 * np.exp(-(2 + 10 * level_N1) * epoch_E)
    return loss_NE + rng.normal(0, 0.01, loss_NE.shape)


def read_lcbench(path: Path) -> dict[str, Array]:
    """Task -> validation errors (configuration, epoch), from an NPZ file or from the surrogate's folder."""
    if path.is_dir():
        return _ask_surrogate(path)
    with np.load(path, allow_pickle=False) as file:
        return {task: file[task].astype(float) for task in file.files}


def save_lcbench(folder: Path, file: Path) -> None:
    """Ask the surrogate once, so that replays need no onnxruntime."""
    arrays: Mapping[str, Array] = _ask_surrogate(folder)
    np.savez_compressed(file, **{task: errors.astype(np.float32) for task, errors in arrays.items()})


def _ask_surrogate(folder: Path, configurations: int = 341, seed: int = 0) -> dict[str, Array]:
    import onnxruntime  # type: ignore[import-not-found, unused-ignore]

    session = onnxruntime.InferenceSession(str(folder / "model.onnx"))
    tasks = json.loads((folder / "encoding.json").read_text())["OpenML_task_id"]
    rng = np.random.default_rng(seed)

    def even_log(low: float, high: float) -> Array:
        return np.exp(rng.uniform(np.log(low), np.log(high), configurations))

    batch_size, rate = even_log(16, 512).round(), even_log(1e-4, 0.1)
    momentum, decay = rng.uniform(0.1, 0.99, configurations), rng.uniform(1e-5, 0.1, configurations)
    layers, units = rng.integers(1, 6, configurations), even_log(64, 1024).round()
    dropout = rng.uniform(0, 1, configurations)
    found = {}
    for task, code in tasks.items():
        if task == "#na#":
            continue
        errors = []
        for epoch in range(2, EPOCHS + 2):
            columns = (np.full(configurations, epoch), batch_size, rate, momentum, decay, layers, units, dropout)
            x = np.stack(columns, axis=1).astype(np.float32)
            told = session.run(None, {"x_cat": np.full((configurations, 1), code, np.int32), "x_cont": x})[0]
            errors.append(1 - told[:, 1] / 100)  # seconds, validation accuracy in percent, ...
        found[task] = np.stack(errors, axis=1).astype(float)
    return found
