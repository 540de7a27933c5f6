"""One training in this process, outside a study: its cost, its learning rates, its diagnosis, a trial run again."""

from tuner.solo.diagnose import ProgressLink, configuration, diagnose_study, diagnose_task, diagnose_trial
from tuner.solo.lr_range import RangeTest, lr_range
from tuner.solo.preview import preview
from tuner.solo.rerun import rerun

__all__ = [
    "ProgressLink",
    "RangeTest",
    "configuration",
    "diagnose_study",
    "diagnose_task",
    "diagnose_trial",
    "lr_range",
    "preview",
    "rerun",
]
