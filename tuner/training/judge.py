"""Judges a training by its epochs, while it runs and at its end."""

from __future__ import annotations

from typing import Any

from tuner.diagnostics.case import Case
from tuner.diagnostics.judging import check_epochs, hopeless, judge, rules
from tuner.messages import TrialSpec
from tuner.training.history import History
from tuner.training.settings import Settings


class Judge:
    """Applies the rules of `diagnostics` to a training.

    Args:
        spec: The run, with the thresholds of the rules.
        settings: All its parameters, including defaults.
        history: The judged epochs.
        lag: Longest expected dependency in steps.
        steps_per_epoch: Optimizer steps.
    """

    def __init__(
        self, spec: TrialSpec, settings: Settings, history: History, *, lag: int, steps_per_epoch: int
    ) -> None:
        self._spec, self._settings, self._history = spec, settings, history
        self._lag, self._steps_per_epoch = lag, steps_per_epoch
        self._rules = rules(spec.thresholds)
        self._checked = check_epochs(spec.epochs) if spec.act and spec.kind == "trial" else range(0)

    def hopeless(self) -> str:
        """Why the training should be ended after its last epoch; "" if it may continue or is not checked then."""
        if len(self._history.epochs) not in self._checked:
            return ""
        finding = hopeless(self._case(), self._rules)
        return "" if finding is None else f"{finding.title}: {finding.evidence}"

    def judgment(self, diverged: str = "", *, pruned: bool = False) -> dict[str, Any]:
        """The findings in all epochs so far, and the improvement over the trivial predictor (see `Case.progress`).

        Args:
            diverged: What was not finite, if that ended the training.
            pruned: Whether the search pruned it.
        """
        case = self._case(diverged, pruned=pruned)
        findings = [finding.beside(self._settings.acting) for finding in judge(case, self._rules)]
        return {"findings": [finding.as_json() for finding in findings], "progress": case.progress}

    def _case(self, diverged: str = "", *, pruned: bool = False) -> Case:
        return Case(
            epochs=self._history.epochs,
            budget=self._spec.epochs,
            objective=self._spec.objective,
            trivial=self._spec.trivial,
            lag=self._lag,
            steps_per_epoch=self._steps_per_epoch,
            params=self._spec.params,
            diverged=diverged,
            pruned=pruned,
        )
