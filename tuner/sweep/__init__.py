"""The driver: search, confirmation, test and summary of a resolved task; can be stopped and resumed at any instant."""

from tuner.sweep.driver import Outcome, Sweep, make_executor
from tuner.sweep.search_phase import SweepFailed
from tuner.sweep.study_rows import study_rows, top_failure

__all__ = ["Outcome", "Sweep", "SweepFailed", "make_executor", "study_rows", "top_failure"]
