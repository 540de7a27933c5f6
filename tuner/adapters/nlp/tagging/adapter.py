"""Tagging: sentences are read, split by unique sentence, and numbered by the vocabulary of the training split."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tuner.adapters.base import Demands, Metric, Prepared, Split
from tuner.adapters.classification import write_facts
from tuner.adapters.described import EXAMPLES, Described, balance, facts_of, lengths, symbols
from tuner.adapters.files import content_digest, existing
from tuner.adapters.learned_options import LEARNED as LEARNED_BY_ALL
from tuner.adapters.nlp.sources import TAGGED
from tuner.adapters.nlp.tagging.files import files_read
from tuner.adapters.nlp.tagging.intents import write_intents
from tuner.adapters.nlp.tagging.options import LEARNED, Scheme, TaggingOptions
from tuner.adapters.nlp.tagging.proposing import propose_tagging
from tuner.adapters.nlp.tagging.reading import Sentence, read_tagged
from tuner.adapters.nlp.tagging.splitting import dealt
from tuner.adapters.nlp.tagging.tags import all_tags, checked_scheme, illegal_told, rewritten
from tuner.adapters.nlp.tagging.trivial import Numbered, trivial_scores
from tuner.adapters.nlp.vectors import vectors_digest, write_vectors
from tuner.adapters.nlp.word_options import FEATURES
from tuner.adapters.nlp.words import COUNTS, UNKNOWN, Numbering, learned
from tuner.adapters.notices import left_out
from tuner.adapters.ragged import Ragged, write_ragged
from tuner.adapters.ragged_problem import lag_of
from tuner.errors import DataError

if TYPE_CHECKING:
    from tuner.adapters.nlp.tagging.codec import TaggingCodec
    from tuner.adapters.nlp.tagging.problem import TaggingProblem

_SCORES = (
    Metric("f1", maximize=True, summary="F1 of entities, strict: both ends and the type right; 0 to 1", within=(0, 1)),
    Metric("accuracy", maximize=True, summary="share of words whose tag is right, 0 to 1", within=(0, 1)),
    Metric("precision", maximize=True, summary="share of predicted entities that are right, 0 to 1", within=(0, 1)),
    Metric("recall", maximize=True, summary="share of true entities that are predicted, 0 to 1", within=(0, 1)),
    Metric(
        "loss",
        maximize=False,
        summary="mean negative log-likelihood in nats per word, over tags that occur in training; with intents, plus "
        "their mean per sentence",
        within=(0, math.inf),
    ),
)
_INTENT = Metric(
    "intent_accuracy",
    maximize=True,
    summary="share of sentences whose intent is right, 0 to 1",
    within=(0, 1),
    counted=True,
)


class Tagging:
    """Tagged sentences; with `scheme: plain`, accuracy is the default objective."""

    propose = staticmethod(propose_tagging)
    metrics: Sequence[Metric] = _SCORES
    defaults = {"bidirectional": True}  # noqa: RUF012 - the contract has a plain attribute; nobody writes to it
    demands = Demands(every_step=True, embeds=True)
    model_files = ("facts.json", "words.json")

    def __init__(self, options: TaggingOptions) -> None:
        self.options = options
        self.metrics = _SCORES if options.intent is None else (*_SCORES, _INTENT)
        if options.scheme == "plain" or options.source is not None:  # ready sources have parts of speech
            f1, accuracy, *others = self.metrics
            self.metrics = (accuracy, f1, *others)

    def fingerprint(self) -> str:
        """See `Adapter.fingerprint`."""
        options = self.options
        used = options.used({"path", "val_path", "test_path", "vectors", *LEARNED, *FEATURES, *LEARNED_BY_ALL})
        if options.source is not None:
            files = TAGGED[options.source].load()(options.source).files()
            return content_digest(files, files[0].parent, used) + vectors_digest(options)
        digest = vectors_digest(options)
        for option in ("path", "val_path", "test_path"):
            if (path := getattr(options, option)) is not None:
                found = existing(path, option)
                digest += content_digest(files_read(found, options), found, {**used, "option": option})
        return digest

    def prepare(self, folder: Path) -> Prepared:
        """See `Adapter.prepare`."""
        read = self._read()
        whole = [sentence for sentence in read if sentence.words]
        scheme = checked_scheme(whole, self.options)
        learned_as: Scheme = "plain" if scheme == "plain" else self.options.learned_scheme
        splits, told = dealt([rewritten(sentence, learned_as) for sentence in whole], self.options)
        tags, seen, unseen = all_tags(splits)
        vocabulary, counts = learned((sentence.words for sentence in splits["train"]), self.options.vocabulary)
        (folder / "words.json").write_text(json.dumps(vocabulary._asdict()))
        np.save(folder / COUNTS, counts)
        facts: dict[str, Any] = {
            "classes": tags[:seen],
            "unseen": tags[seen:],
            "scheme": learned_as,
            "given_scheme": scheme,
        }
        numbering, of_tag = Numbering(vocabulary), {tag: number for number, tag in enumerate(tags)}
        numbered = {split: _numbered(parts, numbering, of_tag) for split, parts in splits.items()}
        for split, (rows, targets) in numbered.items():
            write_ragged(folder, f"{split}.x", rows)
            write_ragged(folder, f"{split}.y", [target + np.int32(1) for target in targets])  # 0 is padding
        trivial: dict[str, dict[str, float]] = {}
        for split in _HELD:
            trivial[split] = trivial_scores(numbered["train"], numbered[split], tags, seen, learned_as)
        if self.options.vectors is not None:
            size, covered = write_vectors(folder, self.options.vectors, numbering.words, counts, folded=True)
            facts["vector_size"] = size
            told.append(covered)
        if self.options.intent is not None:
            facts["intents"], of_intents, unknown = write_intents(folder, splits)
            unseen += unknown
            for split, (accuracy, nats) in of_intents.items():
                trivial[split] |= {"loss": trivial[split]["loss"] + nats, "intent_accuracy": accuracy}
        write_facts(folder, facts)
        return Prepared(
            counts={split: len(parts) for split, parts in splits.items()},
            trivial=trivial,
            lag=lag_of(np.asarray([len(row) for row in numbered["train"].rows])),
            about={
                "name": "most frequent tag of each word",
                "classes": tags[:seen],
                "scheme": scheme,
                "learned as": learned_as,
                **({"intents": facts["intents"]} if "intents" in facts else {}),
                "vocabulary": len(vocabulary.words),
                "words": {split: sum(map(len, rows)) for split, (rows, _) in numbered.items()},
                "unknown words": {
                    split: sum(int((row[:, 0] == UNKNOWN).sum()) for row in rows)
                    for split, (rows, _) in numbered.items()
                },
            },
            notices=[
                *left_out("sentences", {"no word in it": len(read) - len(whole)}, of=len(read)),
                *illegal_told(whole, scheme),
                *told,
                *unseen,
            ],
        )

    def described(self, folder: Path, prepared: Prepared) -> Described:
        """See `Adapter.described`."""
        facts, about = facts_of(folder), prepared.about
        words = ["", "(unknown)", *json.loads((folder / "words.json").read_text())["words"]]
        tags, x, y = [*facts["classes"], *facts["unseen"]], Ragged(folder, "train.x"), Ragged(folder, "train.y")
        examples = []
        for item in range(min(EXAMPLES, len(x))):
            pairs = zip(x[item][:, 0].tolist(), y[item].tolist(), strict=True)
            examples.append(symbols([f"{words[word]}/{tags[tag - 1]}" for word, tag in pairs], "words"))
        number = np.concatenate([y[item] for item in range(len(y))]).astype(np.int64) - 1
        unknown = ", ".join(f"{count:,} in {split}" for split, count in about["unknown words"].items())
        counted = balance(facts["classes"], number).replace("classes", "tags", 1)
        return Described([counted, f"unknown words: {unknown}", lengths(x.lengths)], examples)

    def problem(self, folder: Path) -> TaggingProblem:
        """See `Adapter.problem`."""
        from tuner.adapters.nlp.tagging.problem import TaggingProblem  # imports torch

        return TaggingProblem(folder, self.options)

    def codec(self, folder: Path) -> TaggingCodec:
        """See `Adapter.codec`."""
        from tuner.adapters.nlp.tagging.codec import TaggingCodec  # imports torch

        return TaggingCodec(folder, self.options)

    def _read(self) -> list[Sentence]:
        """All sentences, each with its split if the files give it."""
        options = self.options
        if options.source is not None:
            ready: list[Sentence] = TAGGED[options.source].load()(options.source).read()
            return ready
        sentences = read_tagged(existing(str(options.path), "path"), options)
        named = {sentence.split for sentence in sentences}
        for split in _HELD:
            if (path := getattr(options, f"{split}_path")) is None:
                continue
            if split in named:
                raise DataError(
                    f"data.{split}_path must be left out where the folder of data.path has {split} sentences",
                    value=path,
                    fix="Name one of the two.",
                    key=("data", f"{split}_path"),
                )
            own = read_tagged(existing(path, f"{split}_path", folder=False), options)
            sentences += [sentence._replace(split=split) for sentence in own]
        return sentences


_HELD: tuple[Split, ...] = ("val", "test")


def _numbered(parts: Sequence[Sentence], numbering: Numbering, of_tag: Mapping[str, int]) -> Numbered:
    """Sentences as numbers of words and of tags."""
    rows = [numbering.numbered(sentence.words) for sentence in parts]
    return Numbered(rows, [np.asarray([of_tag[tag] for tag in each.tags], dtype=np.int32) for each in parts])
