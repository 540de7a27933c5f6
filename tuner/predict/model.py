"""A model that answers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from copy import copy
from html import escape
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from tuner.adapters.base import Codec, Item, Row
from tuner.config import Options, validate_options
from tuner.errors import DataError, nearest
from tuner.predict.folder import Description

if TYPE_CHECKING:
    import pandas as pd

BATCH = 256
"""Items that are read and answered at once."""
PROBLEM = "problem"
"""Column that says why an item has no answer."""


class Model:
    """A trained network with all that it needs to read raw data and to say what it means.

    Args:
        description: What it is.
        codec: Reads and answers.
        network: In evaluation mode.
        device: Where the network lies.
    """

    def __init__(self, description: Description, codec: Codec, network: nn.Module, device: torch.device) -> None:
        self.description, self.codec, self.network, self._device = description, codec, network, device

    def asking(self, **asked: Any) -> Model:
        """The same model, of which something else is asked than it answers by itself: what its kind of data offers.

        Raises:
            DataError: It does not offer that.
            TaskFileError: A value is not allowed.
        """
        if not asked:
            return self
        offered: Options = getattr(self.codec, "asked", Options())
        options = type(offered)
        for name in asked:
            if name not in options.model_fields:
                raise DataError(
                    f"a model of {self.description.adapter} must offer what is asked of it",
                    value=name,
                    fix=nearest(name, options.model_fields),
                )
        codec = copy(self.codec)
        codec.asked = validate_options(options, asked, place=lambda _: "")
        return Model(self.description, codec, self.network, self._device)

    def __repr__(self) -> str:
        described = self.description
        chosen = f", {described.metric} {described.value:.4g}" if described.value is not None else ""
        return f"Model({described.name!r}, {described.adapter}{chosen})"

    def _repr_html_(self) -> str:
        described = self.description
        facts = {"adapter": described.adapter, "answers": ", ".join(self.columns()), **described.params}
        if described.value is not None:
            facts = {described.metric: f"{described.value:.4g}", **facts}
        rows = "".join(
            f"<tr><th>{escape(name)}</th><td>{escape(str(value))}</td></tr>" for name, value in facts.items()
        )
        return f"<b>{escape(described.name)}</b><table>{rows}</table>"

    def predict(self, data: Any, *, proba: bool = False, **asked: Any) -> pd.DataFrame:
        """Answers to raw data: a row per item, of a forecast one per step; of an item that cannot be read its problem.

        Args:
            data: A path to a file or folder, or values: a list of texts, arrays, a DataFrame, a list of paths.
            proba: Whether rows also have what makes them up: a probability per class.
            asked: See `asking`.

        Raises:
            DataError: The data is missing or of no known form, or the model does not offer what is asked.
        """
        import pandas as pd

        if asked:
            return self.asking(**asked).predict(data, proba=proba)
        items = self.codec.read(Path(data)) if isinstance(data, str | Path) and _is_path(data) else None
        found = self.codec.items(data) if items is None else items
        rows = [row for _, answer in self.answers(found, proba=proba) for row in answer]
        return pd.DataFrame(rows, columns=list(self.columns(proba=proba)))

    def columns(self, *, proba: bool = False) -> dict[str, type]:
        """The columns of `predict`, and their types."""
        return {**self.codec.columns(proba=proba), PROBLEM: str}

    def answers(self, items: Iterable[Item], *, proba: bool = False) -> Iterator[tuple[Item, list[Row]]]:
        """Each item with its rows, in their order, a batch at a time; the last column says an item's problem."""
        empty: Row = dict.fromkeys(self.codec.columns(proba=proba))
        for batch in _batched(items):
            whole = [item for item in batch if item.x is not None]
            with torch.inference_mode():
                found = iter(self.codec.answer(self.network, whole, proba=proba) if whole else ())
            for item in batch:
                known = {name: item.facts[name] for name in empty if name in item.facts}
                rows = [{**empty, **known}] if item.x is None else next(found)
                yield item, [{**row, PROBLEM: item.problem} for row in rows]


def _batched(items: Iterable[Item]) -> Iterator[list[Item]]:
    left = iter(items)
    while batch := list(islice(left, BATCH)):
        yield batch


def _is_path(data: str | Path) -> bool:
    return isinstance(data, Path) or os.path.exists(data)  # which a long text is no error for
