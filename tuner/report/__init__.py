"""One offline page about a study, made from its event files, also while it runs or after it was killed.

Importing this is cheap: templates are compiled, and statistics imported, by the functions that need them.
"""

from tuner.report.page import REPORT, render, write_report
from tuner.report.study import ReportedStudy, read_study

__all__ = ["REPORT", "ReportedStudy", "read_study", "render", "write_report"]
