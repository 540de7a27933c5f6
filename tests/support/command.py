"""Commands in this process."""

from __future__ import annotations

import json
from typing import Any

from click.testing import CliRunner, Result

from tuner.cli import main


def tuner(*arguments: str, status: int = 0) -> Result:
    """Run a command in this process."""
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == status, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def output(*arguments: str) -> Any:
    """What a command prints as JSON."""
    return json.loads(tuner(*arguments).stdout)
