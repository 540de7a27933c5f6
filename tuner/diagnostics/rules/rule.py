"""What every rule is.

A rule looks at numbers that are recorded, so that a stored training is judged as a running one is;
except that whether the search pruned it (`Case.pruned`) is known only at its end.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Generic, TypeVar

from tuner.config.options import Options
from tuner.diagnostics.case import Case
from tuner.diagnostics.finding import Finding

T = TypeVar("T", bound=Options)


class Rule(ABC, Generic[T]):
    """Judges one symptom.

    Args:
        name: Its name in the catalog.
        limits: Its thresholds.
    """

    can_end: ClassVar[bool] = False
    """Whether its finding may be fatal; such a rule costs little."""
    needs_cause: ClassVar[bool] = False
    """Whether its finding is fatal only beside one of a rule that `is_cause`."""
    is_cause: ClassVar[bool] = False
    """Whether its finding can explain why nothing is learned, and does not pass by itself."""
    cured_anyway: ClassVar[bool] = False
    """Whether its cures are worth a trial even where much was learned; most symptoms do no harm then."""

    def __init__(self, name: str, limits: T) -> None:
        self.name, self.limits = name, limits

    @abstractmethod
    def judge(self, case: Case) -> Finding | None:
        """The finding, with the first epoch in which it was seen; None where the symptom is not there, or cannot be
        told from what was measured."""  # noqa: D205, D209

    def explains(self, finding: Finding) -> bool:  # noqa: ARG002 - contract
        """Whether this finding of the rule is bad enough to be such a cause."""
        return self.is_cause

    def finding(self, case: Case, epoch: int, evidence: str, threshold: str, **fields: Any) -> Finding:
        """A finding of this rule."""
        return Finding(
            name=self.name,
            epoch=epoch,
            step=case.step(epoch),
            evidence=evidence,
            threshold=threshold,
            **{"source": "ours", **fields},
        )
