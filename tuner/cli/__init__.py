"""The command line: commands and what they print; no logic.

Nothing heavy is imported before a command needs it, so that `--help`, `list` and `schema` answer at once.
Exit status: 0 done; 1 the sweep ended without one usable trial; 2 the user's mistake, told in one line;
130 and 143 stopped by Ctrl+C and SIGTERM, to be resumed by the same command.
"""

from __future__ import annotations

import inspect
import json
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

import click

from tuner.disk.folder import StudyFolder
from tuner.errors import StudyError, UserError, nearest
from tuner.redaction import redacted, redacting

if TYPE_CHECKING:
    from tuner.task import Task

_SIGNALS = {signal.SIGINT: "Ctrl+C", signal.SIGTERM: "SIGTERM", signal.SIGHUP: "the terminal was closed"}

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_SET = click.option(
    "--set",
    "sets",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change any key of the task file, such as budget.trials=10. May be repeated.",
)
_TASK = click.argument("task", type=click.Path(path_type=Path), metavar="TASK.yaml")
_STUDY = click.argument("study", metavar="STUDY")


class _Commands(click.Group):
    """Errors of the user become one line and exit status 2; nothing is printed with a password in it."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """See `click.Group.main`."""
        sys.excepthook = _print_traceback
        with redirect_stdout(redacting(sys.stdout)), redirect_stderr(redacting(sys.stderr)):
            return super().main(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except UserError as error:
            click.echo(str(error), err=True)
            ctx.exit(2)


def _print_traceback(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """What Python prints of an error that nobody expected."""
    print("".join(traceback.format_exception(kind, error, trace)), file=redacting(sys.stderr), end="")


def _examples(*lines: str) -> Callable[[Any], Any]:
    """Append examples to a command's help, unwrapped."""

    def add(function: Any) -> Any:
        function.__doc__ = f"{inspect.cleandoc(function.__doc__)}\n\n\b\nExamples:\n" + "\n".join(
            f"  {line}" for line in lines
        )
        return function

    return add


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


