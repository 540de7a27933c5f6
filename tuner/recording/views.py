"""Saved views of a study's runs in MLflow's pages: a leaderboard of the trials, and charts. Free of MLflow.

A view is a tag of the experiment: `mlflow.sharedViewState.KEY` holds JSON with its name and the page's compressed
browser state. MLflow has no call to create one and does not document the form, so views are written only for versions
whose pages were seen to read them.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from tuner.recording.points import metric_key

SEEN = ("3.17.",)
"""Beginnings of the versions of MLflow whose pages read these views; a test with a browser checks the installed
one."""
PREFIX = "mlflow.sharedViewState."
LEADERBOARD, CHARTS = "leaderboard", "charts"
"""Keys of the two views, as in an address."""

_OURS = "tuner"  # our mark, which the pages remove when a user saves the view
_FIRST = ("cell", "learning_rate")
_COLUMNS = 12
_AXES = 8
_SECTION = "tuner-search"
_FACTS = ("epochs", "seconds", "parameters")  # told by the table, and no picture


def readable(version: str) -> bool:
    """Whether the pages of this version of MLflow are known to read the views."""
    return version.startswith(SEEN)


def saved_views(sweep: Mapping[str, Any], identity: str) -> dict[str, str]:
    """Tag of the experiment -> its value, for each view.

    Args:
        sweep: The study's latest `sweep` event.
        identity: Its tag `tuner.id`: milliseconds.
    """
    made = {LEADERBOARD: ("Leaderboard", _leaderboard), CHARTS: ("What mattered", _charts)}
    ascending = sweep.get("direction") != "maximize"
    views = {}
    for key, (name, view) in made.items():
        facets = {
            "searchFilter": f"tags.`tuner.kind` = 'trial' AND tags.`tuner.id` = '{identity}'",
            "orderByKey": _column("metrics", "objective"),
            "orderByAsc": ascending,
        }
        deflated = base64.b64encode(zlib.compress(json.dumps({**facets, **view(sweep)}).encode(), 9)).decode()
        envelope = {"name": name, "createdAt": int(identity), "state": f"deflate;{deflated}", _OURS: 1}
        views[f"{PREFIX}{key}"] = json.dumps(envelope)
    return views


def ours(value: str | None) -> bool:
    """Whether a view may be overwritten: it is missing, or was written here and not saved by a user."""
    if value is None:
        return True
    try:
        found = json.loads(value)
    except ValueError:
        return False
    return isinstance(found, dict) and _OURS in found


def _leaderboard(sweep: Mapping[str, Any]) -> dict[str, Any]:
    """The leaderboard: state and scores first, then parameters, then start and duration."""
    scores = [_column("metrics", "objective"), _column("metrics", "confirmed"), _column("tags", "tuner.state")]
    rest = [*(_column("params", name) for name in _searched(sweep)[:_COLUMNS]), _column("metrics", "epochs")]
    fixed = {_column("attributes", "Run Name"): 160, "runDateAndNestInfo": 120}
    return {
        "selectedColumns": [*scores, *rest],
        "columnOrder": [*fixed, *scores, *rest, "duration"],
        "columnWidths": {
            **fixed,
            **dict.fromkeys(scores, 93),
            scores[-1]: 115,
            **dict.fromkeys(rest, 105),
            "duration": 80,
        },
    }


def _charts(sweep: Mapping[str, Any]) -> dict[str, Any]:
    """The charts: learning curves, parallel coordinates and learning rate first; below, MLflow's own."""
    metric, searched = metric_key(str(sweep.get("metric", ""))), _searched(sweep)
    always = [name for name in searched if _always(sweep, name)]
    numeric = [name for name in always if _kinds(sweep).get(name) != "categorical"]
    cards = [
        _card(
            "LINE",
            "curves",
            metricKey=metric,
            selectedMetricKeys=[metric],
            lineSmoothness=0,
            xAxisScaleType="linear",
            scaleType="linear" if sweep.get("direction") == "maximize" else "log",
            xAxisKey="step",
            selectedXAxisMetricKey="",
            yAxisKey="metric",
            yAxisExpressions=[],
            ignoreOutliers=False,
            useGlobalXaxisKey=True,
            useGlobalLineSmoothing=True,
            range={},
        ),
        _card(
            "PARALLEL",
            "parallel",
            selectedParams=[metric_key(name) for name in always[:_AXES]],
            selectedMetrics=["objective"],
            showAllRuns=True,
        ),
    ]
    if numeric:
        name = metric_key("learning_rate" if "learning_rate" in numeric else numeric[0])
        cards.append(
            _card(
                "SCATTER",
                "scatter",
                xaxis={"key": name, "type": "PARAM"},
                yaxis={"key": "objective", "type": "METRIC"},
            )
        )
    cards += [_card("BAR", f"no-{name}", metricKey=name, deleted=True, isGenerated=True) for name in _FACTS]
    section = {"uuid": _SECTION, "name": "Search", "display": True, "columns": 1, "cardHeight": 300}
    return {
        "compareRunCharts": cards,
        "compareRunSections": [{**section, "isReordered": True, "deleted": False, "isGenerated": False}],
        "isAccordionReordered": True,
        "runsHiddenMode": "SHOW_ALL",
        "runListHidden": True,  # hidden to save space in a window of 900 pixels
    }


def _card(kind: str, name: str, **fields: Any) -> dict[str, Any]:
    card = {"type": kind, "uuid": f"tuner-{name}", "metricSectionId": _SECTION, "runsCountToCompare": 100}
    return {**card, "deleted": False, "isGenerated": False, **fields}


def _column(group: str, name: str) -> str:
    """A column's name in the pages."""
    return f"{group}.`{metric_key(name)}`"


def _kinds(sweep: Mapping[str, Any]) -> dict[str, str]:
    """Searched parameter -> "categorical" or "numeric"."""
    return dict((sweep.get("space") or {}).get("searched") or {})


def _searched(sweep: Mapping[str, Any]) -> list[str]:
    """Searched parameters: the most common ones first, then in the space's order."""
    kinds = _kinds(sweep)
    return [*(name for name in _FIRST if name in kinds), *(name for name in kinds if name not in _FIRST)]


def _always(sweep: Mapping[str, Any], name: str) -> bool:
    """Whether every trial has a parameter; MLflow's parallel coordinates show only trials that have all."""
    definition: Sequence[Mapping[str, Any]] = (sweep.get("space") or {}).get("definition") or ()
    entries = [entry for entry in definition if entry.get("name") == name]
    free = any(not entry.get("when") and not entry.get("owner") for entry in entries)
    return _kinds(sweep)[name] == "categorical" or free or len(entries) != 1
