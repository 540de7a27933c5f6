"""Sentences to train, val and test: as their files say, or drawn by seed, equal ones into the same split."""

from __future__ import annotations

from collections.abc import Sequence

from tuner.adapters.base import Split
from tuner.adapters.nlp.tagging.options import TaggingOptions
from tuner.adapters.nlp.tagging.reading import Sentence
from tuner.adapters.splits import SPLITS, stratified
from tuner.errors import DataError


def dealt(sentences: Sequence[Sentence], options: TaggingOptions) -> tuple[dict[Split, list[Sentence]], list[str]]:
    """The sentences of each split, in reading order, and notices.

    Args:
        sentences: A missing val or test is drawn from those whose file gives no split, or train.
        options: Shares and seed.

    Raises:
        DataError: There are too few, or none to train on.
    """
    splits: dict[Split, list[Sentence]] = {split: [] for split in SPLITS}
    for sentence in sentences:
        splits[sentence.split or "train"].append(sentence)
    pool = splits["train"]
    if not pool:
        raise DataError(
            "there must be sentences to train on",
            value=[split for split in SPLITS if splits[split]],
            fix="Give one of the files a name with train in it.",
            where=sentences[0].where.rpartition(":")[0],
        )
    missing = [split for split in SPLITS[1:] if not splits[split]]
    told = []
    if missing:
        first: dict[tuple[str, ...], int] = {}
        numbers = [first.setdefault(tuple(sentence.words), len(first)) for sentence in pool]
        if len(first) < len(missing) + 1:
            raise DataError(
                f"there must be at least {len(missing) + 1} different sentences, one per split that is drawn",
                value=len(first),
                fix="Add some, or give data.val_path and data.test_path.",
                where=pool[0].where.rpartition(":")[0],
            )
        val, test = (getattr(options, split) if split in missing else 0.0 for split in SPLITS[1:])
        chosen = stratified([""] * len(first), val=val, test=test, seed=options.split_seed)
        splits["train"] = []
        for sentence, number in zip(pool, numbers, strict=True):
            splits[_named(str(chosen[number]))].append(sentence)
        if len(missing) == 1:
            split = missing[0]
            share = f"data.{split} = {getattr(options, split):g} of them"
            told.append(f"no file has {split} sentences, so they are drawn from those of train ({share})")
    return splits, [*told, *_met_again(splits), *_contradicting(sentences)]


def _named(split: str) -> Split:
    return next(each for each in SPLITS if each == split)


def _met_again(splits: dict[Split, list[Sentence]]) -> list[str]:
    """A notice per split about its sentences that are also in training."""
    known = {tuple(sentence.words) for sentence in splits["train"]}
    told = []
    for split in SPLITS[1:]:
        again = [sentence for sentence in splits[split] if tuple(sentence.words) in known]
        if again:
            told.append(
                f"sentences of {split} that are also in train: {len(again)} of {len(splits[split])}, such as "
                f"{again[0].where}; scores on them tell little about new ones"
            )
    return told


def _contradicting(sentences: Sequence[Sentence]) -> list[str]:
    """A notice about equal sentences with different tags; empty if there are none."""
    first: dict[tuple[str, ...], Sentence] = {}
    pairs = []
    for sentence in sentences:
        other = first.setdefault(tuple(sentence.words), sentence)
        if other.tags != sentence.tags:
            pairs.append((other, sentence))
    if not pairs:
        return []
    one, other = pairs[0]
    return [f"equal sentences have different tags: {len(pairs)}, such as those at {one.where} and {other.where}"]
