"""`diagnose`: why networks do not learn."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from tuner.cli.interrupts import stopping
from tuner.cli.options import JSON, SET, STORAGE, examples
from tuner.cli.studies import has_study, study_folder
from tuner.errors import UserError


@click.command(short_help="Say why networks do not learn, and what to try.")
@click.argument("target", metavar="STUDY|TASK.yaml")
@click.option("--trial", type=click.IntRange(min=0), help="Show this trial of the study.")
@click.option(
    "--params",
    multiple=True,
    metavar="best|baseline|KEY=VALUE",
    help="Train one configuration of TASK.yaml: the study's best or the baseline (which is meant when neither is "
    "named), with these changes. May be repeated.",
)
@SET
@STORAGE
@JSON
@examples(
    "python -m tuner diagnose digits                     # a study",
    "python -m tuner diagnose digits --trial 12          # one of its trials",
    "python -m tuner diagnose task.yaml                  # no study: the baseline",
    "python -m tuner diagnose task.yaml --params best    # trains the winner",
    "python -m tuner diagnose task.yaml --params cell=gru",
)
def diagnose(
    target: str,
    trial: int | None,
    params: tuple[str, ...],
    sets: tuple[str, ...],
    storage: str,
    as_json: bool,
) -> None:
    """Say why networks do not learn: findings with evidence, threshold and remedies.

    For a study: its symptoms, the choices associated with them, and the effect of repairs. With --trial: one of its
    trials. With --params, or for a task file without a study, one configuration is trained in this process with every
    probe; its figures are kept in the folder `diagnose` of the study, nothing else is recorded.
    """
    is_task = target.endswith((".yaml", ".yml"))
    if params and not is_task:
        fix = "Name the study's task file instead: it says where the data are."
        raise UserError("--params needs a TASK.yaml", value=target, fix=fix)
    if params and trial is not None:
        raise UserError("--params must not stand beside --trial", fix="--params trains, --trial shows a trained one.")
    if is_task and (params or (trial is None and not has_study(target, sets))):
        _diagnose_task(Path(target), sets, params, as_json)
        return
    from tuner.cli.stories import print_study, print_trial
    from tuner.solo import diagnose_study, diagnose_trial

    folder = study_folder(target, storage, sets)
    if trial is None:
        _show_story(diagnose_study(folder), as_json, lambda story: print_study(story, folder))
    else:
        _show_story(diagnose_trial(folder, trial), as_json, print_trial)


def _diagnose_task(path: Path, sets: tuple[str, ...], params: tuple[str, ...], as_json: bool) -> None:
    """Train one configuration and report on it; after Ctrl+C on what was trained until then."""
    from tuner.announcements import Notice
    from tuner.cli.console import Lines, listener
    from tuner.cli.stories import print_trial
    from tuner.solo import ProgressLink, configuration, diagnose_task
    from tuner.task import resolve_task
    from tuner.task.preparing import preparation_told

    task = resolve_task(path, sets)
    chosen = configuration(task, params)
    show = Lines(sys.stderr) if as_json else listener(as_json)
    link = ProgressLink(show, task.objective.metric, task.file.budget.epochs)
    show(Notice(f"training {chosen.words}, with every probe; nothing is recorded in a study"))
    try:
        with stopping(link.stop) as received, preparation_told(show):
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
    from tuner.cli.values import finite

    click.echo(json.dumps(finite(story.as_json()), indent=2))
