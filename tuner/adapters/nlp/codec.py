"""New texts to tokens, for the classification of texts. See `tuner.adapters.base.Codec`.

A text stands in a file of the form that the training texts had, in which the label may be missing; in a `.txt` file a
line is a text, and in a folder a file is.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import nn

from tuner.adapters.base import Graph, Item
from tuner.adapters.classification import ClassCodec, as_used
from tuner.adapters.files import read_text
from tuner.adapters.lines import NO_TEXT, lines_of, told_rows
from tuner.adapters.nlp.options import TextClassificationOptions
from tuner.adapters.nlp.problem import TextClassificationProblem
from tuner.adapters.nlp.vocabulary import encode, normalised
from tuner.adapters.table import form_of
from tuner.disk import regular
from tuner.errors import DataError, is_text


class TextClassCodec(ClassCodec):
    """Texts to classes.

    Args:
        folder: Holds `facts.json` and `tokenizer.json`.
        options: The adapter's.
    """

    def __init__(self, folder: Path, options: TextClassificationOptions) -> None:
        super().__init__(TextClassificationProblem(folder, as_used(options)))
        self._options = options
        self._tokenizer = Tokenizer.from_str(regular.read_bytes(folder / "tokenizer.json").decode())

    def read(self, path: Path) -> Iterator[Item]:
        """A table, JSON lines, plain lines, or a folder of .txt files. See `Codec`."""
        options = self._options
        if path.is_dir():
            files = sorted(file for file in path.rglob("[!.]*.txt"))
            if not files:
                raise DataError("the folder must hold .txt files", value="none", where=str(path))
            yield from map(self._file, files)
        elif (form := form_of(path)) is not None:
            for row in told_rows(path, form, (options.text,), options.encoding):
                yield (
                    Item(row.where, None, row.problem)
                    if row.problem
                    else self._item(row.cells[options.text], row.where)
                )
        else:
            yield from self._lines(path)

    def items(self, data: Any) -> Iterator[Item]:
        """Texts, or a DataFrame or Series of them. See `Codec`."""
        if hasattr(data, "columns"):
            if self._options.text not in data.columns:
                raise DataError(f"there must be a column {self._options.text!r}", value=list(data.columns))
            data = data[self._options.text]
        if isinstance(data, str):
            data = [data]
        for number, text in enumerate(data):
            yield self._item(text, f"item {number}")

    def example(self) -> dict[str, list[str]]:
        """A text. See `Codec`."""
        return {self._options.text: ["a text to be classified"]}

    def graph(self, network: nn.Module) -> Graph:
        """From token numbers on. See `Codec`."""
        vocabulary, options = self._tokenizer.get_vocab_size(), self._options
        longest = f", {options.max_length} at most" if options.max_length else ""
        x = (
            f"numbers of tokens by preprocess/tokenizer.json, each plus 1{longest}; 0 is padding. The text in Unicode "
            f"form NFC, its white space single blanks{', in lower case' if options.lowercase else ''}"
        )

        def example(items: int, steps: int) -> dict[str, torch.Tensor]:
            return {"x": torch.randint(1, vocabulary + 1, (items, steps))}

        return Graph(network, example, {"x": x, **self.said})

    def _file(self, path: Path) -> Item:
        try:
            return self._item(read_text(path, self._options.encoding), str(path))
        except DataError as error:
            return Item(str(path), None, error.problem)

    def _item(self, text: object, where: str) -> Item:
        if not isinstance(text, str):
            return Item(where, None, f"it must be a text, but is {text!r:.80}")
        if not is_text(text):
            return Item(where, None, NO_TEXT)
        clean = normalised(text, lowercase=self._options.lowercase)
        if not clean:
            return Item(where, None, "the text is empty")
        (tokens,) = encode(self._tokenizer, [clean], self._options.max_length)
        return Item(where, tokens.astype(np.int64))

    def _lines(self, path: Path) -> Iterator[Item]:
        """Plain lines; where every line begins with a label that is known, as training data has it, what follows."""
        mark = ""
        known = set(self.problem.classes)
        for line, _ in lines_of(path, self._options.encoding):
            mark = mark or ("\t" if "\t" in line else " ")
            label, _, rest = line.partition(mark)
            if line.strip() and not (label.partition(":")[0].strip() in known and rest):
                mark = ""
                break
        for line, where in lines_of(path, self._options.encoding):
            yield self._item(line.partition(mark)[2] if mark else line, where)
