"""Schemes of tags, and scores of entities beside a scorer that is written after the definition alone."""

from __future__ import annotations

import numpy as np
import pytest

from tuner.adapters.nlp.tagging.entities import Scorer
from tuner.adapters.nlp.tagging.options import Scheme
from tuner.adapters.nlp.tagging.schemes import entities, illegal, is_scheme, rules, scheme_of, written

SCHEMES: tuple[Scheme, ...] = ("bio", "bioes", "iob1")
LETTERS = {"bio": "OBI", "bioes": "OBIES"}


def strict_entities(tags: list[str], scheme: str) -> set[tuple[int, int, str]]:
    """Every span that is written as the scheme writes an entity, and that no longer one holds: by trying all."""
    found = set()
    for start in range(len(tags)):
        for end in range(start + 1, len(tags) + 1):
            letters = "".join(tag[0] for tag in tags[start:end])
            types = {tag[2:] for tag in tags[start:end]}
            if "O" in letters or len(types) > 1:
                continue
            if scheme == "bio":
                goes_on = end < len(tags) and tags[end] == f"I-{tags[start][2:]}"
                right = letters == "B" + "I" * (end - start - 1) and not goes_on
            else:
                right = letters == "S" or (len(letters) > 1 and letters == "B" + "I" * (end - start - 2) + "E")
            if right:
                found.add((start, end, types.pop()))
    return found


def random_sentences(scheme: str, rng: np.random.Generator, size: int) -> list[list[str]]:
    """Tags drawn without regard for any rule."""
    tags = ["O", *(f"{letter}-{type_}" for letter in LETTERS[scheme][1:] for type_ in ("a", "b"))]
    return [rng.choice(tags, rng.integers(1, 12)).tolist() for _ in range(size)]


@pytest.mark.parametrize("scheme", ["bio", "bioes"])
def test_scores_equal_those_of_another_scorer(scheme: Scheme) -> None:
    """On 2,000 random sequences, most of them illegal, entities and scores are those of the definition."""
    rng = np.random.default_rng(0)
    predicted, truth = (random_sentences(scheme, rng, 1000) for _ in range(2))
    predicted = [(one * 12)[: len(other)] for one, other in zip(predicted, truth, strict=True)]
    predicted[::2] = [[*other[:-1], "O"] for other in truth[::2]]  # some of it right
    tags = sorted({tag for sentence in [*predicted, *truth] for tag in sentence})
    number = {tag: place for place, tag in enumerate(tags)}
    scorer = Scorer(tags, scheme)
    flat_predicted, flat_truth = (
        np.asarray([number[tag] for sentence in part for tag in sentence]) for part in (predicted, truth)
    )
    first = np.concatenate([np.arange(len(sentence)) == 0 for sentence in truth])
    starts = np.cumsum([0, *map(len, truth)])
    wanted = [
        {(start + at, end + at, type_) for at, each in zip(starts, part, strict=False)
         for start, end, type_ in strict_entities(each, scheme)}
        for part in (predicted, truth)
    ]  # fmt: skip
    found = [
        {(int(a), int(b), scorer.types[t]) for a, b, t in scorer.found(each, first)}
        for each in (flat_predicted, flat_truth)
    ]
    assert found == wanted
    right = len(wanted[0] & wanted[1])
    scores = scorer.scores(flat_predicted, flat_truth, first)
    assert right > 100
    assert scores["precision"] == pytest.approx(right / len(wanted[0]), abs=1e-12)
    assert scores["recall"] == pytest.approx(right / len(wanted[1]), abs=1e-12)
    assert scores["f1"] == pytest.approx(2 * right / (len(wanted[0]) + len(wanted[1])), abs=1e-12)
    counts = scorer.counts(flat_predicted, flat_truth, first)
    assert counts.true.tolist() == [sum(entity[2] == name for entity in wanted[1]) for name in scorer.types]


def test_there_may_be_no_entity() -> None:
    """Scores are then 0, and words are still counted."""
    scorer = Scorer(["O", "B-a"], "bio")
    outside = np.zeros(3, dtype=np.int64)
    assert scorer.scores(outside, outside, outside == 1) == {"f1": 0, "precision": 0, "recall": 0, "accuracy": 1}


def test_plain_tags_are_entities_of_one_word() -> None:
    """F1 is then the share of right words, and O is a tag like others."""
    scorer = Scorer(["O", "B-a", "NOUN"], "plain")
    predicted, truth = np.asarray([0, 1, 2, 2]), np.asarray([0, 1, 2, 0])
    scores = scorer.scores(predicted, truth, predicted == -1)
    assert set(scores.values()) == {0.75}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_schemes_say_the_same(scheme: Scheme) -> None:
    """What is written in a scheme is legal in it, and read as the same entities, neighbours of one type included."""
    rng = np.random.default_rng(1)
    for sentence in random_sentences("bioes", rng, 200):
        wanted = entities(sentence)
        tags = written(wanted, len(sentence), scheme)
        assert entities(tags) == wanted
        assert not illegal(tags, scheme)
        if is_scheme(tags):
            assert scheme_of([tags]) == scheme or not illegal(tags, scheme_of([tags]))


@pytest.mark.parametrize(
    ("sentences", "scheme"),
    [
        (["O I-a I-a", "I-a B-a"], "iob1"),
        (["O B-a I-a"], "bio"),
        (["B-a L-a U-a O"], "bioes"),
        (["NOUN VERB"], "plain"),
        (["O O"], "plain"),
        (["B-a I"], "plain"),
        (["O B-a", "O B-a", "I-a O"], "bio"),
    ],
)
def test_schemes_are_recognized(sentences: list[str], scheme: Scheme) -> None:
    """By letters, and by which rules are broken least."""
    assert scheme_of([sentence.split() for sentence in sentences]) == scheme


def test_bilou_is_bioes() -> None:
    """L is an end, U a single word; nothing is illegal in it."""
    tags = ["B-a", "I-a", "L-a", "U-b", "O"]
    assert not illegal(tags, "bioes")
    assert written(entities(tags), 5, "bioes") == ["B-a", "I-a", "E-a", "S-b", "O"]


@pytest.mark.parametrize("scheme", ["bio", "bioes"])
def test_rules_allow_what_is_legal(scheme: Scheme) -> None:
    """Of all pairs of tags, and of all first and last ones, those are allowed that legal sentences have."""
    tags = ["O", *(f"{letter}-{type_}" for letter in LETTERS[scheme][1:] for type_ in ("a", "b"))]
    allowed = rules(tags, scheme)
    for number, tag in enumerate(tags):
        assert allowed.first[number] == (tag[0] in "OBS")
        assert allowed.last[number] == (scheme == "bio" or tag[0] in "OES")
        for other, after in enumerate(tags):
            opened = tag[0] in "BI" and after[0] in "IE" and tag[2:] == after[2:]
            closed = after[0] in "OBS" and (scheme == "bio" or tag[0] in "OES")
            assert allowed.follows[number, other] == (opened or closed)
