"""Writes a model's folder from the files of a confirmation."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from safetensors.torch import save as save_tensors
from torch import Tensor

from tuner.adapters.adapting import adapting
from tuner.adapters.base import Adapter, Problem
from tuner.adapters.catalog import ADAPTERS
from tuner.adapters.defaults import completed
from tuner.config.options import Options
from tuner.disk import places, regular
from tuner.nets.catalog import CELLS
from tuner.predict.folder import CARD, PREPROCESS, REQUIREMENTS, WEIGHTS, Description, last_name
from tuner.predict.opening import empty_network
from tuner.predict.signature import write_signature
from tuner.training import checkpoint
from tuner.training.devices import choose_device
from tuner.training.evaluation import equip
from tuner.training.settings import Settings, settings

SERVING = ("click", "numpy", "pandas", "psutil", "pyarrow", "pydantic", "PyYAML", "safetensors", "torch")
"""Packages, beside this one, without which no model answers; what the adapter adds is its `model_packages`."""
_HOW = """\
# What a model of this kind needs, and nothing of a search (Ray, Optuna, MLflow). In the environment that is to answer:
#     pip install -r requirements.txt
#     pip install --no-deps WHEEL        of tuner {version}, or its checkout
"""


@dataclass(frozen=True)
class Trained:
    """One or several confirmed runs, with the facts about them.

    Args:
        name: The model's name.
        places: Where `model.pt` lies; several make an ensemble, of runs that differ by their seeds alone.
        adapter: The adapter's name.
        data: Its options.
        params: The run's parameters.
        prepared: The folder of prepared data that it was trained on.
        metric: The objective.
        value: Its value of the objective.
        card: The text of the card.
        fitted: Options that were fitted on validation data, in place of what asked for it.
    """

    name: str
    places: Sequence[str]
    adapter: str
    data: Mapping[str, Any]
    params: Mapping[str, Any]
    prepared: Path
    metric: str
    value: float | None
    card: str
    fitted: Mapping[str, float] = field(default_factory=dict)


def write_model(folder: Path, trained: Trained) -> None:
    """Write a model's folder; an existing one stays until the new one is complete.

    Raises:
        OSError: It cannot be written, or the model is not where it should be.
        TrialError: `model.pt` is damaged.
    """
    making = folder.with_name(folder.name + ".tmp")
    shutil.rmtree(making, ignore_errors=True)
    (making / PREPROCESS).mkdir(parents=True)
    entry = ADAPTERS[trained.adapter]
    chosen = settings(trained.params, adapter=entry.load(), data_options=entry.options, data=trained.data)
    options = chosen.data.model_copy(update=dict(trained.fitted))
    adapter: Adapter = entry.load()(options)
    problem = completed(adapter.problem(trained.prepared), trained.prepared)
    weights = _equipped(_weights(trained.places), chosen, problem, len(trained.places))
    places.write(str(making / WEIGHTS), save_tensors(weights))
    _described(trained, adapter, options, problem.lag).write(making)
    for name in adapter.model_files:
        places.write(str(making / PREPROCESS / name), regular.read_bytes(trained.prepared / name))
    write_signature(making, adapter.codec(making / PREPROCESS))
    places.write(str(making / REQUIREMENTS), _requirements(_versions(trained, adapter)).encode())
    places.write(str(making / CARD), trained.card.encode())
    shutil.rmtree(folder, ignore_errors=True)
    making.rename(folder)


def _weights(kept: Sequence[str]) -> dict[str, Tensor]:
    """Tensors by name; of an ensemble those of each member by its number: "members.0.head.bias"."""
    found: dict[str, Tensor] = {}
    for number, place in enumerate(kept):
        tensors, _ = checkpoint.load(places.join(place, checkpoint.MODEL), choose_device("cpu"))
        before = f"members.{number}." if len(kept) > 1 else ""
        found |= {before + name: tensor.detach().clone().contiguous() for name, tensor in tensors["network"].items()}
    return found


def _equipped(weights: dict[str, Tensor], chosen: Settings, problem: Problem, members: int) -> dict[str, Tensor]:
    """The weights with what the network needs to go on learning, if the problem adapts."""
    if adapting(problem) is None:
        return weights
    network = empty_network(chosen, problem, members)
    network.load_state_dict(weights, strict=False)  # the rest is collected now
    equip(network, problem)
    return {name: tensor.detach().clone().contiguous() for name, tensor in network.state_dict().items()}


def _described(trained: Trained, adapter: Adapter, options: Options, lag: int) -> Description:
    params = {name: value for name, value in trained.params.items() if not name.startswith("data.")}
    return Description(
        name=trained.name,
        adapter=trained.adapter,
        data={name: last_name(name, value) for name, value in options.model_dump(mode="json").items()},
        params=params,
        members=len(trained.places),
        lag=lag,
        metric=trained.metric,
        value=trained.value,
        versions=_versions(trained, adapter),
    )


def _versions(trained: Trained, adapter: Adapter) -> dict[str, str]:
    """Those at work of all that the model needs; a package that is not installed is left out."""
    brought = (ADAPTERS.package(trained.adapter), CELLS.package(str(trained.params.get("cell"))))
    found = {}
    for package in ("tuner", *SERVING, *getattr(adapter, "model_packages", ()), *filter(None, brought)):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _requirements(found: Mapping[str, str]) -> str:
    """Lines for pip. A build's own mark, as in 2.13.0+cpu, is left out: no index knows it."""
    lines = [f"{package}=={number.partition('+')[0]}\n" for package, number in found.items() if package != "tuner"]
    return "".join([_HOW.format(version=found.get("tuner", "")), *lines])
