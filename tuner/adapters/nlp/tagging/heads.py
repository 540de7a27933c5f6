"""From features of words to scores: of tags, of transitions, and of the sentence's intent.

Letters of shapes: B sentences of a batch, T words, F features, K tags, J intents; S = T rows of scores, with a CRF
K + 2 + T.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from tuner.adapters.nlp.tagging.crf import Chain, packed


class CrfHead(nn.Linear):
    """Scores of each word's tags and of transitions, initially near 0: (B, T, F) to `crf.packed`.

    Args:
        input_size: Features F.
        tags: Tags K.
    """

    def __init__(self, input_size: int, tags: int) -> None:
        super().__init__(input_size, tags)
        self.transition = nn.Parameter(torch.empty(tags, tags).uniform_(-0.1, 0.1))
        self.start = nn.Parameter(torch.empty(tags).uniform_(-0.1, 0.1))
        self.end = nn.Parameter(torch.empty(tags).uniform_(-0.1, 0.1))

    def forward(self, y_BTF: Tensor) -> Tensor:
        """See the class."""
        return packed(super().forward(y_BTF), Chain(self.transition, self.start, self.end))


class IntentHead(nn.Module):
    """Scores of tags, then each word's scores of the sentence's intent: (B, T, F) to (B, S, K + J + 1).

    The last one is the word's attention score, see `intent_scores`; the added columns are 0 in rows of transitions.

    Args:
        tags: The head of the tags.
        input_size: Features F.
        intents: Number of intents J.

    Reference:
        Liu & Lane 2016, arXiv:1609.01454: tags and intent from one encoder, the intent by attention over the words.
        Deviation: a word's attention score depends on its own features alone.
    """

    def __init__(self, tags: nn.Linear, input_size: int, intents: int) -> None:
        super().__init__()
        self.tags, self.intents = tags, nn.Linear(input_size, intents + 1)

    def forward(self, y_BTF: Tensor) -> Tensor:
        """See the class."""
        tags_BSK, intents_BTJ = self.tags(y_BTF), self.intents(y_BTF)
        before = tags_BSK.shape[1] - intents_BTJ.shape[1]
        return torch.cat((tags_BSK, functional.pad(intents_BTJ, (0, 0, before, 0))), dim=-1)


def intent_scores(prediction_BSM: Tensor, tags: int, valid_BT: Tensor) -> Tensor:
    """A logit per intent of each sentence, (B, J): the mean over its words, weighted by a softmax over them.

    Args:
        prediction_BSM: Output of an `IntentHead`.
        tags: Tags K.
        valid_BT: False at padding.
    """
    of_words_BTJ = prediction_BSM[:, prediction_BSM.shape[1] - valid_BT.shape[1] :, tags:]
    counts_BT = of_words_BTJ[..., -1].masked_fill(~valid_BT, -torch.inf).softmax(dim=1)
    return (counts_BT[..., None] * of_words_BTJ[..., :-1]).sum(dim=1)
