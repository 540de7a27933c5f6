"""Defaults of attributes that adapters outside the package may lack, because the contract has grown since.

Only this module reads such attributes of adapters and problems.
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
    """`Adapter.defaults`; empty without the attribute."""
    defaults: Mapping[str, Any] = getattr(adapter, "defaults", {})
    return defaults


def demands_of(adapter: Adapter) -> Demands:
    """`Adapter.demands`; no demands without the attribute."""
    demands: Demands = getattr(adapter, "demands", Demands())
    return demands


def propose_of(adapter: type[Adapter]) -> Propose | None:
    """`Adapter.propose`; None without the attribute: the adapter then proposes nothing."""
    propose: Propose | None = getattr(adapter, "propose", None)
    return propose


def described_by(adapter: Adapter, folder: Path, prepared: Prepared) -> Described:
    """`Adapter.described`; empty without the method."""
    return adapter.described(folder, prepared) if hasattr(adapter, "described") else Described()


def has_codec(adapter: type[Adapter]) -> bool:
    """Whether models of the adapter can predict: it has both `Adapter.codec` and `Adapter.model_files`."""
    return bool(getattr(adapter, "model_files", ())) and hasattr(adapter, "codec")


def completed(problem: Problem, folder: Path) -> Problem:
    """The problem with every attribute of the contract.

    Args:
        problem: As opened by the adapter.
        folder: The prepared data, whose `Prepared.lag` is the default of the problem's `lag`.
    """
    if hasattr(problem, "lag") and hasattr(problem, "every_step"):
        return problem
    return _Completed(problem, json.loads((folder / PREPARED).read_text())["lag"])


def gives_logits(problem: Problem) -> bool:
    """`Problem.logits`; false without the attribute."""
    return bool(getattr(problem, "logits", False))


def overlap_of(problem: Problem) -> int:
    """Number of consecutive items that overlap, see `Problem`; 1 without the attribute."""
    return int(getattr(problem, "overlap", 1))


def number_of_folds(problem: Problem) -> int:
    """The attribute `folds`, see `tuner.adapters.folds.FoldedProblem`; 1 without it."""
    return int(getattr(problem, "folds", 1))


def folds_of(problem: Problem) -> list[Problem]:
    """The problem of each fold, see `tuner.adapters.folds.FoldedProblem`; only itself without these attributes."""
    number = number_of_folds(problem)
    return [problem] if number == 1 else [problem.of_fold(fold) for fold in range(number)]  # type: ignore[attr-defined]


def forbids_looking_ahead(problem: Problem) -> bool:
    """Whether the attribute `causal` is true, which the first contract had in place of `Demands.causal`."""
    return bool(getattr(problem, "causal", False))


class _Completed:
    """Adds the missing attributes to a problem; all else is the problem's own."""

    def __init__(self, problem: Problem, lag: int) -> None:
        self._problem = problem
        self.lag: int = getattr(problem, "lag", lag)
        self.every_step: bool = getattr(problem, "every_step", False)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._problem, name)