@main.command()
@_TASK
@_SET
@click.option("--fresh", is_flag=True, help="Begin anew; an existing study is kept under another name.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON event a line.")
@_examples(
    "python -m tuner run task.yaml",
    "python -m tuner run task.yaml --set budget.trials=100 --set resources.workers=4",
    "python -m tuner run task.yaml --set ray.address=auto        # on a running Ray cluster",
    "python -m tuner run task.yaml --fresh",
)
def run(task: Path, sets: tuple[str, ...], fresh: bool, as_json: bool) -> None:
    """Run a sweep, or go on with one: search, confirm, test, record.

    Ctrl+C once stops cleanly, twice at once; the same command goes on where it was.
    """
    from tuner.sweep import Sweep, SweepFailed
    from tuner.task import resolve_task

    resolved = resolve_task(task, sets)
    show = _listener(as_json)
    sweep = Sweep(resolved, show, fresh=fresh)
    try:
        with _stopping(sweep.stop) as received:
            outcome = sweep.run()
    except SweepFailed as failure:
        show.close()
        click.echo(f"stopped: {failure}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        show.close()
        sys.exit(128 + (received[0] if received else signal.SIGINT))
    finally:
        show.close()
    if outcome.summary is not None and not as_json:
        _print_places(resolved, recorded=outcome.recorded)
    if not outcome.finished:
        click.echo("stopped; the same command goes on where it was", err=True)
        sys.exit(128 + (received[0] if received else signal.SIGINT))
    if not outcome.usable:
        click.echo(f"no trial completed{_top_failure(resolved.folder)}", err=True)
        sys.exit(1)


@main.command()
@_TASK
@_SET
@click.option("--timing/--no-timing", default=True, show_default=True, help="Measure a step with every cell.")
@click.option("--dry-run", is_flag=True, help="Also train one epoch of the baseline and of some configurations.")
@_JSON
@_examples(
    "python -m tuner validate task.yaml",
    "python -m tuner validate task.yaml --no-timing",
    "python -m tuner validate task.yaml --dry-run",
)
def validate(task: Path, sets: tuple[str, ...], timing: bool, dry_run: bool, as_json: bool) -> None:
    """Check a task file and its data, and show what would be run and what a training step costs with every cell.

    Nothing is recorded. Compare cells in a budget of seconds (`budget.seconds`) where their steps differ in cost.
    """
    from tuner.solo import preview
    from tuner.task import resolve_task

    resolved = resolve_task(task, sets)
    facts = preview(resolved, timing=timing, dry_run=dry_run)
    if as_json:
        click.echo(json.dumps(facts, indent=2))
        return
    for name, value in facts.items():
        if isinstance(value, dict):
            click.echo(f"{name}:")
            for key, item in value.items():
                click.echo(f"  {key}: {item}")
        elif isinstance(value, list):
            for item in value:
                click.echo(f"note: {item}")
        else:
            click.echo(f"{name}: {value}")


@main.command("lr-range")
@_TASK
@_SET
@click.option(
    "--params",
    multiple=True,
    metavar="KEY=VALUE",
    help="Test another configuration than the baseline: change a parameter of it. May be repeated.",
)
@click.option("--low", default=1e-7, show_default=True, type=click.FloatRange(1e-12, 100), help="First rate.")
@click.option("--high", default=1.0, show_default=True, type=click.FloatRange(1e-12, 100), help="Last rate.")
@click.option("--steps", default=200, show_default=True, type=click.IntRange(10, 100_000), help="Optimizer steps.")
@_JSON
@_examples(
    "python -m tuner lr-range task.yaml",
    "python -m tuner lr-range task.yaml --params cell=gru --params hidden_size=256",
    "python -m tuner lr-range task.yaml --params optimizer=sgd --high 30 --steps 300",
)
def lr_range_(
    task: Path, sets: tuple[str, ...], params: tuple[str, ...], low: float, high: float, steps: int, as_json: bool
) -> None:
    """Find where to search the learning rate: train the baseline while the rate rises.

    Prints the rate at which the loss falls fastest, a figure of the loss over the rate, and lines for the task file's
    `space:`. Takes seconds to minutes, in this process; nothing is recorded.
    """
    from tuner.solo import lr_range
    from tuner.task import resolve_task

    resolved = resolve_task(task, (*sets, *(f"baseline.{change}" for change in params)))
    found = lr_range(resolved, low=low, high=high, steps=steps)
    if as_json:
        click.echo(json.dumps(found.as_json(), indent=2))
        return
    click.echo(f"{found.optimizer}: {found.ended}")
    click.echo(f"steepest fall at {found.steepest:.2g}")
    click.echo(f"least loss at {found.least:.2g}, a tenth of it is {found.least / 10:.2g}")
    click.echo(
        f"figure: {os.path.relpath(found.figure)}" if found.figure else "no figure: its folder cannot be written"
    )
    click.echo("\nfor the task file, a decade to each side of the steepest fall:\n")
    click.echo("\n".join(found.lines()))
    click.echo(f"\nor\n\npython -m tuner run {task} {found.sets()}")


@main.command()
@_STUDY
@click.option("--limit", default=20, show_default=True, help="Rows; 0 for all.")
@click.option("--storage", default="mlruns/studies", show_default=True, help="Folder of studies.")
@_JSON
@_examples(
    "python -m tuner top digits",
    "python -m tuner top task.yaml --limit 5",
    "python -m tuner top digits --json",
)
def top(study: str, limit: int, storage: str, as_json: bool) -> None:
    """Show a study's trials, best first, then its confirmations."""
    from tuner.sweep import study_rows

    folder = _study_folder(study, storage)
    rows = study_rows(folder)
    rows = rows[:limit] if limit else rows
    if as_json:
        from tuner.cli.console import finite

        click.echo(json.dumps(finite(rows), indent=2))
        return
    from tuner.cli.tables import print_rows

    print_rows(folder.name, rows)


@main.command()
@click.argument("target", metavar="STUDY|TASK.yaml")
@click.option("--trial", type=click.IntRange(min=0), help="Tell the story of this trial of the study.")
@click.option(
    "--params",
    multiple=True,
    metavar="best|baseline|KEY=VALUE",
    help="Train one configuration of TASK.yaml: the study's winner or the baseline (which is meant when neither is "
    "named), with these changes. May be repeated.",
)
@_SET
@click.option("--storage", default="mlruns/studies", show_default=True, help="Folder of studies.")
@_JSON
@_examples(
    "python -m tuner diagnose digits                      # which choices go with which symptom",
    "python -m tuner diagnose digits --trial 12           # one trial: findings, layers, figures",
    "python -m tuner diagnose task.yaml                   # the same of its study; without one: trains the baseline",
    "python -m tuner diagnose task.yaml --params best     # trains the winner with every probe",
    "python -m tuner diagnose task.yaml --params cell=gru --params learning_rate=0.01",
)
def diagnose(
    target: str,
    trial: int | None,
    params: tuple[str, ...],
    sets: tuple[str, ...],
    storage: str,
    as_json: bool,
) -> None:
    """Say why networks do not learn: findings with evidence, threshold and what to try.

    A study is told as it is: symptoms, the choices that go with them, repairs; with --trial one trial of it. With
    --params, or where a task file has no study yet, one configuration is trained in this process with every probe;
    its figures are kept in the folder `diagnose` of the study, nothing else is recorded.
    """
    is_task = target.endswith((".yaml", ".yml"))
    if params and not is_task:
        fix = "Name the study's task file instead, as it says where the data is."
        raise UserError("--params needs a TASK.yaml", value=target, fix=fix)
    if params and trial is not None:
        raise UserError("--params must not stand beside --trial", fix="One trains, the other tells of a trained trial.")
    if is_task and (params or (trial is None and not _has_study(target, sets))):
        _diagnose_task(Path(target), sets, params, as_json)
        return
    from tuner.cli.stories import print_study, print_trial
    from tuner.solo import diagnose_study, diagnose_trial

    folder = _study_folder(target, storage, sets)
    if trial is None:
        _show_story(diagnose_study(folder), as_json, print_study)
    else:
        _show_story(diagnose_trial(folder, trial), as_json, print_trial)


@main.command("list")
@click.argument("kind", metavar="KIND", required=False)
@_JSON
@_examples("python -m tuner list", "python -m tuner list cells", "python -m tuner list adapters --json")
def list_(kind: str | None, as_json: bool) -> None:
    """List what a task file can name: cells, initializers, schedules, adapters, sources, ready tasks and more."""
    from tuner.cli.catalogs import describe, kinds

    known = kinds()
    if kind is None:
        click.echo("\n".join(known))
        return
    if kind not in known:
        raise UserError("KIND must be a known kind", value=kind, fix=nearest(kind, known))
    entries = describe(kind)
    if as_json:
        click.echo(json.dumps(entries, indent=2))
        return
    from tuner.cli.tables import print_entries

    print_entries(entries)


@main.command()
@_examples("python -m tuner schema > task.schema.json")
def schema() -> None:
    """Print the JSON Schema of task files, with which editors complete and check them."""
    from tuner.cli.catalogs import task_schema_with_names

    click.echo(json.dumps(task_schema_with_names(), indent=2))


@main.command()
@click.option("--uri", default=None, help="MLflow's tracking URI; default MLFLOW_TRACKING_URI, else ./mlflow.db.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to bind to; loopback only.")
@click.option("--port", default=5000, show_default=True, type=click.IntRange(1, 65535), help="Port.")
@_examples("python -m tuner ui", "ssh -L 5000:127.0.0.1:5000 HOST     # from another machine")
def ui(uri: str | None, host: str, port: int) -> None:
    """Serve MLflow's UI on loopback."""
    from tuner.recording import serve_ui, tracking_uri

    serve_ui(tracking_uri(uri), host=host, port=port)


@main.command()
@_TASK
@click.argument("number", type=click.IntRange(min=0))
@_SET
@_examples("python -m tuner rerun task.yaml 12")
def rerun(task: Path, number: int, sets: tuple[str, ...]) -> None:
    """Train a recorded trial again and compare every number with the record, bit for bit.

    Exit status 1 when one differs.
    """
    from tuner.solo import rerun as rerun_trial
    from tuner.task import resolve_task

    comparison = rerun_trial(resolve_task(task, sets), number)
    for line in comparison.differing[:20]:
        click.echo(line)
    if comparison.differing:
        click.echo(f"trial {number}: {len(comparison.differing)} numbers differ in {comparison.epochs} epochs")
        sys.exit(1)
    click.echo(f"trial {number}: {comparison.epochs} epochs repeated, every number equal")


@main.command()
@_STUDY
@click.option("--storage", default="mlruns/studies", show_default=True, help="Folder of studies.")
@click.option(
    "--uri", default=None, help="MLflow's tracking URI; default that of TASK.yaml, MLFLOW_TRACKING_URI, ./mlflow.db."
)
@_examples("python -m tuner sync digits", "python -m tuner sync task.yaml --uri http://127.0.0.1:5000")
def sync(study: str, storage: str, uri: str | None) -> None:
    """Write to MLflow whatever part of a study is missing there; safe to repeat."""
    from tuner.recording import tracking_uri
    from tuner.recording.sync import sync as write

    folder = _study_folder(study, storage)
    if uri is None and study.endswith((".yaml", ".yml")):
        from tuner.config import load_task_file

        uri = load_task_file(study).task.tracking.uri
    report = write(folder, tracking_uri(uri), lambda why: click.echo(f"waiting: {why}", err=True))
    done = f"{report.written} events written" if report.written else "nothing was missing"
    click.echo(f"study {folder.name}: {report.runs} runs, {done}")


@main.command()
@_STUDY
@click.option("--storage", default="mlruns/studies", show_default=True, help="Folder of studies.")
@_examples("python -m tuner gc digits", "python -m tuner gc task.yaml")
def gc(study: str, storage: str) -> None:
    """Remove what a study no longer needs: checkpoints of runs that are over, and half-written files.

    Results, prints, models of confirmed runs and the checkpoints of runs that may go on are kept. Safe to repeat.
    """
    from tuner.disk.gc import collect
    from tuner.disk.lock import DriverLock

    folder = _study_folder(study, storage)
    lock = DriverLock(folder.lock)
    try:
        collected = collect(folder)
    finally:
        lock.release()
    done = (
        f"{collected.files} files, {collected.bytes / 1e6:.1f} MB removed" if collected.files else "nothing to remove"
    )
    click.echo(f"study {folder.name}: {done}")


def _has_study(task: str, sets: tuple[str, ...]) -> bool:
    """Whether a task file's study was begun."""
    from tuner.config import load_task_file

    file = load_task_file(task, sets).task
    return StudyFolder(Path(file.storage.folder) / file.name).exists()


def _diagnose_task(path: Path, sets: tuple[str, ...], params: tuple[str, ...], as_json: bool) -> None:
    """Train one configuration and tell its story; Ctrl+C ends it early, and what was found is told all the same."""
    from tuner.cli.console import Lines
    from tuner.cli.stories import print_trial
    from tuner.solo import Telling, configuration, diagnose_task
    from tuner.task import resolve_task

    task = resolve_task(path, sets)
    chosen = configuration(task, params)
    show = Lines(sys.stderr) if as_json else _listener(as_json)
    link = Telling(show, task.objective.metric, task.file.budget.epochs)
    show("notice", sentence=f"training {chosen.words}, with every probe; nothing is recorded in a study")
    try:
        with _stopping(link.stop) as received:
            story = diagnose_task(task, chosen, link)
    except KeyboardInterrupt:
        sys.exit(128 + (received[0] if received else signal.SIGINT))
    finally:
        show.close()
    _show_story(story, as_json, print_trial)
    if received:
        sys.exit(128 + received[0])


def _show_story(story: Any, as_json: bool, show: Callable[[Any], None]) -> None:
    if not as_json:
        show(story)
        return
    from tuner.cli.console import finite

    click.echo(json.dumps(finite(story.as_json()), indent=2))


def _study_folder(study: str, storage: str, sets: tuple[str, ...] = ()) -> StudyFolder:
    """A study named by its name or by its task file."""
    if study.endswith((".yaml", ".yml")):
        from tuner.config import load_task_file

        task = load_task_file(study, sets).task
        study, storage = task.name, task.storage.folder
    known = _studies(Path(storage))
    if study not in known:
        fix = nearest(study, known) if known else f"There is no study in {storage} yet."
        raise StudyError("STUDY must be the name or the task file of a study", value=study, fix=fix)
    from tuner.disk.shape import check_shape
    from tuner.disk.versions import check_format

    folder = StudyFolder((Path(storage) / study).absolute())
    check_shape(folder)
    check_format(folder)
    return folder


def _studies(storage: Path) -> list[str]:
    try:
        return sorted(path.name for path in storage.iterdir() if StudyFolder(path).exists())
    except (OSError, ValueError):  # no folder, or a name that none can have
        return []


def _listener(as_json: bool) -> Any:
    from tuner.cli.console import JsonLines, Lines, Terminal

    if as_json:
        return JsonLines()
    if not sys.stdout.isatty():
        return Lines()
    from rich.console import Console

    return Terminal(Console())


@contextmanager
def _stopping(stop: Callable[[str], None]) -> Iterator[list[int]]:
    """The first signal asks for a clean stop, the second raises KeyboardInterrupt; yields those received."""
    received: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signal module's
        received.append(number)
        if len(received) > 1:
            raise KeyboardInterrupt
        stop(_SIGNALS[signal.Signals(number)])

    previous = {number: signal.signal(number, handle) for number in _SIGNALS}
    try:
        yield received
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _print_places(task: Task, *, recorded: bool) -> None:
    """Where the study is, and how MLflow's pages are opened, if it has something to show."""
    stored = f"\nstored in {os.path.relpath(task.folder.root)}"
    if not recorded:
        click.echo(stored)
        return
    default = f"sqlite:///{Path.cwd() / 'mlflow.db'}"
    mlflow = "mlflow" if shutil.which("mlflow") else os.path.relpath(Path(sys.executable).with_name("mlflow"))
    command = f"{mlflow} ui" if task.tracking == default else f"python -m tuner ui --uri {task.tracking}"
    if task.tracking.startswith(("http://", "https://")):  # a server has pages of its own
        command = task.tracking
    shown = command if redacted(command) == command else "python -m tuner ui"  # a URI may hold a password
    click.echo(f"{stored}; to compare the trials: {shown}")


def _top_failure(folder: StudyFolder) -> str:
    from tuner.sweep import top_failure

    reason = top_failure(folder)
    return f"; most often: {reason}" if reason else ""
