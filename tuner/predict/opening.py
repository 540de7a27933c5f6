"""Opens a model's folder: runs no code of it, and looks for its names in this package only."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from torch import nn
from torch.overrides import TorchFunctionMode

from tuner.adapters.adapting import adapting
from tuner.adapters.base import Adapter, Problem
from tuner.adapters.catalog import ADAPTERS
from tuner.adapters.defaults import gives_logits
from tuner.disk import regular
from tuner.errors import StudyError, TaskFileError, TunerError
from tuner.nets.catalog import CELLS
from tuner.nets.ensemble import Ensemble
from tuner.nets.network import build_network
from tuner.predict.folder import NETWORK, PREPROCESS, REQUIREMENTS, WEIGHTS, Description, damaged, found_in, last_name
from tuner.predict.model import Model
from tuner.registry import Catalog, Entry
from tuner.training.devices import choose_device
from tuner.training.settings import Settings, settings

_HEADER = 16 * 1024**2
"""Largest size in bytes of the names and shapes of weights."""


def load(folder: str | Path, *, device: str = "cpu", own_code: bool = False) -> Model:
    """Open a model's folder, the one in a study's or in MLflow's form, or a model of MLflow's.

    Args:
        folder: The folder, or the URI of a model in MLflow: `models:/STUDY@champion`.
        device: Where it answers: "cpu", "cuda".
        own_code: Whether an adapter or a cell of your own, named `module:Class` in the folder, may be imported.

    Raises:
        StudyError: It is no model's folder, is damaged, of a later format, or needs code that may not be imported, or
            a package that is not installed.
        TaskFileError: The device is not on this machine.
    """
    if str(folder).startswith("models:/"):
        from tuner.predict.registered import fetched  # brings MLflow

        with tempfile.TemporaryDirectory(prefix="tuner-model-") as made:
            return load(fetched(str(folder), Path(made)), device=device, own_code=own_code)
    folder = found_in(Path(folder)) or Path(folder)
    chosen_device = choose_device(device)
    described = Description.read(folder)
    _check_names(described, folder / NETWORK)
    entry = _entry(ADAPTERS, described.adapter, folder, own_code=own_code)
    _entry(CELLS, str(described.params.get("cell", "lstm")), folder, own_code=own_code)
    try:
        chosen = settings(
            described.params, adapter=entry.load(), data_options=entry.options, data=described.data, key="params"
        )
        adapter: Adapter = entry.load()(chosen.data)
        codec = adapter.codec(folder / PREPROCESS)
        codec.problem.lag = described.lag  # what it follows from is not here
        build = partial(empty_network, chosen, codec.problem, described.members)
        _check_size(folder / WEIGHTS, build)
        network = build()
    except StudyError:
        raise
    except TunerError as error:
        raise damaged(folder / NETWORK, str(error)) from error
    except ImportError as error:
        raise StudyError(
            "what the model needs must be installed",
            value=f"no {error.name}" if error.name else str(error),
            fix=f"Install it: pip install -r {folder / REQUIREMENTS}",
            where=str(folder),
        ) from error
    except Exception as error:  # libraries raise various errors for a damaged file
        raise damaged(folder / PREPROCESS, f"{type(error).__name__}: {error}") from error
    _fill(network, folder / WEIGHTS)
    return Model(described, codec, network.to(chosen_device).eval(), chosen_device)


def empty_network(chosen: Settings, problem: Problem, members: int) -> nn.Module:
    """A network without its weights, or an ensemble of them."""
    made = [build_network(chosen.net, chosen.cell, chosen.regularizers, problem) for _ in range(members)]
    network: nn.Module = made[0] if members == 1 else Ensemble(made, logits=gives_logits(problem))
    if (learning := adapting(problem)) is not None:
        learning.equip(network)
    return network


def _entry(catalog: Catalog, name: str, folder: Path, *, own_code: bool) -> Entry:
    """The entry of a name in the folder; a module is imported by name only if that is allowed."""
    own = ":" in name
    if name not in catalog and not (own and own_code):
        fix = f"Install the package that has it; {folder / REQUIREMENTS} has what the model needs."
        raise StudyError(
            f"the model's {catalog.kind} must be known to this package or an installed one",
            value=name,
            fix="If it is your own code, allow it: --own-code, or load(…, own_code=True)." if own else fix,
            where=str(folder / NETWORK),
        )
    try:
        return catalog[name]
    except TaskFileError as error:
        if own:
            error.fix = "Correct it, or start in the folder that has its module, or name that folder in PYTHONPATH."
        error.at(str(folder / NETWORK))
        raise


def _check_names(described: Description, path: Path) -> None:
    """Refuse a path in place of a name: a model reads nothing outside its folder."""
    for name, value in described.data.items():
        if last_name(name, value) != value:
            raise damaged(path, f"data.{name}: {value!r:.80} in place of a name")


def _check_size(path: Path, build: Callable[[], nn.Module]) -> None:
    """Refuse weights of another size than the network's, before either takes memory.

    Raises:
        StudyError: They are.
    """
    try:
        with torch.device("meta"), _Undrawn():
            tensors = build().state_dict().values()
    except Exception:  # noqa: BLE001 - code of one's own that knows no such device, or what building it anew will tell
        return
    wanted = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
    try:
        found = regular.status(path).st_size
    except OSError as error:
        raise damaged(path, str(error.strerror)) from error
    if not wanted <= found <= wanted + _HEADER:
        raise damaged(path, f"{found} bytes for a network of {wanted}")


class _Undrawn(TorchFunctionMode):
    """Leaves weights as they are: to draw some that have no memory, torch would first import its compiler."""

    def __torch_function__(self, called: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """See `torch.overrides.TorchFunctionMode`."""
        if getattr(called, "__module__", "") != nn.init.__name__:
            return called(*args, **(kwargs or {}))
        return args[0] if args else kwargs["tensor"]


def _fill(network: nn.Module, path: Path) -> None:
    """Load the weights into a network built for them."""
    try:
        tensors = load_tensors(regular.read_bytes(path))
        network.load_state_dict(tensors)
    except OSError as error:
        raise damaged(path, str(error.strerror)) from error
    except (SafetensorError, RuntimeError, ValueError) as error:
        raise damaged(path, " ".join(str(error).split())[:300]) from error
