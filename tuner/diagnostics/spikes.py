"""Loss spikes: how often the training loss rose far above what it had been."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

WINDOW = 100
"""Steps that a loss is held against."""
LEAST = 20
"""Steps before which nothing is said."""
EVERY = 10
"""Steps after which their median and MAD are computed anew."""
DEVIATIONS = 6.0


class Spikes:
    """Counts times that the loss rose above median + 6 MAD of the last 100 steps; a rise counts once, however long."""

    def __init__(self) -> None:
        self._recent: deque[float] = deque(maxlen=WINDOW)
        self._steps, self._limit, self._above = 0, math.inf, False

    def count(self, losses: Sequence[float]) -> int:
        """Spikes in the losses of the next steps."""
        spikes = 0
        for start in range(0, len(losses), EVERY):
            spikes += self._count(losses[start : start + EVERY])
        return spikes

    def _count(self, losses: Sequence[float]) -> int:
        """Of at most `EVERY` steps, in which the limit changes once at most."""
        until = -self._steps % EVERY
        before, after = losses[:until], losses[until:]
        spikes = self._above_limit(before)
        if after:
            if self._steps >= LEAST:
                middle = median(self._recent)
                self._limit = middle + DEVIATIONS * median([abs(loss - middle) for loss in self._recent])
            spikes += self._above_limit(after)
        return spikes

    def _above_limit(self, losses: Sequence[float]) -> int:
        spikes = 0
        for loss in losses:
            spikes += loss > self._limit and not self._above
            self._above = loss > self._limit
        self._recent.extend(losses)
        self._steps += len(losses)
        return spikes

    def state_dict(self) -> dict[str, Any]:
        """JSON-able: what is needed to go on."""
        limit = None if math.isinf(self._limit) else self._limit
        return {"recent": list(self._recent), "steps": self._steps, "limit": limit, "above": self._above}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        self._recent = deque(state["recent"], WINDOW)
        self._steps, self._above = state["steps"], state["above"]
        self._limit = math.inf if state["limit"] is None else state["limit"]
