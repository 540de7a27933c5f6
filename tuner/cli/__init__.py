"""The command line: commands and what they print; no logic.

Nothing heavy is imported before a command needs it, so that `--help`, `list` and `schema` answer at once.
Exit status: 0 done; 1 the sweep ended without one usable trial; 2 a user's mistake, reported in one line;
130 and 143 stopped by Ctrl+C and SIGTERM, and resumed by the same command.
"""

from __future__ import annotations

import sys
import traceback
from contextlib import redirect_stderr, redirect_stdout
from types import TracebackType
from typing import Any

import click

from tuner.cli.commands.diagnose import diagnose
from tuner.cli.commands.export import export
from tuner.cli.commands.gc import gc
from tuner.cli.commands.init import init
from tuner.cli.commands.lr_range import lr_range
from tuner.cli.commands.names import explain, list_, schema
from tuner.cli.commands.predict import predict
from tuner.cli.commands.recording import sync, ui
from tuner.cli.commands.report import report
from tuner.cli.commands.rerun import rerun
from tuner.cli.commands.run import run
from tuner.cli.commands.serve import serve
from tuner.cli.commands.show import show
from tuner.cli.commands.top import top
from tuner.cli.commands.validate import validate
from tuner.cli.wrapping import say
from tuner.errors import UserError, missing_package
from tuner.garbage import collect_rarely
from tuner.redaction import redacting

collect_rarely()

_COMMANDS = (
    init,
    run,
    predict,
    export,
    serve,
    validate,
    lr_range,
    show,
    top,
    report,
    diagnose,
    rerun,
    list_,
    explain,
    schema,
    ui,
    sync,
    gc,
)


class _Commands(click.Group):
    """A user's mistakes become one line and exit status 2; passwords are left out of whatever is printed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which they are used."""
        del ctx
        return list(self.commands)

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """See `click.Group.main`."""
        sys.excepthook = _print_traceback
        with redirect_stdout(redacting(sys.stdout)), redirect_stderr(redacting(sys.stderr)):
            return super().main(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except UserError as error:
            say(str(error), err=True)
            ctx.exit(2)
        except ModuleNotFoundError as error:  # where only a model's requirements are installed
            if (told := missing_package(error)) is None:
                raise
            say(str(told), err=True)
            ctx.exit(2)


def _print_traceback(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print the traceback of an unexpected error."""
    print("".join(traceback.format_exception(kind, error, trace)), file=redacting(sys.stderr), end="")


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start here: python -m tuner run tasks/time_series/classification.yaml",
)
@click.version_option(package_name="tuner", message="%(version)s")
def main() -> None:
    """Hyperparameter optimization for recurrent networks.

    One task file names data, search space and budget; `run` searches, confirms the winner on fresh seeds, scores it
    once on test data, and records every trial in MLflow.
    """


for _command in _COMMANDS:
    main.add_command(_command)
