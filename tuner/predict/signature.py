"""A model's signature and input example for serving, in MLflow's form: `signature.json`, `input_example.json`."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from itertools import starmap
from pathlib import Path
from typing import Any

from tuner.adapters.base import Codec
from tuner.disk import places
from tuner.predict.folder import EXAMPLE, SIGNATURE
from tuner.predict.model import PROBLEM

_TYPES = {str: "string", bool: "boolean", int: "long", float: "double", bytes: "binary"}
"""A column's type in MLflow's words."""


def write_signature(folder: Path, codec: Codec) -> None:
    """Write both files into a model's folder; none where the codec has no example."""
    make = getattr(codec, "example", None)  # of a codec that was written before the contract had it
    if make is None:
        return
    example: Mapping[str, Sequence[Any]] = make()
    if not example:
        return
    asked: Mapping[str, Any] = codec.asked.model_dump() if hasattr(codec, "asked") else {}
    signature = {
        "inputs": [_column(name, type(values[0])) for name, values in example.items()],
        "outputs": [_column(name, kind) for name, kind in {**codec.columns(proba=False), PROBLEM: str}.items()],
        "params": [_parameter("proba", False), *starmap(_parameter, asked.items())],
    }
    rows = [[_plain(value) for value in row] for row in zip(*example.values(), strict=True)]
    request = {"dataframe_split": {"columns": list(example), "data": rows}}
    places.write(str(folder / SIGNATURE), json.dumps(signature, indent=1).encode())
    places.write(str(folder / EXAMPLE), json.dumps(request, ensure_ascii=False).encode())


def _column(name: str, kind: type) -> dict[str, Any]:
    return {"name": name, "type": _TYPES[kind], "required": True}


def _parameter(name: str, default: Any) -> dict[str, Any]:
    return {"name": name, "type": _TYPES[type(default)], "default": default, "shape": None}


def _plain(value: Any) -> Any:
    """Bytes as an HTTP client sends them."""
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value
