"""What an adapter outside the package may lack, as the contract has grown since it was written, and what holds then.

Adapter and problem are asked for such attributes here and nowhere else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuner.adapters.base import Adapter, Demands, Prepared
from tuner.adapters.described import Described
from tuner.adapters.preparing import PREPARED

if TYPE_CHECKING:
    from tuner.adapters.base import Problem
    from tuner.adapters.proposal import Propose


def defaults_of(adapter: type[Adapter]) -> Mapping[str, Any]:
    """`Adapter.defaults`; none where it has no such attribute."""
    defaults: Mapping[str, Any] = getattr(adapter, "defaults", {})
    return defaults


def demands_of(adapter: Adapter) -> Demands:
    """`Adapter.demands`; nothing is asked of the network where it has no such attribute."""
    demands: Demands = getattr(adapter, "demands", Demands())
    return demands


def propose_of(adapter: type[Adapter]) -> Propose | None:
    """`Adapter.propose`; None where it has no such attribute: it then proposes nothing."""
    propose: Propose | None = getattr(adapter, "propose", None)
    return propose


def described_by(adapter: Adapter, folder: Path, prepared: Prepared) -> Described:
    """`Adapter.described`; nothing is told where it has no such method."""
    return adapter.described(folder, prepared) if hasattr(adapter, "described") else Described()


def has_codec(adapter: type[Adapter]) -> bool:
    """Whether models of the adapter answer: it has both `Adapter.codec` and `Adapter.model_files`."""
    return bool(getattr(adapter, "model_files", ())) and hasattr(adapter, "codec")


def completed(problem: Problem, folder: Path) -> Problem:
    """The problem with every attribute of the contract.

    Args:
        problem: As the adapter opened it.
        folder: The prepared data, whose `Prepared.lag` is the problem's own where it tells none.
    """
    if hasattr(problem, "lag") and hasattr(problem, "every_step"):
        return problem
    return _Completed(problem, json.loads((folder / PREPARED).read_text())["lag"])


def gives_logits(problem: Problem) -> bool:
    """`Problem.logits`; false where it has no such attribute."""
    return bool(getattr(problem, "logits", False))


def overlap_of(problem: Problem) -> int:
    """Items in a row that share what they are of, see `Problem`; 1 where it has no such attribute."""
    return int(getattr(problem, "overlap", 1))


def folds_of(problem: Problem) -> list[Problem]:
    """The problem of each fold, see `tuner.adapters.folds.FoldedProblem`; itself where it has no such attributes."""
    number = int(getattr(problem, "folds", 1))
    return [problem] if number == 1 else [problem.of_fold(fold) for fold in range(number)]  # type: ignore[attr-defined]


def forbids_looking_ahead(problem: Problem) -> bool:
    """Whether a problem of the first contract, which had no `Demands.causal`, says so by its attribute `causal`."""
    return bool(getattr(problem, "causal", False))


class _Completed:
    """A problem with what it lacks; all else is its own."""

    def __init__(self, problem: Problem, lag: int) -> None:
        self._problem = problem
        self.lag: int = getattr(problem, "lag", lag)
        self.every_step: bool = getattr(problem, "every_step", False)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._problem, name)
