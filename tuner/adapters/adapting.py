"""Problems whose networks go on learning while they are scored. Importing it does not import torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from tuner.adapters.base import Problem, Split

if TYPE_CHECKING:
    from torch import nn


@runtime_checkable
class AdaptingProblem(Problem, Protocol):
    """A problem whose networks can go on learning from what they have been scored on: dynamic evaluation.

    Only the test and new data are scored so, beside the scores of the network as it is.
    """

    @property
    def adapts(self) -> bool:
        """Whether the options ask for it; else none of the methods is called."""
        ...

    def equip(self, network: nn.Module) -> None:
        """Add the buffers that adapting needs to a network or an ensemble, empty; a model's weights hold them."""
        ...

    def collect(self, network: nn.Module) -> None:
        """Fill these buffers of a trained network from training data."""
        ...

    def tune(self, network: nn.Module) -> dict[str, float]:
        """Choose on validation data what the options leave open: option -> value; models keep the values."""
        ...

    def fitted(self, values: Mapping[str, float]) -> Problem:
        """A copy of the problem with these values."""
        ...

    def adapted(self, network: nn.Module, split: Split) -> dict[str, float]:
        """Scores of a split by a network that learns from each part of it once that is scored; it is left unchanged.

        Their names are those of `evaluate` after `tuner.words.DYNAMIC`.
        """
        ...


def adapting(problem: Problem) -> AdaptingProblem | None:
    """The problem, if its networks go on learning while they are scored; else None."""
    return problem if isinstance(problem, AdaptingProblem) and problem.adapts else None
