"""The Python interface of `import tuner`: runs sweeps and reads studies, like the command line."""

from tuner.api.running import run
from tuner.api.study import Study, Winner, open

__all__ = ["Study", "Winner", "open", "run"]
