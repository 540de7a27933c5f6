"""The parts of the page, in order; one file each."""

from __future__ import annotations

from tuner.report.section import Section
from tuner.report.sections.curves import curves
from tuner.report.sections.mattered import mattered
from tuner.report.sections.problems import problems
from tuner.report.sections.repeat import repeat
from tuner.report.sections.seeds import seeds
from tuner.report.sections.table import table
from tuner.report.sections.time import time
from tuner.report.sections.verdict import verdict
from tuner.report.sections.winner import winner
from tuner.report.study import ReportedStudy

SECTIONS = (verdict, seeds, table, curves, mattered, problems, time, winner, repeat)


def sections_of(study: ReportedStudy) -> list[Section]:
    """The sections in which the study has something to show."""
    return [made for make in SECTIONS if (made := make(study)) is not None]
