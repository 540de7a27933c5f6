"""Texts to classes: read, split by unique text, turned into subwords learned on train."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tuner.adapters.base import Demands, Metric, Prepared
from tuner.adapters.classification import (
    METRICS,
    check_kept,
    check_labels,
    lag_of,
    metrics_of,
    numbered,
    trivial_of,
    write_facts,
    write_labels,
)
from tuner.adapters.described import Described, of_classes, symbols
from tuner.adapters.files import content_digest, existing
from tuner.adapters.learned_options import LEARNED
from tuner.adapters.nlp.options import TextClassificationOptions
from tuner.adapters.nlp.proposing import propose_classification
from tuner.adapters.nlp.reading import Document, read_documents, text_files
from tuner.adapters.nlp.repeats import CONTRADICTING, contradictions, told_of, unique
from tuner.adapters.nlp.sources import SOURCES
from tuner.adapters.nlp.vocabulary import decoded, encode, normalised, train_tokenizer
from tuner.adapters.notices import left_out
from tuner.adapters.ragged import write_ragged
from tuner.adapters.splits import SPLITS, deal, straddling, unused_split
from tuner.errors import DataError

if TYPE_CHECKING:
    from tuner.adapters.nlp.codec import TextClassCodec
    from tuner.adapters.nlp.problem import TextClassificationProblem


class TextClassification:
    """Labelled sentences or documents, one label each."""

    propose = staticmethod(propose_classification)
    metrics: Sequence[Metric] = METRICS
    edition = "\n3"
    """Before, fewer trivial scores; before that, texts with contradicting labels were kept."""
    defaults = {"pooling": "mean"}  # noqa: RUF012 - the contract has a plain attribute; nobody writes to it
    demands = Demands(embeds=True)
    model_files = ("facts.json", "tokenizer.json")
    model_packages = ("tokenizers",)

    def __init__(self, options: TextClassificationOptions) -> None:
        self.options = options
        self.metrics = metrics_of(options)

    def fingerprint(self) -> str:
        """See `Adapter.fingerprint`."""
        options = self.options
        used = options.used({"path", "test_path", "embedding_size", *LEARNED})
        if options.source is not None:
            files = SOURCES[options.source].load()(options.source).files()
            digest = content_digest(files, files[0].parent, used)
        else:
            path = existing(str(options.path), "path")
            digest = content_digest(text_files(path), path, used)
        if options.test_path:
            test_path = existing(options.test_path, "test_path")
            digest += content_digest(text_files(test_path), test_path, {})
        return digest

    def prepare(self, folder: Path) -> Prepared:
        """See `Adapter.prepare`."""
        options = self.options
        splits, dropped, told = self._read()
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
        tokenizer = train_tokenizer([document.text for document in splits["train"]], options.vocabulary)
        tokenizer.save(str(folder / "tokenizer.json"))
        labels, truncated, lag = {}, 0, 1
        for split, documents in splits.items():
            items = encode(tokenizer, [document.text for document in documents], options.max_length)
            truncated += sum(len(item) == options.max_length for item in items)
            labels[split] = numbered((document.label for document in documents), classes)
            write_ragged(folder, f"{split}.x", items)
            write_labels(folder, split, labels[split].tolist())
            if split == "train":
                lag = lag_of(np.asarray([len(item) for item in items]))
        vocabulary = tokenizer.get_vocab_size()
        write_facts(folder, {"classes": classes, "vocabulary": vocabulary, "lowercase": options.lowercase})
        return Prepared(
            counts={split: len(documents) for split, documents in splits.items()},
            trivial=trivial_of(labels, classes, self.options),
            lag=lag,
            about={
                "name": "most frequent class",
                "classes": classes,
                "vocabulary": vocabulary,
                "texts of max_length or longer": truncated,
                "dropped": dict(+dropped),
            },
            notices=[*left_out("texts", dropped, of=sum(map(len, splits.values())) + dropped.total()), *told],
        )

    def described(self, folder: Path, prepared: Prepared) -> Described:  # noqa: ARG002 - the contract's
        """See `Adapter.described`."""
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        return of_classes(folder, lambda item: symbols(decoded(tokenizer, item.tolist()), "subwords"))

    def problem(self, folder: Path) -> TextClassificationProblem:
        """See `Adapter.problem`."""
        from tuner.adapters.nlp.problem import TextClassificationProblem  # brings torch

        return TextClassificationProblem(folder, self.options)

    def codec(self, folder: Path) -> TextClassCodec:
        """See `Adapter.codec`."""
        from tuner.adapters.nlp.codec import TextClassCodec

        return TextClassCodec(folder, self.options)

    def _read(self) -> tuple[dict[str, list[Document]], Counter[str], list[str]]:
        """The texts by split, clean and without a text in two splits, what was dropped, and what is to be told."""
        options, dropped = self.options, Counter[str]()
        if options.source is not None:
            documents = SOURCES[options.source].load()(options.source).read()
        else:
            documents = read_documents(existing(str(options.path), "path"), options)
        test: list[Document] = []
        if options.test_path:
            test = read_documents(existing(options.test_path, "test_path"), options, held=True)
            test = [document._replace(split="test") for document in self._clean(test, dropped)]
        read, documents = documents, self._clean(documents, dropped)
        doubtful = contradictions(documents, test)
        consistent = [document for document in documents if document.text not in doubtful]
        fresh = unique(consistent, test)
        also = len({document.text for document in consistent}) - len(fresh)
        dropped[CONTRADICTING] = len(documents) - len(consistent)
        dropped["text also in test_path"] = also
        dropped["duplicate text"] = len(consistent) - len(fresh) - also
        labels, places = [document.label for document in fresh], [document.where for document in fresh]
        check_kept(
            [document.label for document in read],
            labels,
            [document.where for document in read],
            "empty, repeated or contradicted by an equal text with another label",
            "Check labels and texts, or take the class away.",
        )
        given = [document.split for document in fresh if document.split is not None]
        check_labels(labels, places, num_splits=1 if given else 2 if test else 3)
        groups = [document.group for document in fresh if document.group is not None]
        dealt = deal(
            labels,
            places,
            val=options.val,
            test=options.test,
            seed=options.split_seed,
            groups=groups or None,
            given=given or None,
            held=bool(test),
            group=options.group or "",
        )
        splits: dict[str, list[Document]] = {
            split: [document for document, its in zip(fresh, dealt.splits, strict=True) if its == split]
            for split in SPLITS
        }
        told = [*told_of(doubtful), *dealt.notices]
        if options.path is not None and options.split is None and not Path(options.path).is_dir():
            told += unused_split(existing(options.path, "path"), options.encoding)
        if test and groups:
            held = [str(document.group) for document in test]
            told += straddling([*groups, *held], [*dealt.splits.tolist(), *["test"] * len(held)], "data.group")
        return {**splits, "test": test or splits["test"]}, dropped, told

    def _clean(self, documents: Sequence[Document], dropped: Counter[str]) -> list[Document]:
        """Normalise texts and drop the empty ones."""
        cleaned = [
            document._replace(text=normalised(document.text, lowercase=self.options.lowercase))
            for document in documents
        ]
        kept = [document for document in cleaned if document.text]
        if not kept:
            raise DataError(
                "at least one text must not be empty",
                fix="Check that data.text names the right column.",
                where=documents[0].where,
            )
        dropped["empty text"] += len(cleaned) - len(kept)
        return kept
