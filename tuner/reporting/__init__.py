"""Evaluates and shows a study: leaderboard, confirmation, importance, tables, figures. Nothing is trained here.

Importing this is cheap: SciPy, Optuna and matplotlib are imported by the functions that need them.
"""

from tuner.reporting.diagnostics_figure import diagnostics_figure
from tuner.reporting.drawing import save
from tuner.reporting.figures import trial_figure
from tuner.reporting.importance import Importance, importance
from tuner.reporting.leaderboard import Comparison, Confirmation, Scores, confirmation, leaderboard
from tuner.reporting.lr_figure import lr_figure
from tuner.reporting.search_figures import sweep_figures
from tuner.reporting.separation import Separation, separation
from tuner.reporting.table import rows

__all__ = [
    "Comparison",
    "Confirmation",
    "Importance",
    "Scores",
    "Separation",
    "confirmation",
    "diagnostics_figure",
    "importance",
    "leaderboard",
    "lr_figure",
    "rows",
    "save",
    "separation",
    "sweep_figures",
    "trial_figure",
]
