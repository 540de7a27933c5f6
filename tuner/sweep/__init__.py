"""The driver's room: from a task file to a finished, confirmed and recorded sweep."""

from tuner.sweep.diagnose import Telling, configuration, diagnose_study, diagnose_task, diagnose_trial
from tuner.sweep.driver import Outcome, Sweep, make_executor
from tuner.sweep.gc import collect
from tuner.sweep.lock import DriverLock
from tuner.sweep.lr_range import RangeTest, lr_range
from tuner.sweep.preview import preview
from tuner.sweep.rerun import rerun
from tuner.sweep.search_phase import SweepFailed
from tuner.sweep.summary import Summary, study_rows, top_failure
from tuner.sweep.task import Task, resolve_task

__all__ = [
    "DriverLock",
    "Outcome",
    "RangeTest",
    "Summary",
    "Sweep",
    "SweepFailed",
    "Task",
    "Telling",
    "collect",
    "configuration",
    "diagnose_study",
    "diagnose_task",
    "diagnose_trial",
    "lr_range",
    "make_executor",
    "preview",
    "rerun",
    "resolve_task",
    "study_rows",
    "top_failure",
]
