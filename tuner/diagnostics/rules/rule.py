"""The contract of rules.

A rule uses recorded numbers only, so that a stored training is judged like a running one, except that `Case.pruned` is
known only at the end.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Generic, TypeVar

from tuner.config.options import Options
from tuner.diagnostics.case import Case
from tuner.diagnostics.finding import Finding

T = TypeVar("T", bound=Options)


class Rule(ABC, Generic[T]):
    """Looks for one symptom.

    Args:
        name: Its name in the catalog.
        limits: Its thresholds.
    """

    can_end: ClassVar[bool] = False
    """Whether its finding may be fatal; such a rule costs little."""
    needs_cause: ClassVar[bool] = False
    """Whether its finding is fatal only together with one of a rule that `is_cause`."""
    is_cause: ClassVar[bool] = False
    """Whether its finding can explain why nothing is learned, and does not disappear by itself."""
    cured_anyway: ClassVar[bool] = False
    """Whether its cures are worth a trial even if much was learned; most symptoms do no harm then."""

    def __init__(self, name: str, limits: T) -> None:
        self.name, self.limits = name, limits

    @abstractmethod
    def judge(self, case: Case) -> Finding | None:
        """The finding, with the first epoch in which it was seen; None if the symptom is absent or was not measured."""

    def explains(self, finding: Finding) -> bool:  # noqa: ARG002 - contract
        """Whether this finding is severe enough to be a cause (see `is_cause`)."""
        return self.is_cause

    def finding(self, case: Case, epoch: int, evidence: str, threshold: str, **fields: Any) -> Finding:
        """Make a finding of this rule."""
        return Finding(
            name=self.name,
            epoch=epoch,
            step=case.step(epoch),
            evidence=evidence,
            threshold=threshold,
            **{"source": "ours", **fields},
        )
