"""Text classification: texts are read, split by unique text, and turned into steps learned on train."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tuner.adapters.base import Demands, Metric, Prepared
from tuner.adapters.classification import (
    METRICS,
    metrics_of,
    numbered,
    trivial_name,
    trivial_of,
    write_facts,
    write_labels,
)
from tuner.adapters.described import Described, of_classes
from tuner.adapters.files import content_digest, existing
from tuner.adapters.folds import write_folds
from tuner.adapters.label_scores import METRICS as LABEL_METRICS
from tuner.adapters.nlp.many_labels import described_labels, prepare_labels
from tuner.adapters.nlp.proposing import propose_classification
from tuner.adapters.nlp.reading import Document, read_documents
from tuner.adapters.nlp.sources import SOURCES
from tuner.adapters.nlp.text_options import TextClassificationOptions
from tuner.adapters.nlp.texts import UNUSED, dealt_texts, own_fingerprint, shown_tokens, write_tokens
from tuner.adapters.nlp.vectors import vectors_digest
from tuner.errors import DataError

if TYPE_CHECKING:
    from tuner.adapters.nlp.codec import TextClassCodec, TextLabelsCodec
    from tuner.adapters.nlp.problem import TextClassificationProblem, TextLabelsProblem


class TextClassification:
    """Labelled sentences, documents or pairs of texts, with one or several labels each."""

    propose = staticmethod(propose_classification)
    metrics: Sequence[Metric] = METRICS
    edition = "\n3"
    """Earlier editions had fewer trivial scores and, before that, kept texts with contradicting labels."""
    defaults = {"pooling": "mean"}  # noqa: RUF012 - the contract has a plain attribute; nobody writes to it
    demands = Demands(embeds=True)
    model_files = ("facts.json", "tokenizer.json")
    model_packages = ("tokenizers",)

    def __init__(self, options: TextClassificationOptions) -> None:
        self.options = options
        self.metrics = LABEL_METRICS if options.several else metrics_of(options)

    def fingerprint(self) -> str:
        """See `Adapter.fingerprint`."""
        options = self.options
        if options.source is None:
            return own_fingerprint(options)
        files = SOURCES[options.source].load()(options.source).files()
        return content_digest(files, files[0].parent, options.used(UNUSED)) + vectors_digest(options)

    def prepare(self, folder: Path) -> Prepared:
        """See `Adapter.prepare`."""
        options = self.options
        dealt = dealt_texts(options, self._documents())
        write_folds(folder, dealt.folds)
        if options.several:
            return prepare_labels(folder, dealt, write_tokens(folder, dealt.splits, options), options)
        splits, dropped, told, fold_N = dealt
        classes = sorted({document.label for document in splits["train"]})
        known = set(classes)
        for document in splits["test"]:
            if document.label not in known:
                raise DataError(
                    "a label of the test split must occur in the training data",
                    value=document.label,
                    fix=f"Known labels: {', '.join(classes)}.",
                    where=document.where,
                )
        tokens = write_tokens(folder, splits, options)
        labels = {}
        for split, documents in splits.items():
            labels[split] = numbered((document.label for document in documents), classes)
            write_labels(folder, split, labels[split].tolist())
        write_facts(folder, {"classes": classes, **tokens.facts})
        return Prepared(
            counts={split: len(documents) for split, documents in splits.items()},
            trivial=trivial_of(labels, classes, self.options, fold_N),
            lag=tokens.lag,
            about={
                "name": trivial_name(labels["train"], classes, self.options),
                "classes": classes,
                **tokens.about,
                "dropped": dict(+dropped),
            },
            notices=[*told, *tokens.notices],
        )

    def described(self, folder: Path, prepared: Prepared) -> Described:  # noqa: ARG002 - the contract's
        """See `Adapter.described`."""
        if self.options.several:
            return described_labels(folder, self.options)
        return of_classes(folder, shown_tokens(folder, self.options))

    def problem(self, folder: Path) -> TextClassificationProblem | TextLabelsProblem:
        """See `Adapter.problem`."""
        from tuner.adapters.nlp.problem import TextClassificationProblem, TextLabelsProblem  # imports torch

        return (TextLabelsProblem if self.options.several else TextClassificationProblem)(folder, self.options)

    def codec(self, folder: Path) -> TextClassCodec | TextLabelsCodec:
        """See `Adapter.codec`."""
        from tuner.adapters.nlp.codec import TextClassCodec, TextLabelsCodec

        return (TextLabelsCodec if self.options.several else TextClassCodec)(folder, self.options)

    def _documents(self) -> list[Document]:
        """All texts but those of `test_path`, unchanged."""
        if self.options.source is not None:
            found: list[Document] = SOURCES[self.options.source].load()(self.options.source).read()
            return found
        return read_documents(existing(str(self.options.path), "path"), self.options)
