"""Inference of language models: scores and continuations of new texts. See `tuner.adapters.base.Codec`.

Letters of shapes: B texts or stretches, T steps, K tokens.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tuner.adapters.base import Batch, Item, Row
from tuner.adapters.batching import device_of
from tuner.adapters.lines import NO_TEXT, lines_of
from tuner.adapters.nlp.corpus import corpus_files, corpus_text, normalised_lines
from tuner.adapters.nlp.language_problem import MOST_LOGITS, LanguageModellingProblem, Tally, together
from tuner.adapters.nlp.options import LanguageAsked, LanguageModellingOptions
from tuner.adapters.nlp.streams import UNSCORED
from tuner.adapters.nlp.units import DECODERS, ENCODERS, parts_of
from tuner.errors import DataError, is_text
from tuner.words import DYNAMIC

if TYPE_CHECKING:
    from tuner.adapters.base import Forward

_STRETCHES = 256
"""Stretches of a text, or short texts, that are scored at once; fewer if they are long."""
_NAMED = 20
"""Largest number of unknown symbols that are listed, the most frequent first."""


class LanguageCodec:
    """Texts to their scores under the model and, if asked for, the model's continuations.

    Columns: `place`, `tokens`, `unknown` (their number) and `unknown_symbols`, then the adapter's metrics, with dynamic
    evaluation the same of that, then `continuation`.

    Args:
        folder: Holds `facts.json`, `tokens.json`, `counts.npy` and `lengths.npy`.
        options: The adapter's.

    Raises:
        DataError: An earlier version has prepared the data and did not store the tokenizer of its subwords.
    """

    def __init__(self, folder: Path, options: LanguageModellingOptions) -> None:
        self.problem = LanguageModellingProblem(folder, options)
        self.asked = LanguageAsked()
        self._options = options
        self._tokens: list[str] = json.loads((folder / "tokens.json").read_text())
        tokenizer = json.loads((folder / "facts.json").read_text()).get("tokenizer", "")
        if options.unit == "subword" and not tokenizer:
            raise DataError(
                "the model must have the merges of its subwords, which an earlier version did not keep",
                fix="Run the study again: --fresh.",
            )
        self._encode = ENCODERS[options.unit](self._tokens, tokenizer)

    def columns(self, *, proba: bool) -> dict[str, type]:  # noqa: ARG002 - contract
        """See `Codec`."""
        scores = dict.fromkeys(("loss", "bpc", "word_perplexity", "perplexity", "accuracy"), float)
        if self.problem.adapts:
            scores |= {DYNAMIC + name: float for name in scores}
        found = {"place": str, "tokens": int, "unknown": int, "unknown_symbols": str, **scores}
        return found | ({"continuation": str} if self.asked.continuation else {})

    def read(self, path: Path) -> Iterator[Item]:
        """A text file, or a folder whose files form one text; with `lines` each line is a text. See `Codec`."""
        if path.is_dir() and not corpus_files(path):
            raise DataError("the folder must hold a .txt or .md file", value="none", where=str(path))
        if not self.asked.lines:
            yield self._whole(path)
            return
        for file in corpus_files(path):
            yield from (self._item(line, where) for line, where in lines_of(file, self._options.encoding))

    def items(self, data: Any) -> Iterator[Item]:
        """A text, a list of texts and paths, or a DataFrame with a column `text`. See `Codec`."""
        if hasattr(data, "columns") and "text" in data.columns:
            data = data["text"]
        if hasattr(data, "columns") or isinstance(data, bytes | dict) or not hasattr(data, "__iter__"):
            raise DataError(
                "texts must be a text, a list of texts, a column named text, or the path of a file", value=data
            )
        for number, text in enumerate([data] if isinstance(data, str) else data):
            if isinstance(text, Path):
                yield from self.read(text)
            else:
                yield self._item(text, f"item {number}")

    def example(self) -> dict[str, list[str]]:
        """A text. See `Codec`."""
        return {"text": ["a text to be scored"]}

    def answer(
        self,
        network: nn.Module | Forward,
        items: Sequence[Item],
        *,
        proba: bool,  # noqa: ARG002 - contract
    ) -> list[list[Row]]:
        """One row per text. See `Codec`."""
        rows: list[Row] = []
        for item, scores in zip(items, self._scores(network, items), strict=True):
            row: Row = {**item.facts, **scores}
            if self.problem.adapts:
                assert item.x is not None
                row |= self.problem.dynamic_scores(_itself(network), item.x)
            if self.asked.continuation:
                assert item.x is not None
                row["continuation"] = self._continued(network, item.x)
            rows.append(row)
        return [[row] for row in rows]

    def _whole(self, path: Path) -> Item:
        try:
            text = corpus_text(path, self._options.encoding)
        except DataError as error:
            if not path.exists():
                raise
            return Item(str(path), None, error.problem, {"place": str(path)})
        return self._item(text, str(path))

    def _item(self, text: object, where: str) -> Item:
        place = {"place": where}
        if not isinstance(text, str):
            return Item(where, None, f"it must be a text, but is {text!r:.80}", place)
        if not is_text(text):
            return Item(where, None, NO_TEXT, place)
        text = normalised_lines(text)
        if not text.strip():
            return Item(where, None, "the text is blank", place)
        tokens_N = self._encode(text)
        unknown = np.flatnonzero(tokens_N == 0)
        found: Counter[str] = Counter()
        if len(unknown):
            parts = parts_of(self._options.unit, text)
            found.update(parts[place] for place in unknown)
        symbols = " ".join(symbol for symbol, _ in found.most_common(_NAMED))
        facts = {**place, "tokens": len(tokens_N), "unknown": len(unknown), "unknown_symbols": symbols}
        return Item(where, np.concatenate(([0], tokens_N)), "", facts)

    def _scores(self, network: nn.Module | Forward, items: Sequence[Item]) -> list[dict[str, float]]:
        """The adapter's metrics of each text; short texts are batched, long ones are read in parts."""
        problem, device = self.problem, device_of(network)
        found: dict[int, Tally] = {}
        short = []
        for number, item in enumerate(items):
            assert item.x is not None
            scored = problem.scored(item.x)
            if len(scored) <= scored.scored:
                short.append(number)
            else:
                parts = (_tally(problem, network, batch, device) for batch in scored.batches(_STRETCHES))
                found[number] = reduce(together, parts)
        for numbers in self._groups({number: len(items[number].x) for number in short}):  # type: ignore[arg-type]
            batch = _beside([items[number].x for number in numbers])
            reduced = _reduced(problem, network, batch, device)
            for row, number in enumerate(numbers):
                found[number] = problem.tally(reduced[row], batch.x[row], batch.y[row])
        return [problem.scores(found[number]) for number in range(len(items))]

    def _groups(self, lengths: Mapping[int, int]) -> Iterator[list[int]]:
        """Batches of texts (their numbers) of similar lengths, as large as the memory of their logits may be."""
        group: list[int] = []
        for number, length in sorted(lengths.items(), key=lambda pair: pair[1]):
            if len(group) == _STRETCHES or (len(group) + 1) * length * self.problem.num_tokens > MOST_LOGITS:
                if group:
                    yield group
                group = []
            group.append(number)
        if group:
            yield group

    def _continued(self, network: nn.Module | Forward, x: NDArray[Any]) -> str:
        """The model's continuation of a text, sampled token by token, without the unknown token."""
        read: Any = _itself(network).read
        device = device_of(network)
        draw = torch.Generator().manual_seed(self.asked.seed)
        at_once = max(1, MOST_LOGITS // self.problem.num_tokens)
        states, logits_K = None, torch.empty(0)
        for part in np.array_split(x, -(-len(x) // at_once)):
            prediction, states = read(torch.from_numpy(part)[None].to(device), None, states)
            logits_K = prediction[0, -1]
        written: list[int] = []
        for _ in range(self.asked.continuation):
            written.append(self._drawn(logits_K.double().cpu(), draw))
            prediction, states = read(torch.tensor([written[-1:]], device=device), None, states)
            logits_K = prediction[0, -1]
        return DECODERS[self._options.unit]([self._tokens[number] for number in written])

    def _drawn(self, logits_K: Tensor, draw: torch.Generator) -> int:
        """The number of a sampled token; at temperature 0, of the most probable one."""
        known = logits_K[1:]
        if not self.asked.temperature:
            return int(known.argmax()) + 1
        return int(torch.multinomial((known / self.asked.temperature).softmax(0), 1, generator=draw)) + 1


def _itself(network: nn.Module | Forward) -> nn.Module:
    """The network, where it is one: a graph that was exported has no states, and does not learn."""
    if not isinstance(network, nn.Module) or not hasattr(network, "read"):
        what = "only the network itself can continue a text, or learn from it"
        raise DataError(what, value=type(network).__name__)
    return network


def _reduced(
    problem: LanguageModellingProblem, network: nn.Module | Forward, batch: Batch, device: torch.device
) -> Tensor:
    """The reduced predictions of a batch, moved to the CPU."""
    there = Batch(batch.x.to(device), None, batch.y.to(device))
    return problem.reduce(network(there.x, None), there).cpu()


def _tally(
    problem: LanguageModellingProblem, network: nn.Module | Forward, batch: Batch, device: torch.device
) -> Tally:
    return problem.tally(_reduced(problem, network, batch, device), batch.x, batch.y)


def _beside(texts: Sequence[NDArray[Any] | None]) -> Batch:
    """Texts as rows of one batch; steps after their ends are not scored."""
    whole = [text for text in texts if text is not None]
    steps = max(map(len, whole)) - 1
    x_BT, y_BT = np.zeros((len(whole), steps), dtype=np.int64), np.full((len(whole), steps), UNSCORED, dtype=np.int64)
    for row, text in enumerate(whole):
        x_BT[row, : len(text) - 1], y_BT[row, : len(text) - 1] = text[:-1], text[1:]
    return Batch(torch.from_numpy(x_BT), None, torch.from_numpy(y_BT))
