"""Networks whose predictions are averaged. Letters of shapes: B batch, M members."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import reduce

import torch
from torch import Tensor, nn

from tuner.nets.cell import State
from tuner.nets.network import Network


class Ensemble(nn.Module):
    """Several trainings of one configuration that predict as one network.

    For logits the probabilities are averaged (at each step, with a prediction per step), p = (p_1 + ... + p_M) / M; the
    result is their logarithms, which are logits again. All other predictions are averaged directly.

    Args:
        members: Networks of one shape, 1 or more.
        logits: Whether the last axis of a prediction holds a logit per class; see `tuner.adapters.base.Problem.logits`.

    Reference:
        Lakshminarayanan, Pritzel and Blundell 2017, arXiv:1612.01474, section 2.4: probabilities of networks that
        differ by their seeds. Mikolov et al. 2010, Interspeech: the same of recurrent language models.
    """

    def __init__(self, members: Iterable[Network], *, logits: bool) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self._logits = logits

    @property
    def encoder(self) -> nn.Module:
        """The encoder of the first member: all take the same input."""
        return self._networks[0].encoder

    def forward(self, x: Tensor, lengths_B: Tensor | None = None) -> Tensor:
        """The averaged prediction of a padded batch; see `Network.forward`."""
        return self._averaged([member(x, lengths_B) for member in self.members])

    def read(
        self, x: Tensor, lengths_B: Tensor | None = None, states: Sequence[Sequence[State]] | None = None
    ) -> tuple[Tensor, list[list[State]]]:
        """The averaged prediction from given states of each member, and their states afterwards; see `Network.read`."""
        begun: Sequence[Sequence[State] | None] = states or [None] * len(self.members)
        found = [member.read(x, lengths_B, before) for member, before in zip(self._networks, begun, strict=True)]
        return self._averaged([prediction for prediction, _ in found]), [after for _, after in found]

    @property
    def _networks(self) -> list[Network]:
        return list(self.members)  # type: ignore[arg-type]  # torch types no members

    def _averaged(self, predictions: Sequence[Tensor]) -> Tensor:
        if not self._logits:
            return torch.stack(list(predictions)).mean(0)
        logs = (prediction.log_softmax(-1) for prediction in predictions)
        return reduce(torch.logaddexp, logs) - math.log(len(predictions))
