"""A CRF beside the sum over all paths, and the network of tags: masked and padded equal single."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.support.adapter_data import tagged
from tuner.adapters.base import Batch
from tuner.adapters.nlp.tagging.adapter import Tagging
from tuner.adapters.nlp.tagging.crf import Chain, best_path, log_partition, marginals, negative_log_likelihood
from tuner.adapters.nlp.tagging.options import TaggingOptions
from tuner.adapters.nlp.tagging.problem import TaggingProblem
from tuner.adapters.nlp.tagging.schemes import rules

TAGS, LENGTHS = 4, (5, 1, 3, 2)


def made(scale: float = 1.0) -> tuple[Tensor, Chain, Tensor, Tensor]:
    """Scores in float64, tags, and which words there are."""
    torch.manual_seed(0)
    emission = torch.randn(len(LENGTHS), max(LENGTHS), TAGS, dtype=torch.float64) * scale
    parts = (torch.randn(shape, dtype=torch.float64) * scale for shape in ((TAGS, TAGS), (TAGS,), (TAGS,)))
    valid = torch.arange(max(LENGTHS)) < torch.tensor(LENGTHS)[:, None]
    return emission.requires_grad_(), Chain(*(part.requires_grad_() for part in parts)), emission.argmin(2), valid


def score(path: tuple[int, ...], emission: Tensor, chain: Chain) -> Tensor:
    """The score of a path, term by term."""
    total = chain.start[path[0]] + chain.end[path[-1]]
    for step, tag in enumerate(path):
        total = total + emission[step, tag]
    for before, after in itertools.pairwise(path):
        total = total + chain.transition[before, after]
    return total


def all_paths(length: int) -> list[tuple[int, ...]]:
    """Every path of so many words."""
    return list(itertools.product(range(TAGS), repeat=length))


def test_likelihood_and_gradients_are_those_of_all_paths() -> None:
    """The loss and its gradient in every score equal the sum over all paths, to 12 digits."""
    emission, chain, tags, valid = made()
    found = negative_log_likelihood(emission, chain, tags, valid)
    wanted = []
    for item, length in enumerate(LENGTHS):
        scores = torch.stack([score(path, emission[item], chain) for path in all_paths(length)])
        wanted.append(scores.logsumexp(0) - score(tuple(tags[item, :length].tolist()), emission[item], chain))
    assert torch.allclose(found, torch.stack(wanted), rtol=1e-12, atol=1e-12)
    inputs = (emission, *chain)
    gradients = torch.autograd.grad(found.sum(), inputs)
    by_hand = torch.autograd.grad(torch.stack(wanted).sum(), inputs)
    assert all(torch.allclose(one, other, atol=1e-12) for one, other in zip(gradients, by_hand, strict=True))


@pytest.mark.parametrize("scale", [1.0, 300.0])
def test_best_path_and_its_score_are_those_of_all_paths(scale: float) -> None:
    """Viterbi finds the path that no other exceeds; with large scores sums stay finite."""
    emission, chain, _, valid = made(scale)
    found = best_path(emission, chain, valid)
    for item, length in enumerate(LENGTHS):
        paths = all_paths(length)
        scores = torch.stack([score(path, emission[item], chain) for path in paths])
        assert tuple(found[item, :length].tolist()) == paths[int(scores.argmax())]
        one = log_partition(emission[item : item + 1], chain, valid[item : item + 1])
        assert torch.allclose(one, scores.logsumexp(0), rtol=1e-12)


def test_probabilities_of_single_tags_are_those_of_all_paths() -> None:
    """And, as theory has it, the gradient of the partition's logarithm."""
    emission, chain, _, valid = made()
    found = marginals(emission, chain, valid)
    (gradient,) = torch.autograd.grad(log_partition(emission, chain, valid).sum(), emission)
    assert torch.allclose(found[valid], gradient[valid], atol=1e-12)
    for item, length in enumerate(LENGTHS):
        paths = all_paths(length)
        weights = torch.stack([score(path, emission[item], chain) for path in paths]).softmax(0).detach()
        for step, tag in itertools.product(range(length), range(TAGS)):
            wanted = sum(weight for path, weight in zip(paths, weights, strict=True) if path[step] == tag)
            assert found[item, step, tag].item() == pytest.approx(float(torch.as_tensor(wanted)), abs=1e-12)


def problem_of(folder: Path, **options: Any) -> TaggingProblem:
    """An opened problem of small data."""
    (folder / "made").mkdir()
    adapter = Tagging(TaggingOptions(**tagged(**options)(folder)))
    adapter.prepare(folder / "made")
    return adapter.problem(folder / "made")


