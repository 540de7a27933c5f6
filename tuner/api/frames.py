"""The runs of a study as tables for pandas."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

from tuner.disk.events import RunRecord
from tuner.messages import State
from tuner.reporting.about import About, findings
from tuner.words import called

if TYPE_CHECKING:
    import pandas as pd

TRIAL = {
    "number": "Int64",
    "state": "object",
    "value": "float64",
    "epochs": "Int64",
    "datetime_start": "datetime64[ns]",
    "datetime_complete": "datetime64[ns]",
    "duration": "timedelta64[ns]",
    "findings": "object",
    "reason": "object",
}
"""Columns of a trial beside its parameters."""


def trials_frame(records: Sequence[RunRecord], *, running: bool) -> pd.DataFrame:
    """One row per trial, by number; a column per searched parameter, after those of `TRIAL`.

    Args:
        records: The trials.
        running: Whether a driver has the study now.
    """
    import pandas as pd

    names = dict.fromkeys(name for record in records for name in record.searched)
    columns = {name: f"params_{name}" if name in TRIAL else name for name in names}
    rows = [{**_trial(record, running), **_searched(record, columns)} for record in records]
    return pd.DataFrame(rows, columns=[*TRIAL, *columns.values()]).astype(TRIAL)


def _trial(record: RunRecord, running: bool) -> dict[str, Any]:
    state = State.RUNNING if record.state is State.LOST and running else record.state
    return {
        "number": record.number,
        "state": state.value,
        "value": record.value,
        "epochs": max(record.epochs, default=0),
        "datetime_start": datetime.fromtimestamp(record.created),
        "datetime_complete": datetime.fromtimestamp(record.ended) if record.ended and record.state.final else None,
        "duration": timedelta(seconds=record.seconds),
        "findings": ", ".join(record.found),
        "reason": record.reason,
    }


def _searched(record: RunRecord, columns: Mapping[str, str]) -> dict[str, Any]:
    return {columns[name]: record.params[name] for name in record.searched if name in record.params}


def curves_frame(records: Iterable[RunRecord]) -> pd.DataFrame:
    """One row per run and epoch: run, number, epoch, and a column per metric."""
    import pandas as pd

    rows = [
        {"run": record.run, "number": record.number, "epoch": epoch, **event["metrics"]}
        for record in records
        for epoch, event in sorted(record.epochs.items())
    ]
    first = ["run", "number", "epoch"]
    metrics = sorted({name for row in rows for name in row} - set(first))
    return pd.DataFrame(rows, columns=[*first, *metrics]).astype(dict.fromkeys(metrics, "float64"))


def leaderboard_frame(
    confirmed: Sequence[RunRecord], tests: Mapping[str, Mapping[str, Any]], about: About
) -> pd.DataFrame:
    """One row per confirmed configuration, best mean first, those without a score on every seed last.

    Args:
        confirmed: The trainings of the confirmation that are over.
        tests: Run -> its scores on the test data.
        about: The study.
    """
    import pandas as pd

    objective = about.objective
    by_number: dict[int, list[RunRecord]] = {}
    for record in confirmed:
        by_number.setdefault(record.number, []).append(record)
    rows: list[dict[str, Any]] = []
    for number, records in by_number.items():
        scores = [each.value for each in records if each.state is State.COMPLETED and each.value is not None]
        test = [tests[each.run][objective.name] for each in records if objective.name in tests.get(each.run, ())]
        rows.append(
            {
                "number": number,
                "name": called(number),
                "value": fmean(scores) if scores else None,
                "std": stdev(scores) if len(scores) > 1 else None,
                "test": fmean(test) if test else None,
                "test_std": stdev(test) if len(test) > 1 else None,
                "seeds": len(scores),
                "missing": len(records) - len(scores),
            }
        )
    rows.sort(key=lambda row: (row["missing"] > 0, objective.loss(row["value"]), row["number"]))
    floats = ["value", "std", "test", "test_std"]
    columns = ["number", "name", *floats, "seeds", "missing"]
    return pd.DataFrame(rows, columns=columns).astype(
        {**dict.fromkeys(columns, "Int64"), "name": "object", **dict.fromkeys(floats, "float64")}
    )


def findings_frame(records: Iterable[RunRecord], about: About) -> pd.DataFrame:
    """One row per finding of a run: run, number, name, where, epoch, evidence, threshold, source, fatal, remedies."""
    import pandas as pd

    rows = [
        {
            "run": record.run,
            "number": record.number,
            "name": finding.name,
            "where": finding.where,
            "epoch": finding.epoch,
            "evidence": finding.evidence,
            "threshold": finding.threshold,
            "source": finding.source,
            "fatal": finding.fatal,
            "remedies": "; ".join(finding.remedies),
        }
        for record in records
        for finding in findings(record, about)
    ]
    columns = ["run", "number", "name", "where", "epoch", "evidence", "threshold", "source", "fatal", "remedies"]
    return pd.DataFrame(rows, columns=columns)
