"""From the user's data to a task file: which kind they are, why, and problems that would spoil the result."""

from tuner.init.checking import Checked, check
from tuner.init.draft import Draft, draft
from tuner.init.writing import written

__all__ = ["Checked", "Draft", "check", "draft", "written"]
