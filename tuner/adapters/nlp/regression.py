"""Text regression: texts are read, split by unique text, and turned into steps learned on train."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tuner.adapters.base import Demands, Metric, Prepared
from tuner.adapters.classification import write_facts
from tuner.adapters.described import EXAMPLES, Described, lengths
from tuner.adapters.files import existing
from tuner.adapters.folds import write_folds
from tuner.adapters.nlp.proposing import propose_regression
from tuner.adapters.nlp.reading import read_documents
from tuner.adapters.nlp.text_options import TextRegressionOptions
from tuner.adapters.nlp.texts import dealt_texts, number_of, own_fingerprint, shown_tokens, write_tokens
from tuner.adapters.number_scores import METRICS, metrics_of
from tuner.adapters.ragged import Ragged
from tuner.adapters.regression import TRIVIAL, prepare_targets

if TYPE_CHECKING:
    from tuner.adapters.nlp.codec import TextNumberCodec
    from tuner.adapters.nlp.problem import TextRegressionProblem


class TextRegression:
    """Sentences, documents or pairs of them with a number each."""

    propose = staticmethod(propose_regression)
    metrics: Sequence[Metric] = METRICS
    defaults = {"pooling": "mean"}  # noqa: RUF012 - the contract has a plain attribute; nobody writes to it
    demands = Demands(embeds=True)
    model_files = ("facts.json", "tokenizer.json")
    model_packages = ("tokenizers",)

    def __init__(self, options: TextRegressionOptions) -> None:
        self.options = options
        self.metrics = metrics_of(options)

    def fingerprint(self) -> str:
        """See `Adapter.fingerprint`."""
        return own_fingerprint(self.options)

    def prepare(self, folder: Path) -> Prepared:
        """See `Adapter.prepare`."""
        options = self.options
        documents = read_documents(existing(str(options.path), "path"), options)
        splits, dropped, told, fold_N = dealt_texts(options, documents)
        write_folds(folder, fold_N)
        tokens = write_tokens(folder, splits, options)
        numbers = {split: np.array([[number_of(each)] for each in its]) for split, its in splits.items()}
        facts, trivial = prepare_targets(folder, numbers, options, documents[0].where, fold_N)
        targets = [options.target]
        write_facts(folder, {"targets": targets, **tokens.facts, **facts})
        return Prepared(
            counts={split: len(its) for split, its in splits.items()},
            trivial=trivial,
            lag=tokens.lag,
            about={
                "name": TRIVIAL,
                "targets": targets,
                **tokens.about,
                "numbers of training texts": f"{numbers['train'].min():.6g} to {numbers['train'].max():.6g}",
                "dropped": dict(+dropped),
            },
            notices=[*told, *tokens.notices],
        )

    def described(self, folder: Path, prepared: Prepared) -> Described:
        """See `Adapter.described`."""
        items, shown = Ragged(folder, "train.x"), shown_tokens(folder, self.options)
        span = f"target {self.options.target}: {prepared.about['numbers of training texts']}"
        return Described([span, lengths(items.lengths)], [shown(items[at]) for at in range(min(EXAMPLES, len(items)))])

    def problem(self, folder: Path) -> TextRegressionProblem:
        """See `Adapter.problem`."""
        from tuner.adapters.nlp.problem import TextRegressionProblem  # imports torch

        return TextRegressionProblem(folder, self.options)

    def codec(self, folder: Path) -> TextNumberCodec:
        """See `Adapter.codec`."""
        from tuner.adapters.nlp.codec import TextNumberCodec

        return TextNumberCodec(folder, self.options)
