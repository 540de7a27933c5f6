"""Training in a worker: one attempt of a trial, from its parameters to its outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tuner.link import Link
    from tuner.messages import Ended, TrialSpec


def run_trial(spec: TrialSpec, link: Link) -> Ended:
    """Run one attempt: training for a search or a confirmation trial, scoring for the test. See `RunTrial`."""
    if spec.kind == "test":
        from tuner.training.test import test

        return test(spec)
    from tuner.training.attempt import train

    return train(spec, link)


__all__ = ["run_trial"]
