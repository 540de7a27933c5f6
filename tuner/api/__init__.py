"""Python: what `import tuner` gives. A sweep run, a study read, as the command line does it."""

from tuner.api.running import run
from tuner.api.study import Study, Winner, open

__all__ = ["Study", "Winner", "open", "run"]
