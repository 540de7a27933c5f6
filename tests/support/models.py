"""Models of every adapter, made of small data without a training."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from tests.support.adapter_data import DATA
from tuner.adapters.catalog import ADAPTERS
from tuner.adapters.defaults import completed
from tuner.adapters.preparing import prepare
from tuner.disk.folder import MODEL
from tuner.nets.network import build_network
from tuner.predict.writing import Trained, write_model
from tuner.training import checkpoint
from tuner.training.settings import settings


def made_model(
    folder: Path,
    case: str = "nlp/classification",
    params: Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | None = None,
    *,
    seeds: int = 1,
) -> Path:
    """The folder of a model with weights by chance.

    Args:
        folder: Everything is made below it; the model in `model`.
        case: As in `DATA`.
        params: Of the network.
        seeds: Members of an ensemble; each by itself is what `model` would be of its seed alone.
        data: Options of the adapter, in place of those in `DATA`.
    """
    name = case.partition(":")[0]
    entry = ADAPTERS[name]
    (folder / "data").mkdir(parents=True)
    data = DATA[case](folder / "data") if data is None else data
    params = {"cell": "gru", "hidden_size": 8, **(params or {})}
    chosen = settings(params, adapter=entry.load(), data_options=entry.options, data=data)
    adapter = entry.load()(chosen.data)
    prepared, _ = prepare(name, adapter, folder / "prepared")
    problem = completed(adapter.problem(prepared), prepared)
    for seed in range(seeds):
        torch.manual_seed(seed)
        network = build_network(chosen.net, chosen.cell, chosen.regularizers, problem)
        checkpoint.save(folder / str(seed) / MODEL, {"network": network.state_dict()}, {})
    trained = Trained(
        name=f"model of {case}",
        places=[str(folder / str(seed)) for seed in range(seeds)],
        adapter=name,
        data=chosen.data.model_dump(mode="json"),
        params=params,
        prepared=prepared,
        metric="val/loss",
        value=1.0,
        card="# A model of the tests",
    )
    write_model(folder / "model", trained)
    return folder / "model"
