"""The model card: a page for people with a model's purpose, training data and scores."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tuner.adapters.base import Prepared
from tuner.announcements import Summary
from tuner.disk.events import RunRecord
from tuner.disk.versions import versions
from tuner.reporting.per_class import HEAD, ClassScores
from tuner.task.code import own_code_folder
from tuner.task.task import Task
from tuner.verdict import Verdict
from tuner.words import called, spoken


def card(
    task: Task,
    summary: Summary,
    members: Sequence[RunRecord],
    prepared: Prepared,
    digest: str,
    classes: Sequence[ClassScores] = (),
) -> str:
    """The card's text, in Markdown.

    Args:
        task: The task.
        summary: The summary of its sweep.
        members: The runs whose weights it has; several make an ensemble.
        prepared: Its data.
        digest: Of the study's data, as in MLflow.
        classes: Scores of each class on validation data, of the configuration's best seed.
    """
    file, best, verdict = task.file, members[0], Verdict(**summary.verdict)
    name, own_code = called(best.number), " --own-code" if own_code_folder(file.adapter, best.params) else ""
    whose = "the winner" if name == summary.winner else spoken(best.number)
    spread = "± is the standard deviation over seeds. " if any("±" in row["score"] for row in summary.rows) else ""
    return "\n".join(
        [
            f"# {file.name}: {name}",
            "",
            *([] if name == summary.winner else [f"This is not the winner, which is {summary.winner}.\n"]),
            *(f"{line}\n" for line in verdict.lines),
            f"A recurrent network for `{file.adapter}`, chosen by `{task.objective.metric}` "
            f"({task.objective.words}). Use it where tuner is installed (`requirements.txt` says what that takes):",
            "",
            "```sh",
            f"python -m tuner predict THIS_FOLDER new_data -o answers.csv{own_code}",
            "```",
            "",
            "## Scores",
            "",
            *_scores(summary),
            "",
            f"{_weights(summary, members, whose)} {spread}Test data was read once, after the choice.",
            "",
            *(f"- {sentence}" for sentence in verdict.details(summary.sentences)),
            "",
            *_classes(classes),
            "## Data",
            "",
            *_table({"digest": digest, **prepared.counts, **prepared.about}),
            *(f"\n- {notice}" for notice in prepared.notices),
            "",
            "## Parameters",
            "",
            *_table({**task.settings(best.params).headline, **best.params}),
            "",
            "## Training",
            "",
            *_table(
                {
                    "study": file.name,
                    "trials": file.budget.trials,
                    "epochs": file.budget.epochs,
                    "epochs trained": _each(max(record.epochs, default=0) for record in members),
                    "sampler": task.sampler[0],
                    "pruner": task.pruner[0],
                    "seed of the study": file.sampler.seed,
                    "seed of the training": _each(record.seed for record in members),
                    "findings": ", ".join(dict.fromkeys(str(name) for record in members for name in record.found))
                    or "none",
                    **versions(),
                }
            ),
            "",
        ]
    )


def _weights(summary: Summary, members: Sequence[RunRecord], whose: str) -> str:
    """Which runs of a configuration the weights come from."""
    seeds = _each(record.run.rpartition("-")[2] for record in members)
    if members[0].kind == "refit":
        one = len(members) == 1
        return (
            f"{'The weights are those' if one else 'An ensemble: the weights are those'} of seed{'' if one else 's'} "
            f"{seeds} of the winner, trained again on training and validation data together, as many passes as on "
            f"training data to the best epoch ({_each(record.step for record in members)} steps). There is no "
            "validation score; the scores above are those of the seeds, on training data alone."
        )
    if len(members) == 1:
        name = called(members[0].number)
        alone = any(row["name"] == name and row["seeds"].startswith("1 of ") for row in summary.rows)
        which = "its only one" if alone else "the best of its seeds on validation data"
        value = f"{members[0].value:.6g}{' on validation data' if alone else ''}"
        return f"The weights are those of seed {seeds} of {whose}, {which} ({value})."
    return (
        f"An ensemble: the weights are those of seeds {seeds} of {whose}, whose predictions are averaged, and of "
        f"classes and tokens their probabilities. Together they have {summary.ensemble['value']:.6g} on validation "
        "data."
    )


def _each(values: Iterable[object]) -> str:
    return ", ".join(map(str, values))


def _scores(summary: Summary) -> list[str]:
    tests = {"test": summary.test_metric, "readable": summary.readable_metric} if summary.has_test else {}
    columns = {"name": "configuration", "searched": "in the search", "score": summary.metric, **tests}
    head = [heading for heading in columns.values() if heading]
    keys = [key for key, heading in columns.items() if heading]
    rows = [[row.get(key, "") for key in keys] for row in summary.rows]
    return [_line(head), _line(["---"] * len(head)), *map(_line, rows)]


def _classes(classes: Sequence[ClassScores]) -> list[str]:
    """Of each class; nothing where none are known."""
    if not classes:
        return []
    lines = [_line([*HEAD]), _line(["---"] * len(HEAD)), *(_line([*one.cells]) for one in classes)]
    return ["## Classes", "", "Of the configuration's best seed, on validation data:", "", *lines, ""]


def _table(facts: dict[str, Any]) -> list[str]:
    return [_line(["", ""]), _line(["---", "---"]), *(_line([name, str(value)]) for name, value in facts.items())]


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
