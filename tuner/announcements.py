"""What a sweep tells whoever watches it."""

from __future__ import annotations

from typing import Any, Protocol


class Listener(Protocol):
    """Called by the driver's thread; must not block and must not raise.

    Events and their fields (all JSON-able):
        started     study, folder, trials, done, workers, adapter, counts, trivial, metric, maximize, tracking, epochs
        space       lines                                   the search space changed
        resumed     runs                                    runs that go on
        trial       number, state, value, reason, epochs, seconds, params, best, best_number, done, trials, states
        lost        run, reason, attempt                    an attempt's worker died; it is sent out again
        error       run, reason, attempt                    an attempt's own code failed; it is tried again
        phase       name (search, confirm, test, record), runs
        confirm     run, number, repeat, state, value
        stopping    reason
        summary     see `Summary`                           before MLflow has everything
        recording   left                                    changes that are not in MLflow yet, at the end
        nothing     sentence                                the study is finished already
        progress    done, trials, running, idle, states, best, seconds_left    at most once a second
        training    epoch, epochs, metric, value, loss, seconds_left    of `diagnose`
        notice      sentence
    """

    def __call__(self, event: str, **fields: Any) -> None:
        """Take one event."""
        ...
