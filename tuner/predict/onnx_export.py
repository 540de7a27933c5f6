"""A model as `model.onnx` and `preprocess.json`: for programs that have onnxruntime, and nothing of this package."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from tuner.adapters.adapting import adapting
from tuner.adapters.base import Graph
from tuner.adapters.classification import LOGITS
from tuner.disk import places, regular
from tuner.errors import StudyError
from tuner.predict.folder import NETWORK, PREPROCESS
from tuner.predict.model import Model

ONNX, FILLED = "model.onnx", "preprocess.json"
PACKAGES = ("onnx", "onnxruntime", "onnxscript")
"""Of the extra `onnx`."""
_LENGTHS = "valid steps of each item, 1 or more; what is beyond them, on the right, does not count"
_NUMBERS = "numbers of symbols, as files and options say; 0 is padding"
_FEATURES = "features, standardized where there are facts.mean and facts.scale: (value - mean) / scale"


def write_onnx(model: Model, folder: Path) -> None:
    """Write a model's graph, and what goes into it, into a copy of its folder.

    Raises:
        StudyError: A package is missing, or the model has no such graph, or one that would not learn on as it does.
    """
    if adapting(model.codec.problem) is not None:
        raise StudyError(
            "a graph of ONNX cannot learn from what it reads, as data.dynamic_rate asks for",
            value=model.description.data["dynamic_rate"],
            fix="Export without --onnx, or train with data.dynamic_rate: 0.",
            where=str(folder / NETWORK),
        )
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise StudyError(
            "ONNX must be installed",
            value=f"no {', '.join(missing)}",
            fix="Install the extra: pip install 'tuner[onnx]'.",
        )
    from tuner.predict.onnx_graph import ExportError, onnx_graph, opened

    served = graph_of(model)
    cell = str(model.description.params.get("cell", "lstm"))
    try:
        graph = onnx_graph(served)
    except ExportError as error:
        raise StudyError(
            f"the cell {cell} must have a graph of ONNX",
            value=str(error),
            fix="Write its steps as `LoopCell` or `linear_recurrence` have them, or export without --onnx.",
            where=str(folder / NETWORK),
        ) from error
    session = opened(graph)
    places.write(str(folder / ONNX), graph)
    about = _about(model, served, session.get_inputs(), session.get_outputs(), folder)
    places.write(str(folder / FILLED), json.dumps(about, indent=1, ensure_ascii=False).encode())


def graph_of(model: Model) -> Graph:
    """What is exported of a model; see `Codec.graph`."""
    make = getattr(model.codec, "graph", None)
    if make is not None:
        made: Graph = make(model.network)
        return made
    encoder: Any = model.network.encoder
    example = getattr(encoder, "example", None)

    def drawn(items: int, steps: int) -> dict[str, torch.Tensor]:
        return {"x": torch.randn(items, steps, encoder.output_size) if example is None else example(items, steps)}

    return Graph(model.network, drawn)


def _about(model: Model, served: Graph, inputs: Any, outputs: Any, folder: Path) -> dict[str, Any]:
    facts = folder / PREPROCESS / "facts.json"
    known = json.loads(regular.read_bytes(facts)) if facts.exists() else {}
    said: dict[str, Any] = {"x": _NUMBERS if "int" in inputs[0].type else _FEATURES, "lengths": _LENGTHS}
    if "classes" in known:
        said["prediction"] = LOGITS
    said |= served.about
    files = sorted(path.name for path in (folder / PREPROCESS).iterdir())
    described = model.description
    return {
        "name": described.name,
        "adapter": described.adapter,
        "inputs": {each.name: _named(each, said) for each in inputs},
        "outputs": {each.name: _named(each, said) for each in outputs},
        **{name: value for name, value in said.items() if name not in {each.name for each in (*inputs, *outputs)}},
        "facts": known,
        "options": described.data,
        "files": {name: f"{PREPROCESS}/{name}" for name in files},
    }


def _named(value: Any, said: Mapping[str, Any]) -> dict[str, Any]:
    """A graph's input or output: its type, its axes, of which those with a name may have any size, what it is."""
    kind = value.type.removeprefix("tensor(").removesuffix(")")
    return {
        "dtype": {"float": "float32", "double": "float64"}.get(kind, kind),
        "axes": list(value.shape),
        **({"is": said[value.name]} if value.name in said else {}),
    }
