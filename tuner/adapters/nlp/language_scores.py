"""Metrics of a text that is predicted token by token, and of the predictor that knows only the tokens' frequencies."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.nlp.units import Vocabulary, WordEnds


def scores_of(
    nats: float, hits: float, found_K: NDArray[np.int64], words: int, lengths_K: NDArray[np.float64], spelling: float
) -> dict[str, float]:
    """All metrics of a text.

    Args:
        nats: Cross-entropy, summed over all its tokens.
        hits: Number of tokens that were predicted as most probable.
        found_K: Count of each token; the text is not empty.
        words: Number of words that end in it.
        lengths_K: Characters that each token stands for.
        spelling: Nats to spell out an unknown symbol.
    """
    num_tokens = int(found_K.sum())
    loss, whole = nats / num_tokens, nats + spelling * found_K[0]
    return {
        "loss": loss,
        "bpc": float(whole / np.log(2) / max(found_K @ lengths_K, 1)),
        "word_perplexity": float(np.exp(np.minimum(whole / max(words, 1), 700))),
        "perplexity": float(np.exp(np.minimum(loss, 700))),  # exp(710) overflows a float
        "accuracy": hits / num_tokens,
    }


def unigram_scores(
    counts_K: NDArray[np.int64], token_N: NDArray[np.int64], vocabulary: Vocabulary, ends: WordEnds
) -> dict[str, float]:
    """Scores of the trivial predictor, which knows only the token frequencies of the training text.

    With counts n_k of N tokens, p_k = (n_k + 1) / (N + K) (Laplace).

    Args:
        counts_K: Occurrences of each token in the training text.
        token_N: The text that is scored.
        vocabulary: What the tokens stand for.
        ends: Which of them end words.
    """
    nats_K = np.log(counts_K.sum() + len(counts_K)) - np.log(counts_K + 1)
    found_K = np.bincount(token_N, minlength=len(counts_K))
    nats, hits = float(found_K @ nats_K), float(found_K[counts_K.argmax()])
    words = ends.number(np.concatenate(([0], token_N[:-1])), token_N)
    return scores_of(nats, hits, found_K, words, vocabulary.lengths, vocabulary.spelling)
