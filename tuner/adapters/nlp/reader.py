"""New texts to steps. See `tuner.adapters.base.Codec`.

Files have the form of the training data, but labels may be missing. In a `.txt` file each line is a text, in a folder
each file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from tuner.adapters.base import Graph, Item
from tuner.adapters.files import read_text
from tuner.adapters.lines import NO_TEXT, lines_of, told_rows
from tuner.adapters.nlp.steps import FILE, encoded, steps_of
from tuner.adapters.nlp.text_options import TextOptions
from tuner.adapters.nlp.vocabulary import WORD, joined
from tuner.adapters.nlp.words import rows_told
from tuner.adapters.table import form_of
from tuner.errors import DataError, is_text


class TextReader:
    """Reads texts as in training.

    Args:
        folder: Holds `tokenizer.json`.
        options: The adapter's.
        told: Whether the first part of a line can be a label of the training data: a class, a number.
    """

    def __init__(self, folder: Path, options: TextOptions, told: Callable[[str], bool]) -> None:
        self._options, self._told = options, told
        self._steps = steps_of(folder, options.unit)

    def read(self, path: Path) -> Iterator[Item]:
        """A table, JSON lines, plain lines, or a folder of .txt files. See `Codec`."""
        options = self._options
        if path.is_dir():
            files = sorted(file for file in path.rglob("[!.]*.txt"))
            if not files:
                raise DataError("the folder must hold .txt files", value="none", where=str(path))
            yield from map(self._file, files)
        elif (form := form_of(path)) is not None:
            for row in told_rows(path, form, options.read, options.encoding):
                yield (
                    Item(row.where, None, row.problem)
                    if row.problem
                    else self._item(tuple(row.cells[name] for name in options.read), row.where)
                )
        elif len(options.read) > 1:
            raise DataError("pairs of texts must be in CSV or JSON lines", value=path.name, where=str(path))
        else:
            yield from self._lines(path)

    def items(self, data: Any) -> Iterator[Item]:
        """Texts, or pairs of them, or a DataFrame or Series. See `Codec`."""
        names = self._options.read
        if hasattr(data, "columns"):
            for name in names:
                if name not in data.columns:
                    raise DataError(f"there must be a column {name!r}", value=list(data.columns))
            data = zip(*(data[name] for name in names), strict=True)
        if isinstance(data, str):
            data = [data]
        for number, text in enumerate(data):
            yield self._item(text, f"item {number}")

    def example(self) -> dict[str, list[str]]:
        """A text. See `Codec`."""
        return {name: ["a text to be read"] for name in self._options.read}

    def graph(self, network: nn.Module, said: Mapping[str, str]) -> Graph:
        """The graph's input is steps. See `Codec`.

        Args:
            network: The network.
            said: Descriptions of its predictions.
        """
        sizes, options = self._steps.sizes, self._options
        if options.unit == "word":
            what = f"{rows_told(len(sizes) - 2, FILE)}. A text's words are the matches of {WORD}"
        else:
            what = f"token numbers of preprocess/{FILE} plus 1; 0 is padding"
        x = (
            f"{what}. At most {options.max_length}, the {options.keep} of a longer text. Texts are in Unicode form "
            f"NFC, with single spaces{', in lower case' if options.lowercase else ''}"
        )

        def example(items: int, steps: int) -> dict[str, torch.Tensor]:
            drawn = [torch.randint(1, size, (items, steps)) for size in sizes]
            return {"x": torch.stack(drawn, dim=-1) if len(drawn) > 1 else drawn[0]}

        if len(options.read) > 1:
            x += f". A pair is both texts, one after the other, separated by {sizes[0]}"
        return Graph(network, example, {"x": x, **said})

    def _file(self, path: Path) -> Item:
        try:
            return self._item(read_text(path, self._options.encoding), str(path))
        except DataError as error:
            return Item(str(path), None, error.problem)

    def _item(self, text: object, where: str) -> Item:
        wanted = len(self._options.read)
        texts = text if isinstance(text, tuple | list) else (text,)
        if len(texts) != wanted or not all(isinstance(each, str) for each in texts):
            what = "a text" if wanted == 1 else "a pair of texts"
            shown = texts[0] if len(texts) == 1 else texts
            return Item(where, None, f"it must be {what}, but is {shown!r:.80}")
        if not all(map(is_text, texts)):
            return Item(where, None, NO_TEXT)
        clean = joined(texts, lowercase=self._options.lowercase)
        if not clean:
            return Item(where, None, "the text is empty")
        steps = encoded(self._steps, [clean], self._options).items[0]
        return Item(where, steps.astype(np.int64))

    def _lines(self, path: Path) -> Iterator[Item]:
        """Plain lines; if all begin with a label or number as in the training data, what follows it."""
        mark = ""
        for line, _ in lines_of(path, self._options.encoding):
            mark = mark or ("\t" if "\t" in line else " ")
            label, _, rest = line.partition(mark)
            if line.strip() and not (self._told(label.partition(":")[0].strip()) and rest):
                mark = ""
                break
        for line, where in lines_of(path, self._options.encoding):
            yield self._item(line.partition(mark)[2] if mark else line, where)


class ReadsTexts:
    """Base class of text codecs: how they read."""

    reader: TextReader

    def read(self, path: Path) -> Iterator[Item]:
        """See `Codec`."""
        return self.reader.read(path)

    def items(self, data: Any) -> Iterator[Item]:
        """See `Codec`."""
        return self.reader.items(data)

    def example(self) -> dict[str, list[str]]:
        """See `Codec`."""
        return self.reader.example()
