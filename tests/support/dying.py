"""`python -m tests.support.dying WHERE NTH run …`: `tuner`, killed by SIGKILL at the nth call of a function."""

from __future__ import annotations

import os
import signal
import sys
from importlib import import_module
from typing import Any

from tuner.cli import main
from tuner.training import reporter


def die_at(where: str, nth: int) -> None:
    """Put in place of a function, named `module:name` or `module:Class.name`, one whose nth call is the last.

    Args:
        where: The function, where it is looked for when it is called.
        nth: From 1.
    """
    module, _, path = where.partition(":")
    *owners, name = path.split(".")
    owner: Any = import_module(module)
    for each in owners:
        owner = getattr(owner, each)
    whole = getattr(owner, name)
    calls = 0

    def counting(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        return whole(*args, **kwargs)

    setattr(owner, name, counting)


if __name__ == "__main__":
    reporter.MESSAGE_SECONDS = 0.0  # so that there is a checkpoint after the first epoch
    die_at(sys.argv[1], int(sys.argv[2]))
    main(sys.argv[3:])
