"""Loss spikes: how often the training loss rose far above its recent values."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

WINDOW = 100
"""Number of recent steps with which a loss is compared."""
LEAST = 20
"""Number of steps before the first spike can be counted."""
EVERY = 10
"""Number of steps after which median and MAD are computed again."""
DEVIATIONS = 6.0


class Spikes:
    """Counts rises of the loss above median + 6 MAD of the last 100 steps; a rise counts once, however long."""

    def __init__(self) -> None:
        self._recent: deque[float] = deque(maxlen=WINDOW)
        self._steps, self._limit, self._above = 0, math.inf, False

    def count(self, losses: Sequence[float]) -> int:
        """The number of spikes in the losses of the next steps."""
        spikes = 0
        for start in range(0, len(losses), EVERY):
            spikes += self._count(losses[start : start + EVERY])
        return spikes

    def _count(self, losses: Sequence[float]) -> int:
        """The number of spikes in at most `EVERY` steps, in which the limit changes at most once."""
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
        """JSON-able: the state with which a resumed training counts the same."""
        limit = None if math.isinf(self._limit) else self._limit
        return {"recent": list(self._recent), "steps": self._steps, "limit": limit, "above": self._above}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the state of `state_dict`."""
        self._recent = deque(state["recent"], WINDOW)
        self._steps, self._above = state["steps"], state["above"]
        self._limit = math.inf if state["limit"] is None else state["limit"]
