"""The verdict on a study, in sentences: one value that terminal, notebook, model card, MLflow and report all show.

It is made in `sweep/concluding.py`. Plain data, free of third parties.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Verdict:
    """The verdict on a study, in sentences; each is "" if there is nothing to say. Made once, at the end of a sweep.

    Args:
        sentence: Whether the winner is better than the trivial predictor.
        beats: Whether the winner is better, on every split that was scored.
        use: Which model, with the parameters that matter most.
        good: How good it is on data that the search never saw, in the most readable score.
        noise: Whether its lead over the baseline is beyond noise.
        remarks: Its score in the search; a test score far from the validation score.
        mattered: Which parameters mattered, or why that cannot be said.
        advice: What to try if the winner is not better than the trivial predictor.
        next: The next commands, most useful first: (purpose, command).
        score: The score of `good`, with its split: "test/accuracy".
        scores: "winner", "baseline", "trivial" and names of the methods in `floors` -> mean of that score.
        floors: Whether the winner is better than other methods that are no networks, each by name; "" without any.
    """

    sentence: str = ""
    beats: bool = True
    use: str = ""
    good: str = ""
    noise: str = ""
    remarks: Sequence[str] = ()
    mattered: str = ""
    advice: str = ""
    next: Sequence[Sequence[str]] = ()
    score: str = ""
    scores: Mapping[str, float] = field(default_factory=dict)
    floors: str = ""

    @property
    def lines(self) -> list[str]:
        """All sentences in their order, bad news first."""
        first = (
            [self.use, self.good, self.sentence] if self.beats else [self.sentence, self.advice, self.use, self.good]
        )
        return [line for line in (*first, self.floors, self.noise, *self.remarks, self.mattered) if line]

    def details(self, sentences: Sequence[str]) -> list[str]:
        """The sentences of a study that are not part of the verdict."""
        return [sentence for sentence in sentences if not any(sentence in line for line in self.lines)]

    def as_json(self) -> dict[str, Any]:
        """JSON-able fields."""
        return asdict(self)
