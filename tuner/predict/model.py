"""A model that makes predictions."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import replace
from html import escape
from itertools import islice
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from tuner.adapters.base import Codec, Item, Row
from tuner.config import Options, validate_options
from tuner.errors import DataError, StudyError, TunerError, UserError, nearest
from tuner.predict.folder import Description

if TYPE_CHECKING:
    import pandas as pd

BATCH = 256
"""Number of items that are read and answered at once."""
PROBLEM = "problem"
"""Column with the reason if an item has no answer."""


class Model:
    """A trained network with all that it needs to read raw data and write answers.

    Args:
        description: Its description.
        codec: Reads and answers.
        network: In evaluation mode.
        device: Of the network.
    """

    def __init__(self, description: Description, codec: Codec, network: nn.Module, device: torch.device) -> None:
        self.description, self.codec, self.network, self._device = description, codec, network, device

    def asking(self, **asked: Any) -> Model:
        """The same model with other options of prediction, as its kind of data offers.

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
        members = f", ensemble of {described.members}" if described.members > 1 else ""
        chosen = f", {described.metric} {described.value:.4g}" if described.value is not None else ""
        return f"Model({described.name!r}, {described.adapter}{members}{chosen})"

    def _repr_html_(self) -> str:
        described = self.description
        facts = {"adapter": described.adapter, "answers": ", ".join(self.columns()), **described.params}
        if described.members > 1:
            facts = {"ensemble of": described.members, **facts}
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
        found = self.read(Path(data)) if isinstance(data, str | Path) and _is_path(data) else self.items(data)
        rows = [row for _, answer in self.answers(found, proba=proba) for row in answer]
        return pd.DataFrame(rows, columns=list(self.columns(proba=proba)))

    def columns(self, *, proba: bool = False) -> dict[str, type]:
        """The columns of `predict` and their types."""
        return {**self.codec.columns(proba=proba), PROBLEM: str}

    @property
    def notices(self) -> Sequence[str]:
        """Sentences for the user about all data that it has read. See `Codec`."""
        return getattr(self.codec, "notices", ())

    def read(self, path: Path) -> Iterator[Item]:
        """The items of a file or folder, a few at a time. See `Codec.read`."""
        yield from self._sound(lambda: self.codec.read(path))

    def items(self, data: Any) -> Iterator[Item]:
        """The items of values in memory. See `Codec.items`.

        Raises:
            DataError: It is neither a table nor a list of items.
        """
        if not hasattr(data, "__iter__"):
            rule = "data must be a table, a list of items, or the path of a file or folder"
            raise DataError(rule, value=data, fix="docs/using-the-model.md has what an item is.")
        yield from self._sound(lambda: self.codec.items(data))

    def _sound(self, items: Callable[[], Iterator[Item]]) -> Iterator[Item]:
        """The items, with unexpected errors (mostly of damaged preprocessing files) reported in one line."""
        try:
            yield from items()
        except UserError as error:
            raise error.of_model() from None
        except (TunerError, OSError):
            raise
        except Exception as error:
            raise StudyError(
                f"the model {self.description.name} must be able to read the data",
                value=f"{type(error).__name__}: {_in_a_line(error)}",
                fix="Copy its folder anew; where it is as it was written, report this.",
            ) from error

    def answers(self, items: Iterable[Item], *, proba: bool = False) -> Iterator[tuple[Item, list[Row]]]:
        """Each item with its rows, in order, batch by batch; the last column is an item's problem."""
        empty: Row = dict.fromkeys(self.codec.columns(proba=proba))
        for batch in _batched(items):
            answered = dict(self._answered(batch, proba=proba))
            for number, item in enumerate(batch):
                rows, problem = answered.get(number, ([], ""))
                if problem:
                    item = replace(item, x=None, problem=problem)
                known = {name: item.facts[name] for name in empty if name in item.facts}
                yield item, [{**row, PROBLEM: item.problem} for row in rows or [{**empty, **known}]]

    def _answered(self, batch: Sequence[Item], *, proba: bool) -> Iterator[tuple[int, tuple[list[Row], str]]]:
        """By an item's number the rows of its answer, or why it has none; where all have none, one after the other."""
        numbers = [number for number, item in enumerate(batch) if item.x is not None]
        whole = [batch[number] for number in numbers]
        try:
            with torch.inference_mode():
                found = self.codec.answer(self.network, whole, proba=proba) if whole else []
        except TunerError:
            raise
        except Exception as error:  # noqa: BLE001 - what no codec foresees: too little memory, damaged preprocessing
            if len(whole) == 1:
                yield numbers[0], ([], f"the model could not answer: {type(error).__name__}: {_in_a_line(error)}")
            else:
                for number, item in zip(numbers, whole, strict=True):
                    yield from ((number, answer) for _, answer in self._answered([item], proba=proba))
            return
        for number, rows in zip(numbers, found, strict=True):
            bad = next(
                (name for row in rows for name, value in row.items() if type(value) is float and not isfinite(value)),
                "",
            )
            yield number, (([], f"the model's answer is no finite number: {bad}") if bad else (rows, ""))


def _batched(items: Iterable[Item]) -> Iterator[list[Item]]:
    left = iter(items)
    while batch := list(islice(left, BATCH)):
        yield batch


def _in_a_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def _is_path(data: str | Path) -> bool:
    return isinstance(data, Path) or os.path.exists(data)  # a long text must not raise
