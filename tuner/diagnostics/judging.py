"""Judging a training: every rule of the catalog, with its thresholds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tuner.diagnostics.case import Case
from tuner.diagnostics.catalog import FINDINGS
from tuner.diagnostics.finding import Finding
from tuner.diagnostics.rules import Rule

Thresholds = Mapping[str, Mapping[str, float]]


def rules(thresholds: Thresholds, *, only_fatal: bool = False) -> list[Rule[Any]]:
    """The rules in the catalog's order.

    Args:
        thresholds: Finding -> threshold -> value, where it differs from the default.
        only_fatal: Only those that can call a training hopeless.
    """
    made = (FINDINGS[name].load()(name, FINDINGS[name].options(**thresholds.get(name, {}))) for name in FINDINGS)
    return [rule for rule in made if rule.can_end or not only_fatal]


def judge(case: Case, chosen: Sequence[Rule[Any]]) -> list[Finding]:
    """What is found, fatal findings first, then in the order of the rules."""
    found = [finding for rule in chosen if (finding := rule.judge(case)) is not None]
    return sorted(found, key=lambda finding: not finding.fatal)