@pytest.mark.parametrize("characters", ["cnn", "lstm", "none"])
@pytest.mark.parametrize("decoder", ["softmax", "crf"])
def test_padded_equals_single(tmp_path: Path, decoder: str, characters: str) -> None:
    """Loss, tags and probabilities of a padded batch are those of each sentence by itself."""
    problem = problem_of(tmp_path, decoder=decoder, characters=characters, character_windows=(2, 5))
    batch = next(iter(problem.dataset("train").batches(48)))
    lengths = (batch.y >= 0).sum(1)
    assert len(set(lengths.tolist())) > 1
    torch.manual_seed(0)
    encoder = problem.encoder().eval()
    head = problem.head(encoder.output_size)

    def predicted(one: Batch) -> tuple[Tensor, Tensor, Tensor]:
        scores = head(encoder(one.x))
        valid = one.y >= 0
        return problem.reduce(scores, one), problem.decoded(scores, valid), problem.probabilities(scores, valid)

    together = predicted(batch)
    losses = []
    for item, length in enumerate(lengths.tolist()):
        part = slice(item, item + 1)
        single = Batch(batch.x[part, :length], None, batch.y[part, :length])
        losses.append(problem.loss(head(encoder(single.x)), single) * length)
        for whole, alone in zip(together, predicted(single), strict=True):
            assert torch.allclose(whole[part, :length].double(), alone.double(), atol=1e-6)
    mean = torch.stack(losses).sum() / lengths.sum()
    assert problem.loss(head(encoder(batch.x)), batch).item() == pytest.approx(mean.item(), abs=1e-5)


@pytest.mark.parametrize("learned_scheme", ["bio", "bioes"])
@pytest.mark.parametrize("decoder", ["softmax", "crf"])
def test_answers_keep_to_the_scheme(tmp_path: Path, decoder: str, learned_scheme: str) -> None:
    """Whatever the scores, tags follow each other as the scheme allows, and are the best of those that do."""
    problem = problem_of(tmp_path, decoder=decoder, learned_scheme=learned_scheme)
    follows, first, last = (torch.from_numpy(part) for part in rules(problem.classes, problem.scheme))
    torch.manual_seed(0)
    scores = torch.randn(50, 4, len(problem.classes)) * 3
    if decoder == "crf":
        scores = torch.cat((torch.randn(len(problem.classes) + 2, scores.shape[2]).expand(50, -1, -1), scores), dim=1)
    valid = torch.arange(4) < torch.randint(1, 5, (50, 1))
    tags = problem.decoded(scores, valid)
    lengths = valid.sum(1)
    assert bool(first[tags[:, 0]].all())
    assert bool(last[tags[torch.arange(50), lengths - 1]].all())
    assert bool((follows[tags[:, :-1], tags[:, 1:]] | ~valid[:, 1:]).all())
    if decoder == "softmax":
        for item in torch.nonzero(lengths == 2).flatten().tolist():
            pair = scores[item, 0, :, None] + scores[item, 1, None, :]
            pair = pair.masked_fill(~(follows & first[:, None] & last[None, :]), -torch.inf)
            assert tags[item, 0] * len(problem.classes) + tags[item, 1] == pair.argmax()


def test_rare_words_are_unknown_now_and_then(tmp_path: Path) -> None:
    """In training a word that is there n times is unknown with probability a / (a + n); in evaluation never."""
    problem = problem_of(tmp_path, word_dropout=1.0, characters="none", casing=False)
    encoder = problem.encoder()
    rates = encoder.unknown_rate_V
    assert rates is not None
    torch.manual_seed(0)
    for number in (2, len(rates) - 1):
        x = torch.full((200, 50, problem_columns(problem)), number)
        unknown = (encoder.train()(x) == encoder.words.weight[1]).all(dim=-1).double().mean().item()
        assert unknown == pytest.approx(rates[number].item(), abs=0.02)
        assert not (encoder.eval()(x) == encoder.words.weight[1]).all(dim=-1).any()
    assert rates[-1] > 0.3 > rates[2] > 0


def problem_columns(problem: TaggingProblem) -> int:
    """Numbers per word."""
    return 2 + problem.vocabulary.width


def test_unseen_tags_have_no_likelihood(tmp_path: Path) -> None:
    """Words whose tag training does not know count as wrong, and not in the loss; with a CRF their sentences do not."""
    for decoder in ("softmax", "crf"):
        folder = tmp_path / decoder
        folder.mkdir()
        problem = problem_of(folder, decoder=decoder)
        torch.manual_seed(0)
        tags = len(problem.classes)
        scores = torch.randn(2, 2, tags)
        if decoder == "crf":
            scores = torch.cat((torch.randn(tags + 2, tags).expand(2, -1, -1), scores), dim=1)
        known = Batch(torch.zeros(2, 2, 3), None, torch.tensor([[0, 1], [0, 1]]))
        unknown = Batch(torch.zeros(2, 2, 3), None, torch.tensor([[0, 1], [0, tags]]))
        one, other = (problem.reduce(scores, batch) for batch in (known, unknown))
        assert one[..., 1].sum() == 4
        assert other[..., 1].sum() == (3 if decoder == "softmax" else 2)
        assert torch.equal(one[0], other[0])
        assert other[1, :, 0].sum() < one[1, :, 0].sum()
