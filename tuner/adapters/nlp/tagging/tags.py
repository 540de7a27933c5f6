"""The tags of sentences as read: their scheme, violations of it, and tags that training lacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tuner.adapters.base import Split
from tuner.adapters.nlp.tagging.options import Scheme, TaggingOptions
from tuner.adapters.nlp.tagging.reading import Sentence
from tuner.adapters.nlp.tagging.schemes import entities, illegal, is_scheme, scheme_of, written
from tuner.errors import DataError

MOST_TAGS = 5000
"""Largest number of different tags; more are words, or a column of numbers."""


def checked_scheme(sentences: Sequence[Sentence], options: TaggingOptions) -> Scheme:
    """The scheme of the option, or the one that the tags are written in.

    Raises:
        DataError: The tags are not of the option's scheme.
    """
    if options.scheme == "auto":
        return scheme_of([sentence.tags for sentence in sentences])
    if options.scheme != "plain":
        for sentence in sentences:
            for place, tag in enumerate(sentence.tags):
                if tag != "O" and not is_scheme([tag]):
                    raise DataError(
                        f"a tag of scheme {options.scheme} must be O or a letter, a dash and a type, such as B-city",
                        value=tag,
                        fix="Correct it, or set data.scheme to plain, or data.tags to another column.",
                        where=sentence.place(place),
                    )
    return options.scheme


def illegal_told(sentences: Sequence[Sentence], scheme: Scheme) -> list[str]:
    """A notice about tags that break the scheme; empty if none do."""
    if scheme == "plain":
        return []
    count, first = 0, ""
    for sentence in sentences:
        broken = illegal(sentence.tags, scheme)
        if broken and not count:
            first = f"{sentence.tags[broken[0]]!r} at {sentence.place(broken[0])}"
        count += len(broken)
    if not count:
        return []
    return [f"{count} tags break the scheme {scheme} and are read as CoNLL's scorer reads them, the first {first}"]


def rewritten(sentence: Sentence, scheme: Scheme) -> Sentence:
    """A sentence with its tags converted to another scheme; plain tags stay."""
    if scheme == "plain":
        return sentence
    return sentence._replace(tags=written(entities(sentence.tags), len(sentence.tags), scheme))


def all_tags(splits: Mapping[Split, Sequence[Sentence]]) -> tuple[list[str], int, list[str]]:
    """The tags, those of the training sentences first; the number of these; and notices about the others.

    Raises:
        DataError: There is only one in training, or there are too many.
    """
    seen = sorted({tag for sentence in splits["train"] for tag in sentence.tags})
    known = set(seen)
    where = splits["train"][0].where
    if not 2 <= len(seen) <= MOST_TAGS:
        rule = "at least two different tags" if len(seen) < 2 else f"at most {MOST_TAGS} different tags"
        raise DataError(
            f"the training sentences must have {rule}",
            value=seen if len(seen) < 2 else len(seen),
            fix="Check which column or key holds the tags: data.tags.",
            where=where.rpartition(":")[0],
        )
    unseen: list[str] = []
    told = []
    for split in ("val", "test"):
        places: dict[str, str] = {}
        for sentence in splits[split]:
            for place, tag in enumerate(sentence.tags):
                if tag not in known and tag not in places:
                    places[tag] = sentence.place(place)
        if places:
            tag, found = next(iter(places.items()))
            told.append(
                f"tags of {split} that no training sentence has: {len(places)}, such as {tag!r} at {found}; each "
                "counts as wrong"
            )
        unseen += [tag for tag in sorted(places) if tag not in unseen]
    return [*seen, *unseen], len(seen), told
