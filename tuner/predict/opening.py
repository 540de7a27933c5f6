"""Opening a model's folder: no code in it is run, and what it names is looked for in this package alone."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors

from tuner.adapters.base import Adapter
from tuner.adapters.catalog import ADAPTERS
from tuner.disk import regular
from tuner.errors import StudyError, TunerError
from tuner.nets.catalog import CELLS
from tuner.nets.network import Network, build_network
from tuner.predict.folder import NETWORK, PREPROCESS, REQUIREMENTS, WEIGHTS, Description, damaged
from tuner.predict.model import Model
from tuner.registry import Catalog, Entry
from tuner.training.settings import settings


def load(folder: str | Path, *, device: str = "cpu", own_code: bool = False) -> Model:
    """Open a model's folder, or the one in a study's.

    Args:
        folder: The folder.
        device: Where it answers: "cpu", "cuda".
        own_code: Whether an adapter or a cell of your own, named `module:Class` in the folder, may be imported.

    Raises:
        StudyError: It is no model's folder, is damaged, of a later format, or needs code that may not be imported, or
            a package that is not installed.
    """
    folder = Path(folder)
    if not (folder / NETWORK).exists() and (folder / "model" / NETWORK).exists():
        folder = folder / "model"
    described = Description.read(folder)
    entry = _entry(ADAPTERS, described.adapter, folder, own_code=own_code)
    _entry(CELLS, str(described.params.get("cell", "lstm")), folder, own_code=own_code)
    try:
        chosen = settings(
            described.params, adapter=entry.load(), data_options=entry.options, data=described.data, key="params"
        )
        adapter: Adapter = entry.load()(chosen.data)
        codec = adapter.codec(folder / PREPROCESS)
        codec.problem.lag = described.lag  # what it follows from is not here
        network = build_network(chosen.net, chosen.cell, chosen.regularizers, codec.problem)
    except TunerError as error:
        raise damaged(folder / NETWORK, str(error)) from error
    except ImportError as error:
        raise StudyError(
            "what the model needs must be installed",
            value=f"no {error.name}" if error.name else str(error),
            fix=f"Install it: pip install -r {folder / REQUIREMENTS}",
            where=str(folder),
        ) from error
    except Exception as error:  # libraries raise many kinds for a damaged file
        raise damaged(folder / PREPROCESS, f"{type(error).__name__}: {error}") from error
    _fill(network, folder / WEIGHTS)
    return Model(described, codec, network.to(device).eval(), torch.device(device))


def _entry(catalog: Catalog, name: str, folder: Path, *, own_code: bool) -> Entry:
    """What a name in the folder means: a module is imported by name only where that was allowed."""
    if name not in catalog and not own_code:
        raise StudyError(
            f"the model's {catalog.kind} must be known to this package or an installed one",
            value=name,
            fix="If it is your own code, allow it: --own-code, or load(…, own_code=True).",
            where=str(folder / NETWORK),
        )
    return catalog[name]


def _fill(network: Network, path: Path) -> None:
    """Put the weights into a network that was built for them."""
    try:
        tensors = load_tensors(regular.read_bytes(path))
        network.load_state_dict(tensors)
    except OSError as error:
        raise damaged(path, str(error.strerror)) from error
    except (SafetensorError, RuntimeError, ValueError) as error:
        raise damaged(path, " ".join(str(error).split())[:300]) from error
