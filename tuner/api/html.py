"""A study in a notebook."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from tuner.announcements import Summary
from tuner.cli.tables import parameters, unfinished
from tuner.sweep.standing import Standing
from tuner.verdict import Verdict


def study_html(standing: Standing) -> str:
    """The summary of a finished study, or the progress of an unfinished one."""
    if standing.summary is None:
        first, *rest = unfinished(standing)
        return f"<b>{escape(first)}</b>{_lines(rest)}"
    return _summary(standing.summary)


def _summary(summary: Summary) -> str:
    verdict = Verdict(**summary.verdict)
    tests = {"test": summary.test_metric, "readable": summary.readable_metric} if summary.has_test else {}
    columns = {"name": "configuration", "searched": "in the search", "score": summary.metric, **tests, "seeds": "seeds"}
    columns = {key: heading for key, heading in columns.items() if heading}
    table = _table(list(columns.values()), [[row.get(key, "") for key in columns] for row in summary.rows])
    told = [*verdict.details(summary.sentences)]
    if summary.winner_params:
        told.append(f"{summary.winner}: {parameters(summary.winner_params)}")
    told += [f"{what}: {command}" for what, command in verdict.next]
    head = f"<b>{escape(summary.headline)}</b>{_lines(verdict.lines)}"
    return f"{head}{table if summary.rows else ''}{_lines(told)}"


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(heading)}</th>" for heading in headings)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _lines(sentences: Iterable[str]) -> str:
    return "".join(f"<div>{escape(sentence)}</div>" for sentence in sentences)
