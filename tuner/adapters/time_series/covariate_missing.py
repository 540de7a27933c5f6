"""Missing values of covariates: NaN among numbers, "" among categories. T rows of a series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.time_series.covariates import MASK, Covariates, missing_in
from tuner.words import first_few

_DONE = {
    "forward": "filled with the value before",
    "mask": "filled with the value before, with a feature beside that says where",
    "zero": "filled with 0",
}
"""Policy -> what it does to a number."""
_SHOWN = 3


def filled_rows(covariates: Covariates, rows: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The covariates of a series' rows in order of time, filled by their policies, with the masks.

    Only earlier values fill later ones, so that a forecast never sees what comes after it. NaN remains before the first
    value, where `Covariates.matrix` has the mean, and with refuse; categories are unchanged.

    Args:
        covariates: The covariates.
        rows: Column -> values, (T,).
    """
    found = dict(rows)
    for name, values in rows.items():
        policy = covariates.missing.get(name, "forward")
        if name in covariates.categories or policy == "refuse":
            continue
        missing_T = np.isnan(values)
        if policy == "mask":
            found[name + MASK] = missing_T.astype(np.float64)
        if policy == "zero":
            found[name] = np.where(missing_T, 0.0, values)
        elif missing_T.any():
            last_T = np.maximum.accumulate(np.where(missing_T, -1, np.arange(len(values))))
            found[name] = np.where(last_T < 0, np.nan, values[last_T])
    return found


def told_of_holes(torn: Sequence[str]) -> list[str]:
    """A sentence on what `holes` has found."""
    told = f"covariates are missing: {first_few(torn, _SHOWN, 'columns')}; set data.missing to change that"
    return [told] if torn else []


def holes(covariates: Covariates, cells: Mapping[str, NDArray[Any]], static: Sequence[Mapping[str, Any]]) -> list[str]:
    """What is missing in each column, and what becomes of it.

    Args:
        covariates: The covariates.
        cells: Column -> its cells in all rows.
        static: The static covariates of each series.
    """
    found = []
    for name in (*covariates.rows, *covariates.static):
        is_static = name in covariates.static
        values = np.array([each[name] for each in static]) if is_static else cells[name]
        count = int(missing_in(values).sum())
        if not count:
            continue
        done = _DONE[covariates.missing.get(name, "forward")]
        if name in covariates.categories:
            done = "a category of its own"
        elif is_static and covariates.missing.get(name) != "zero":
            done = "filled with the median of the series"
        unit = ("of", "series") if is_static else ("in", "row" if count == 1 else "rows")
        found.append(f"{name} {unit[0]} {count:,} {unit[1]} ({done})")
    return found
