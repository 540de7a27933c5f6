"""A conditional random field over the tags of a sentence: likelihood, best path, and probabilities of single tags.

score(y) = start[y_1] + sum_t emission[t, y_t] + sum_t transition[y_(t-1), y_t] + end[y_T]
p(y) = exp(score(y)) / sum over all y' of exp(score(y'))

Each step is a product of matrices over the whole batch. Sums are taken from the largest term on, so that nothing
overflows.

Letters of shapes: B sentences, T words, K tags. Padding is on the right; every sentence has at least one word.

Reference:
    Lafferty, McCallum and Pereira 2001, ICML; Lample et al. 2016, arXiv:1603.01360, section 2.2. Deviation: scores of
    the first and the last tag are separate vectors, not two additional tags.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Chain(NamedTuple):
    """Scores of transitions, and of the first and last tag."""

    transition: Tensor
    """From a tag to the next one, (K, K)."""
    start: Tensor
    end: Tensor


def packed(emission_BTK: Tensor, chain: Chain) -> Tensor:
    """All scores in one tensor, (B, K + 2 + T, K): the rows of the chain, the same in each item, then those of words.

    Code that averages or stores predictions thus has all that scoring needs.
    """
    chain_SK = torch.cat((chain.transition, chain.start[None], chain.end[None]))
    return torch.cat((chain_SK.expand(emission_BTK.shape[0], -1, -1), emission_BTK), dim=1)


def unpacked(prediction_BSK: Tensor) -> tuple[Tensor, Chain]:
    """Scores of words, (B, T, K), and of transitions: the inverse of `packed`."""
    tags = prediction_BSK.shape[2]
    chain_SK = prediction_BSK[0, : tags + 2]
    return prediction_BSK[:, tags + 2 :], Chain(chain_SK[:tags], chain_SK[tags], chain_SK[tags + 1])


def negative_log_likelihood(emission_BTK: Tensor, chain: Chain, tag_BT: Tensor, valid_BT: Tensor) -> Tensor:
    """-log p of the tags of each sentence, in nats, (B,).

    Args:
        emission_BTK: Scores of the tags.
        chain: Scores of transitions.
        tag_BT: int64; any tag at padding.
        valid_BT: False at padding.
    """
    return log_partition(emission_BTK, chain, valid_BT) - path_score(emission_BTK, chain, tag_BT, valid_BT)


def path_score(emission_BTK: Tensor, chain: Chain, tag_BT: Tensor, valid_BT: Tensor) -> Tensor:
    """The score of each sentence's tags, (B,)."""
    of_words_BT = emission_BTK.gather(2, tag_BT[..., None]).squeeze(2) * valid_BT
    steps_BT = chain.transition[tag_BT[:, :-1], tag_BT[:, 1:]] * valid_BT[:, 1:]
    last_B = tag_BT.gather(1, (valid_BT.sum(1) - 1)[:, None]).squeeze(1)
    return of_words_BT.sum(1) + steps_BT.sum(1) + chain.start[tag_BT[:, 0]] + chain.end[last_B]


def log_partition(emission_BTK: Tensor, chain: Chain, valid_BT: Tensor) -> Tensor:
    """The logarithm of the sum over all paths, (B,)."""
    alpha_BK = _forward(emission_BTK, chain, valid_BT)[-1]
    return torch.logsumexp(alpha_BK + chain.end, dim=1)


def marginals(emission_BTK: Tensor, chain: Chain, valid_BT: Tensor) -> Tensor:
    """The probability of each tag of each word, (B, T, K); meaningless at padding."""
    alpha_BTK = torch.stack(_forward(emission_BTK, chain, valid_BT), dim=1)
    beta_BK = chain.end.expand_as(alpha_BTK[:, 0])
    betas = [beta_BK]
    for step in range(emission_BTK.shape[1] - 1, 0, -1):
        before_BK = _product(emission_BTK[:, step] + beta_BK, chain.transition.t())
        beta_BK = torch.where(valid_BT[:, step, None], before_BK, beta_BK)
        betas.append(beta_BK)
    return (alpha_BTK + torch.stack(betas[::-1], dim=1)).softmax(dim=-1)


def best_path(emission_BTK: Tensor, chain: Chain, valid_BT: Tensor) -> Tensor:
    """The tags with the highest score, int64 (B, T), by Viterbi's algorithm; padding repeats the last valid one."""
    score_BK = chain.start + emission_BTK[:, 0]
    same_BK = torch.arange(score_BK.shape[1], device=score_BK.device).expand_as(score_BK)
    pointers = []
    for step in range(1, emission_BTK.shape[1]):
        best_BK, from_BK = (score_BK[:, :, None] + chain.transition).max(dim=1)
        valid_B1 = valid_BT[:, step, None]
        score_BK = torch.where(valid_B1, best_BK + emission_BTK[:, step], score_BK)
        pointers.append(torch.where(valid_B1, from_BK, same_BK))
    tag_B1 = (score_BK + chain.end).argmax(dim=1, keepdim=True)
    path = [tag_B1]
    for from_BK in reversed(pointers):
        tag_B1 = from_BK.gather(1, tag_B1)
        path.append(tag_B1)
    return torch.cat(path[::-1], dim=1)


def _forward(emission_BTK: Tensor, chain: Chain, valid_BT: Tensor) -> list[Tensor]:
    """The logarithm of the sum over all partial paths to each tag, (B, K) per word; carried on at padding."""
    alpha_BK = chain.start + emission_BTK[:, 0]
    alphas = [alpha_BK]
    for step in range(1, emission_BTK.shape[1]):
        after_BK = _product(alpha_BK, chain.transition) + emission_BTK[:, step]
        alpha_BK = torch.where(valid_BT[:, step, None], after_BK, alpha_BK)
        alphas.append(alpha_BK)
    return alphas


def _product(score_BK: Tensor, transition_KK: Tensor) -> Tensor:
    """log(exp(score) @ exp(transition))."""
    top_B1 = score_BK.detach().amax(dim=1, keepdim=True)
    top_1K = transition_KK.detach().amax(dim=0, keepdim=True)
    product_BK = (score_BK - top_B1).exp() @ (transition_KK - top_1K).exp()
    return product_BK.clamp_min(torch.finfo(product_BK.dtype).tiny).log() + top_B1 + top_1K
