"""From the user's file to a task file: what it is taken for, why, and what would spoil the result."""

from tuner.init.checking import Checked, check
from tuner.init.draft import Draft, draft
from tuner.init.writing import written

__all__ = ["Checked", "Draft", "check", "draft", "written"]
