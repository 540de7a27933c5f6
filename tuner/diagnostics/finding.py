"""What is told of a training: a symptom, its evidence, and what to try."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A symptom that was seen in one training.

    Args:
        name: The rule's name in the catalog: "vanishing_gradient".
        where: Tensor, cell or gate; "" where it is the whole training.
        epoch: First epoch in which it was seen, from 1.
        step: Optimizer step at the end of that epoch; 0 where it is not known.
        evidence: One sentence with its numbers.
        numbers: Those numbers by name.
        threshold: What they were held against, in words.
        source: Where the threshold comes from.
        remedies: What to try, most promising first, in words.
        fatal: Whether the training is hopeless: it may be ended.
    """

    name: str
    where: str = ""
    epoch: int
    step: int = 0
    evidence: str
    numbers: Mapping[str, float] = field(default_factory=dict)
    threshold: str
    source: str
    remedies: tuple[str, ...] = ()
    fatal: bool = False

    @property
    def title(self) -> str:
        """The name in words: "vanishing gradient"."""
        return self.name.replace("_", " ")

    def as_json(self) -> dict[str, Any]:
        """JSON-able fields, as `results["findings"]` of an ended run holds them."""
        return {**asdict(self), "remedies": list(self.remedies)}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Finding:
        """The finding that `as_json` gave."""
        return cls(**{**fields, "remedies": tuple(fields["remedies"])})
