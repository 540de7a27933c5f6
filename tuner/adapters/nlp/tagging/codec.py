"""Inference of taggers: new sentences to tags. See `tuner.adapters.base.Codec`.

Files have the form of the training data, but tags may be missing: a column less, a key less, no file of tags. In a .txt
file, if training had another form, each line is a sentence. The answer has a row per word.

Letters of shapes: B sentences, T words, K tags.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tuner.adapters.base import Graph, Item
from tuner.adapters.batching import device_of, padded
from tuner.adapters.nlp.tagging.files import OUT, tagged_files
from tuner.adapters.nlp.tagging.options import TaggingOptions
from tuner.adapters.nlp.tagging.problem import TaggingProblem
from tuner.adapters.nlp.tagging.reading import sentences_of
from tuner.adapters.nlp.tagging.schemes import ALLOWED, entities, written
from tuner.adapters.nlp.words import CASINGS, Numbering, rows_told
from tuner.errors import DataError, is_text

if TYPE_CHECKING:
    from tuner.adapters.base import Forward, Row

COLUMN = "sentence"
"""Column of sentences in a table: each a text with words separated by spaces, or a list of words."""


class TaggingCodec:
    """Sentences to a row per word: `sentence` and `token`, from 1, `word`, `tag`, and the tag's `probability`.

    With intents also `intent` and its `intent_probability`, the same in each row of a sentence.

    Tags of entities are written in the scheme of the training data.

    Args:
        folder: Holds `facts.json` and `words.json`.
        options: The adapter's.
    """

    def __init__(self, folder: Path, options: TaggingOptions) -> None:
        # The weights come from the model: training data initialize nothing.
        self.problem = TaggingProblem(folder, options.model_copy(update={"output_bias": "zero", "word_dropout": 0.0}))
        self._options = options
        self._numbering = Numbering(self.problem.vocabulary)

    def read(self, path: Path) -> Iterator[Item]:
        """The sentences of a file, or of the files of a folder. See `Codec`."""
        number = 0
        for file in tagged_files(path) if path.is_dir() else [path]:
            if path.is_dir() and file.name.lower().endswith(OUT):
                continue
            for sentence in sentences_of(file, self._options_for(file), tagged=False):
                number += 1
                yield self._item(sentence.words, sentence.where, number)

    def items(self, data: Any) -> Iterator[Item]:
        """Texts with words separated by spaces, lists of words, or a DataFrame of either. See `Codec`."""
        if hasattr(data, "columns"):
            if COLUMN not in data.columns:
                raise DataError(f"there must be a column {COLUMN!r}", value=list(data.columns))
            data = data[COLUMN]
        if isinstance(data, str):
            data = [data]
        for number, sentence in enumerate(data, start=1):
            words = sentence.split() if isinstance(sentence, str) else sentence
            yield self._item(words, f"item {number - 1}", number)

    def example(self) -> dict[str, list[str]]:
        """A sentence. See `Codec`."""
        return {COLUMN: ["a sentence with words separated by spaces"]}

    def columns(self, *, proba: bool) -> dict[str, type]:
        """See `Codec`."""
        fixed = {"sentence": int, "token": int, "word": str, "tag": str, "probability": float}
        names = [f"p({name})" for name in self.problem.classes] if proba else []
        if self.problem.intents:
            fixed |= {"intent": str, "intent_probability": float}
            names += [f"p(intent {name})" for name in self.problem.intents] if proba else []
        return {**fixed, **dict.fromkeys(names, float)}

    def answer(self, network: nn.Module | Forward, items: Sequence[Item], *, proba: bool) -> list[list[Row]]:
        """A row per word. See `Codec`."""
        x_BTC, lengths_B = padded(items, device_of(network))
        prediction = network(x_BTC, lengths_B).double()
        valid_BT = valid_steps(x_BTC, lengths_B)
        tag_BT = self.problem.decoded(prediction, valid_BT).cpu().numpy()
        p_BTK = self.problem.probabilities(prediction, valid_BT).cpu().numpy()
        p_BJ = np.empty((len(items), 0))
        if self.problem.intents:
            p_BJ = self.problem.intent_scores(prediction, valid_BT).softmax(dim=1).cpu().numpy()
        return [
            self._rows(item, tag_T[: len(item.facts["words"])], p_TK, p_J, proba=proba)
            for item, tag_T, p_TK, p_J in zip(items, tag_BT, p_BTK, p_BJ, strict=True)
        ]

    def graph(self, network: nn.Module) -> Graph:
        """The graph maps word numbers to scores; its caller finds the best path. See `Codec`."""
        vocabulary = self.problem.vocabulary
        sizes = (len(vocabulary.words) + 2, len(CASINGS), *(len(vocabulary.letters) + 2,) * vocabulary.width)

        def example(items: int, steps: int) -> dict[str, Tensor]:
            return {"x": torch.stack([torch.randint(1, size, (items, steps)) for size in sizes], dim=-1)}

        about = {"x": rows_told(vocabulary.width, "words.json")}
        allowed = ALLOWED[self.problem.scheme]
        paths = f", of those paths in which {allowed}; its entities are told in facts.given_scheme" if allowed else ""
        if self._options.decoder == "crf":
            tags = len(self.problem.classes)
            about["prediction"] = (
                f"rows on axis 1, tags on axis 2: {tags} rows with the scores of transitions from each tag of "
                "facts.classes to the next; a row for the first tag; a row for the last tag; a row for each step. An "
                f"item's tags are the path with the highest sum (Viterbi){paths}"
            )
        elif allowed:
            about["prediction"] = (
                "scores of the tags of facts.classes at each step. An item's tags are the path with the highest sum of "
                f"their log-softmax{paths}"
            )
        if self.problem.intents:
            tags, intents = len(self.problem.classes), len(self.problem.intents)
            said = about.get("prediction", "scores of the tags of facts.classes")
            about["prediction"] = (
                f"{said}. On the last axis, the {tags} tags are followed by a step's logits of the {intents} intents "
                "of facts.intents, then its attention score: an item's logits are the mean of its steps', weighted by "
                "a softmax of the attention scores over the steps"
            )
        return Graph(network, example, about)

    def _options_for(self, file: Path) -> TaggingOptions:
        """How a file is read: as plain lines if it is a .txt, unlike the training data."""
        options = self._options
        if file.suffix.lower() == ".txt" and not str(options.path).lower().endswith(".txt"):
            return options.model_copy(update={"format": "pairs"})
        return options

    def _item(self, words: Any, where: str, number: int) -> Item:
        facts = {"sentence": number}
        if not isinstance(words, list | tuple | np.ndarray) or not _are_texts(words):
            return Item(where, None, f"it must be a text or a list of words, but is {words!r:.80}", facts)
        if not len(words):
            return Item(where, None, "the sentence has no word", facts)
        if not all(word.strip() and is_text(word) for word in words):
            return Item(where, None, "a word is empty, or has half of a surrogate pair", facts)
        known: dict[str, Any] = {**facts, "words": list(words)}
        return Item(where, self._numbering.numbered(known["words"]).astype(np.int64), "", known)

    def _rows(
        self, item: Item, tag_T: NDArray[Any], p_TK: NDArray[Any], p_J: NDArray[Any], *, proba: bool
    ) -> list[Row]:
        classes, intents = self.problem.classes, self.problem.intents
        intent = [intents[p_J.argmax()], float(p_J.max())] if intents else []
        tags = [classes[tag] for tag in tag_T]
        said = tags
        if self.problem.scheme != "plain":
            said = written(entities(tags), len(tags), self.problem.given_scheme)
        rows: list[Row] = []
        for place, (word, tag) in enumerate(zip(item.facts["words"], said, strict=True)):
            values = [item.facts["sentence"], place + 1, word, tag, float(p_TK[place, tag_T[place]])]
            more = [*p_TK[place].tolist(), *p_J.tolist()] if proba else []
            rows.append(dict(zip(self.columns(proba=proba), [*values, *intent, *more], strict=True)))
        return rows


def _are_texts(words: Any) -> bool:
    return all(isinstance(word, str) for word in words)


def valid_steps(x_BTC: Tensor, lengths_B: Tensor | None) -> Tensor:
    """Whether a step is a word, not padding, (B, T)."""
    items, steps = x_BTC.shape[:2]
    step_T = torch.arange(steps, device=x_BTC.device)
    if lengths_B is None:
        return torch.ones(items, steps, dtype=torch.bool, device=x_BTC.device)
    return step_T < lengths_B[:, None]
