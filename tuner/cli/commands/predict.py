"""`predict`: predictions of a study's winner for new raw data."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import nullcontext
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tuner.cli.options import ENSEMBLE, OWN_CODE, STORAGE, examples
from tuner.cli.studies import model_folder
from tuner.cli.wrapping import say
from tuner.errors import UserError
from tuner.words import counted

if TYPE_CHECKING:
    from tuner.adapters.base import Item, Row
    from tuner.predict import Model

_SHOWN = 5
"""Problems that are printed one by one."""
_TICK_SECONDS = 2.0


@click.command(short_help="Predict for new raw data with a study's winner.")
@click.argument("model", metavar="STUDY|MODEL")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="File to write: .csv, .jsonl or .parquet.")
@click.option("--proba", is_flag=True, help="Also write a probability per class.")
@click.option(
    "--ask",
    "wishes",
    multiple=True,
    metavar="NAME=VALUE",
    help="Ask the model for more: every_origin=true for forecasts, continuation=200 for a "
    "language model, spans=words for a transcript. May be repeated.",
)
@click.option("--device", default="cpu", show_default=True, help="Device to compute on: cpu, cuda.")
@OWN_CODE
@ENSEMBLE
@STORAGE
@examples(
    "python -m tuner predict digits new.csv -o answers.csv",
    "python -m tuner predict mlruns/studies/digits/model new.csv --proba",
    "python -m tuner predict digits new.csv --ensemble -o answers.csv",
    "python -m tuner predict reviews texts.jsonl -o answers.parquet",
    "python -m tuner predict demand test.csv --ask every_origin=true -o out.csv",
    "python -m tuner predict shakespeare begin.txt --ask continuation=200",
    "python -m tuner predict calls new/ --ask spans=words -o words.jsonl",
)
def predict(
    model: str,
    files: tuple[Path, ...],
    output: Path | None,
    proba: bool,
    wishes: tuple[str, ...],
    device: str,
    own_code: bool,
    ensemble: bool,
    storage: str,
) -> None:
    """Predict for new raw data with a study's confirmed winner, a model's folder, or MLflow's models:/NAME@ALIAS.

    The files have the form of the task's data; no label is needed. An item that cannot be read keeps its row, with an
    empty answer and the reason in the column `problem`; the exit status is then 1.
    """
    from tuner.predict import load
    from tuner.predict.output import Csv, check, opened

    for file in files:
        _check_input(file, output)
    if output is not None:
        check(output)
    loaded = load(model_folder(model, storage, ensemble=ensemble), device=device, own_code=own_code).asking(
        **_asked(wishes)
    )
    columns = loaded.columns(proba=proba)
    if proba and columns == loaded.columns():
        _say("--proba adds nothing: the answers of this model have no probabilities")
    problems = _Problems()
    answers = _answers(loaded, files, problems, proba=proba)
    first = list(islice(answers, 1))  # an error of the file comes before anything is written
    with nullcontext(Csv(sys.stdout, columns)) if output is None else opened(output, columns) as out:
        for rows in chain(first, answers):
            out.write(rows)
    for sentence in loaded.notices:
        _say(sentence)
    problems.tell(output)
    if problems.count:
        click.get_current_context().exit(1)


def _check_input(file: Path, output: Path | None) -> None:
    """Refuse input that is no file, and an output that would overwrite the input."""
    if str(file) == "-" or file.is_char_device() or file.is_fifo():
        fix = "Save it to a file first; the file's ending tells its format."
        raise UserError("FILE must be a file or a folder", value=str(file), fix=fix)
    if output is not None and output.exists() and file.exists() and output.samefile(file):
        raise UserError("the answers must not overwrite the input", value=str(file), fix="Name another file with -o.")


def _asked(wishes: tuple[str, ...]) -> dict[str, Any]:
    from tuner.config import parse_value

    asked = {}
    for wish in wishes:
        name, equals, value = wish.partition("=")
        if not equals:
            raise click.UsageError(f"--ask must be NAME=VALUE, but got {wish!r}. For example: --ask every_origin=true.")
        asked[name.strip()] = parse_value(value, f"--ask {wish}")
    return asked


def _answers(model: Model, files: tuple[Path, ...], problems: _Problems, *, proba: bool) -> Iterator[list[Row]]:
    for file in files:
        for item, rows in model.answers(model.read(file), proba=proba):
            problems.see(item)
            yield rows


class _Problems:
    """Counts items; prints progress and the first problems on standard error."""

    def __init__(self) -> None:
        self.items = self.count = 0
        self._last = time.monotonic()

    def see(self, item: Item) -> None:
        """Count an item."""
        self.items += 1
        if item.problem:
            self.count += 1
            if self.count <= _SHOWN:
                _say(_told(item))
        if time.monotonic() - self._last >= _TICK_SECONDS:
            self._last = time.monotonic()
            _say(f"{counted(self.items, 'item')} answered")

    def tell(self, output: Path | None) -> None:
        """Print the totals."""
        into = "" if output is None else f", written to {output}"
        left = f"; {self.count} could not be read, see the column problem" if self.count else ""
        _say(f"{counted(self.items, 'item')}{into}{left}")


def _told(item: Item) -> str:
    """An item's problem after the item's place, unless it begins with a place in the same file."""
    begun = item.problem.startswith(f"{item.where.partition(':')[0]}:")
    return item.problem if begun else f"{item.where}: {item.problem}"


def _say(text: Any) -> None:
    say(str(text), err=True)
