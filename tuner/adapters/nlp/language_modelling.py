"""Language modelling: a text is read, cut into three, and numbered by the vocabulary of the training part."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from tuner.adapters.base import Demands, Metric, Prepared, Split
from tuner.adapters.classification import write_facts
from tuner.adapters.described import EXAMPLES, Described, symbols
from tuner.adapters.files import content_digest, existing
from tuner.adapters.learned_options import LEARNED
from tuner.adapters.nlp.corpus import corpus_files, corpus_text, normalised_lines
from tuner.adapters.nlp.language_scores import unigram_scores
from tuner.adapters.nlp.options import LanguageModellingOptions
from tuner.adapters.nlp.proposing import propose_language_modelling
from tuner.adapters.nlp.sources import CORPORA
from tuner.adapters.nlp.units import UNITS, word_ends
from tuner.adapters.nlp.vectors import vectors_digest, write_vectors
from tuner.errors import DataError

if TYPE_CHECKING:
    from tuner.adapters.nlp.language_codec import LanguageCodec
    from tuner.adapters.nlp.language_problem import LanguageModellingProblem

_SHOWN = 12
"""Tokens shown per example."""
LINE_END = "</s>"
"""The name of a line end in files of word vectors."""
LAG = 200
"""Tokens over which a network is expected to remember: LSTM language models use the order of words over 50 tokens and
their topic over 200 (Khandelwal et al. 2018, arXiv:1805.04623)."""


class LanguageModelling:
    """The user's own text or a ready one; each step predicts the next token.

    A split is stored as one row of token numbers that begins with token 0, so that each of its tokens is predicted.
    """

    propose = staticmethod(propose_language_modelling)
    metrics = (
        Metric("loss", maximize=False, summary="mean cross-entropy in nats per token", within=(0, math.inf)),
        Metric(
            "bpc",
            maximize=False,
            summary="bits per character, with unknown symbols spelled out; comparable between units",
            within=(0, math.inf),
            readable=True,
        ),
        Metric(
            "word_perplexity",
            maximize=False,
            summary="perplexity per word (with the white space or line end after it), for any unit, >= 1",
            within=(1, math.inf),
        ),
        Metric(
            "perplexity",
            maximize=False,
            summary="perplexity per token: exp of the loss, >= 1",
            within=(1, math.inf),
        ),
        Metric(
            "accuracy",
            maximize=True,
            summary="share of tokens that were predicted as most probable, 0 to 1",
            within=(0, 1),
            counted=True,
        ),
    )
    model_files = ("facts.json", "tokens.json", "counts.npy", "lengths.npy")
    model_packages = ("tokenizers",)
    defaults = {"truncation": 64}  # noqa: RUF012 - the contract has a plain attribute; nobody writes to it

    def __init__(self, options: LanguageModellingOptions) -> None:
        self.options = options
        size = options.embedding_size if options.tied else None
        self.demands = Demands(causal=True, every_step=True, embeds=True, head_size=size)

    def fingerprint(self) -> str:
        """See `Adapter.fingerprint`."""
        options = self.options
        used = options.used({"path", "val_path", "test_path", "vectors", *_OPENED, *LEARNED})
        if options.source is not None:
            files = CORPORA[options.source].load()(options.source).files()
            return content_digest(files, files[0].parent, used)
        digest = vectors_digest(options)
        for option in ("path", "val_path", "test_path"):
            if (path := getattr(options, option)) is not None:
                found = existing(path, option)
                digest += content_digest(corpus_files(found), found, {**used, "option": option})
        return digest

    def prepare(self, folder: Path) -> Prepared:
        """See `Adapter.prepare`."""
        options = self.options
        texts = self._texts()
        for split, text in texts.items():
            if not text.strip():
                raise DataError(
                    f"the {split} text must not be blank",
                    value=f"{len(text)} characters",
                    fix="Take a longer text, or a larger share of it.",
                    key=("data",),
                )
        vocabulary = UNITS[options.unit](texts["train"], options.vocabulary)
        num_tokens = len(vocabulary.tokens)
        streams = {split: vocabulary.encode(text) for split, text in texts.items()}
        for split, tokens in streams.items():
            np.save(folder / f"{split}.npy", np.concatenate(([0], tokens)).astype(np.min_scalar_type(num_tokens)))
        np.save(folder / "lengths.npy", vocabulary.lengths)
        counts_K = np.bincount(streams["train"], minlength=num_tokens)
        np.save(folder / "counts.npy", counts_K)
        (folder / "tokens.json").write_text(json.dumps(vocabulary.tokens))
        ends = word_ends(options.unit, vocabulary.tokens)
        lag = min(LAG, len(streams["train"]))
        facts = {"lag": lag, "spelling": vocabulary.spelling, "tokenizer": vocabulary.tokenizer}
        notices = []
        if options.vectors is not None:
            words = {
                LINE_END if word == "\n" else word: number for number, word in enumerate(vocabulary.tokens) if number
            }
            facts["vector_size"], covered = write_vectors(folder, options.vectors, words, counts_K, folded=False)
            notices.append(covered)
        write_facts(folder, facts)
        return Prepared(
            counts={split: len(tokens) for split, tokens in streams.items()},
            trivial={split: unigram_scores(counts_K, streams[split], vocabulary, ends) for split in ("val", "test")},
            lag=lag,
            about={
                "name": "frequencies of tokens",
                "unit": options.unit,
                "vocabulary": num_tokens,
                "characters": {split: len(text) for split, text in texts.items()},
                "unknown tokens": {split: int((tokens == 0).sum()) for split, tokens in streams.items()},
            },
            notices=notices,
        )

    def described(self, folder: Path, prepared: Prepared) -> Described:
        """See `Adapter.described`."""
        about = prepared.about
        tokens: list[str] = json.loads((folder / "tokens.json").read_text())
        text = np.load(folder / "train.npy", mmap_mode="r")
        parts = np.linspace(1, max(1, len(text) - _SHOWN), EXAMPLES).astype(int)
        unknown = ", ".join(f"{count:,} in {split}" for split, count in about["unknown tokens"].items())
        return Described(
            [
                f"{about['vocabulary']:,} different tokens (unit {about['unit']})",
                f"unknown tokens: {unknown}",
                f"characters: {', '.join(f'{count:,} in {split}' for split, count in about['characters'].items())}",
            ],
            [symbols([tokens[token] for token in text[at : at + _SHOWN]], "tokens from here") for at in parts],
        )

    def problem(self, folder: Path) -> LanguageModellingProblem:
        """See `Adapter.problem`."""
        from tuner.adapters.nlp.language_problem import LanguageModellingProblem  # imports torch

        return LanguageModellingProblem(folder, self.options)

    def codec(self, folder: Path) -> LanguageCodec:
        """See `Adapter.codec`."""
        from tuner.adapters.nlp.language_codec import LanguageCodec  # imports torch

        return LanguageCodec(folder, self.options)

    def _texts(self) -> dict[Split, str]:
        """The text of each split: cut off the end of the whole text, or read from its own file."""
        options = self.options
        if options.source is not None:
            text = normalised_lines(CORPORA[options.source].load()(options.source).read())
        else:
            text = self._read("path")
        text = text[: options.characters]
        num_val, num_test = (round(options.share(split) * len(text)) for split in _HELD)
        first_val, first_test = len(text) - num_val - num_test, len(text) - num_test
        return {
            "train": text[:first_val],
            "val": text[first_val:first_test] if options.val_path is None else self._read("val_path"),
            "test": text[first_test:] if options.test_path is None else self._read("test_path"),
        }

    def _read(self, option: str) -> str:
        path = existing(getattr(self.options, option), option)
        if not corpus_files(path):
            raise DataError(
                f"the folder of data.{option} must hold a .txt or .md file",
                value=str(path),
                fix="Name another folder, or the file itself.",
                key=("data", option),
            )
        return corpus_text(path, self.options.encoding)


_OPENED = ("embedding_size", "tied", "warm_up", "dynamic_rate", "dynamic_decay")
"""Options of the opened data, beside those that all share."""
_HELD: tuple[Literal["val", "test"], ...] = ("val", "test")
