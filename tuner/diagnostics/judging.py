"""Judging a training: every rule of the catalog, with its thresholds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tuner.diagnostics.case import Case
from tuner.diagnostics.catalog import FINDINGS
from tuner.diagnostics.finding import Finding
from tuner.diagnostics.rules.rule import Rule

JUDGMENTS = 20
"""Number of checks of a full training for hopelessness."""
Thresholds = Mapping[str, Mapping[str, float]]


def rules(thresholds: Thresholds) -> list[Rule[Any]]:
    """The rules in the catalog's order.

    Args:
        thresholds: Finding -> threshold -> value, if it differs from the default.
    """
    return [FINDINGS[name].load()(name, FINDINGS[name].options(**thresholds.get(name, {}))) for name in FINDINGS]


def judge(case: Case, chosen: Sequence[Rule[Any]]) -> list[Finding]:
    """The findings, fatal ones first, then in the order of the rules.

    A training that has learned nothing is hopeless only if a cause is found, too: without one it may be on a plateau,
    which tasks of long memory have, and leave it later.
    """
    found: list[Finding] = []
    causes: list[Finding] = []
    for rule in chosen:
        if (finding := rule.judge(case)) is None:
            continue
        if rule.explains(finding):
            causes.append(finding)
        elif finding.fatal and rule.needs_cause:
            finding = _with_cause(finding, causes)
        found.append(finding)
    return sorted(found, key=lambda finding: not finding.fatal)


def check_epochs(budget: int) -> range:
    """Epochs after which a training is checked for hopelessness. They follow from the budget alone, so that a trial
    always ends alike."""  # noqa: D205, D209
    every = max(1, budget // JUDGMENTS)
    return range(every, budget, every)


def hopeless(case: Case, chosen: Sequence[Rule[Any]]) -> Finding | None:
    """The finding for which a training is ended; None if it may continue. Cheap for a healthy training."""
    if not any((finding := rule.judge(case)) and finding.fatal for rule in chosen if rule.can_end):
        return None
    return next((finding for finding in judge(case, chosen) if finding.fatal), None)


def _with_cause(finding: Finding, causes: Sequence[Finding]) -> Finding:
    if not causes:
        return replace(finding, fatal=False)
    told = f"{finding.evidence}; the cause: {causes[0].title}, {causes[0].evidence}"
    return replace(finding, evidence=told)
