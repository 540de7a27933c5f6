"""Running a sweep by the command line, as anyone would, and reading from MLflow what it recorded."""

from __future__ import annotations

import argparse
import atexit
import os
import sys
import traceback
from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from statistics import fmean, stdev

from tuner.disk.events import RunRecord, read, read_run


def run(folder: Path, task: str, *sets: str, quiet: bool = False) -> None:
    """Write `task.yaml` into `folder` and run it there, showing what it shows.

    A study that is finished is not run again, one that was interrupted goes on; where the run fails, so does this.

    Args:
        folder: Made when missing.
        task: The task file's text.
        sets: What to change of it: `budget.trials=12`.
        quiet: Show nothing; what is told goes to the file `log`, and a failure is raised.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "task.yaml").write_text(task)
    environment = {**checkout_first(), "MLFLOW_TRACKING_URI": _uri(folder)}
    arguments = ["run", "task.yaml", *(word for each in sets for word in ("--set", each))]
    status = _forked(folder, arguments, environment, "log" if quiet else None)
    if status and quiet:
        raise RuntimeError(f"the sweep in {folder} ended with status {status}; its log says why")
    if status:
        sys.exit(status)


def checkout_first() -> dict[str, str]:
    """This process's environment, in which another Python imports from this checkout, whatever its folder."""
    root = str(Path(__file__).resolve().parents[1])
    return {**os.environ, "PYTHONPATH": os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])}


def _forked(folder: Path, arguments: Sequence[str], environment: Mapping[str, str], log: str | None) -> int:
    """The status of the command in a fork of this process, which has one thread: its imports are there already.

    Args:
        folder: Its current folder.
        arguments: Of the command.
        environment: Its environment.
        log: The file in `folder` to which its output is added; None for this process's own output.
    """
    from tuner.cli import main

    sys.stdout.flush()
    if process := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    status = 1
    try:
        if log is not None:
            descriptor = os.open(folder / log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            for standard in (1, 2):
                os.dup2(descriptor, standard)
        os.chdir(folder)
        os.environ.update(environment)
        sys.argv[1:] = arguments
        main()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001 - the caller's work is not for this process
        traceback.print_exc()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    os._exit(status)


def add_sets(parser: argparse.ArgumentParser) -> None:
    """Give a script the option `--set`, whose values are the `sets` of `run`."""
    parser.add_argument(
        "--set", action="append", default=[], dest="sets", metavar="KEY=VALUE", help="change the task file, as in tuner"
    )


def installed(
    parser: argparse.ArgumentParser, asked: Sequence[str] | None, ways: Iterable[str], needs: tuple[str, str, str]
) -> list[str]:
    """The ways that are compared: those asked for, else all; one that is not installed is said to be left out.

    Args:
        parser: Ends the script if that one was asked for by name.
        asked: Names, or None.
        ways: All names.
        needs: The name of one, the module that it imports and the package that has it.
    """
    name, module, package = needs
    missing = find_spec(module) is None
    if missing and name in (asked or ()):
        parser.error(f"{name} needs the package {package}")
    if missing and asked is None:
        print(f"left out: {name}, as the package {package} is not installed")
    return list(asked or (way for way in ways if not missing or way != name))


def records(folder: Path, study: str, kind: str = "trials") -> list[RunRecord]:
    """The runs of a study, by number.

    Args:
        folder: Where `run` was told to run.
        study: The study's name.
        kind: "trials" or "confirm".
    """
    return [read_run(file) for file in sorted(folder.glob(f"mlruns/studies/{study}/{kind}/*/events.jsonl"))]


def confirmed(folder: Path, study: str) -> dict[str, list[dict[str, float]]]:
    """The confirmed configurations, "baseline" or "trial 12", and the metrics of each of their tested trainings.

    Args:
        folder: Where `run` was told to run.
        study: The study's name.
    """
    from mlflow.tracking import MlflowClient

    client = MlflowClient(_uri(folder))
    experiment = client.get_experiment_by_name(study)
    assert experiment is not None, study
    wanted = "tags.`tuner.kind` = 'confirm'"
    found: dict[str, list[dict[str, float]]] = {}
    for one in client.search_runs([experiment.experiment_id], wanted, order_by=["tags.`tuner.run`"]):
        if not any(name.startswith("test/") for name in one.data.metrics):
            continue  # it was not trained to its end
        number = int(one.data.tags["tuner.trial"])
        found.setdefault("baseline" if number < 0 else f"trial {number}", []).append(dict(one.data.metrics))
    return found


def handed_over(study: Path) -> dict[str, float] | None:
    """The recorded test scores of the training whose weights a finished study's model has; None without a model."""
    *_, summary = (event for event in read(study / "sweep.jsonl") if event["event"] == "summary")
    run = summary["model_run"]
    return dict(read_run(study / "test/events.jsonl").results["test"][run]) if run else None


def handed_over_together(study: Path) -> dict[str, float] | None:
    """The recorded test scores of the winner's ensemble, of refits where there are some; None without an ensemble."""
    results = read_run(study / "test/events.jsonl").results
    together = results.get("refit_ensemble") or results.get("ensemble")
    return dict(together["test"]) if together else None


def mean_sd(values: list[float], digits: int = 3) -> str:
    """Mean and standard deviation over seeds, such as 8.351 ± 0.012."""
    spread = f" ± {stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{fmean(values):.{digits}f}{spread}"


def _uri(folder: Path) -> str:
    return f"sqlite:///{folder.resolve() / 'mlflow.db'}"
