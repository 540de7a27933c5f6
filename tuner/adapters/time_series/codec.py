"""Forecasts of new series, beyond their end or from every row. See `tuner.adapters.base.Codec`.

A table has the columns of the training table. Its rows are sorted and its gaps treated as in training.

T rows of a series, L rows of an input window, H steps ahead, C channels, N items of a batch.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from tuner.adapters.base import Graph, Item, Row
from tuner.adapters.scaling import Scaling, standardization
from tuner.adapters.time_series.ahead import ahead
from tuner.adapters.time_series.clocks import Clock, Clocks
from tuner.adapters.time_series.covariate_missing import filled_rows
from tuner.adapters.time_series.covariates import missing_in, of_one, read_covariates_there
from tuner.adapters.time_series.forecast_windows import Stretch, Window, beside, forecasts, known_rows, placed
from tuner.adapters.time_series.forecasting_problem import ForecastingProblem
from tuner.adapters.time_series.graphs import ForecastOfWindows, told
from tuner.adapters.time_series.groups import Groups, groups_of
from tuner.adapters.time_series.options import ForecastAsked, ForecastingOptions
from tuner.adapters.time_series.outputs import Quantiles
from tuner.adapters.time_series.parts import Sections
from tuner.adapters.time_series.scoring import LEVELS
from tuner.adapters.time_series.series import Series
from tuner.adapters.time_series.stamps import SeriesStamps, Stamps, written
from tuner.adapters.time_series.steps import Step, step_of
from tuner.adapters.time_series.table import SUFFIXES, Table
from tuner.adapters.time_series.unseen import Unseen
from tuner.adapters.time_series.written import Known
from tuner.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

    from tuner.adapters.base import Forward

_EXAMPLE_ROWS, _EXAMPLE_START = 24, np.datetime64("2024-01-01T00:00:00", "us")
_LEAST = 256
"""Rows of a series of a long file that are kept in memory, in addition to those that a window and its gaps need."""
_GAPS = 0.1
"""With ignored gaps: if a larger share of rows follows a gap, the times of the next rows are unknown."""
QUANTILES = tuple(f"_q{100 * level:g}" for level in LEVELS)
"""Suffix of the column of a target's quantile: _q10 for 0.1."""


class _Reading:
    """Reads windows of series from tables and arrays, for `ForecastCodec`."""

    def __init__(self, folder: Path, options: ForecastingOptions) -> None:
        self.problem = ForecastingProblem(folder, options)
        self.asked = ForecastAsked()
        self._options = options
        facts = json.loads((folder / "facts.json").read_text())
        statistics_S3C = np.load(folder / "statistics.npy")
        names = facts.get("series", [""] if len(statistics_S3C) == 1 else [])
        self._named = bool(options.series) or len(statistics_S3C) > 1
        self._nameless = len(statistics_S3C) > 1 and not names  # prepared by an earlier version
        no_C = np.zeros(statistics_S3C.shape[2], dtype=bool)
        self._scalings = {
            name: Scaling(mean_C, scale_C, no_C)
            for name, (mean_C, scale_C, _) in zip(names, statistics_S3C, strict=False)
        }
        self._written = Known.of(facts, options.decimal)
        time = facts.get("time", {"kind": "M", "step": None})
        self._kind: str = time["kind"]
        self._step = Step(**time["step"]) if time["step"] else None
        self._season: int = facts["seasonality"]
        self._series = options.series or ("series" if self._named else None)
        self._placing: Any = {"policy": options.gaps, "season": self._season, "ahead": self.problem.covariates.ahead}
        self._least = min(self.problem.horizon, self.problem.window)
        covariates = self.problem.covariates
        self._unseen = Unseen(covariates.categories)
        self._numbers = [name for name in (*covariates.rows, *covariates.static) if name not in covariates.categories]
        taken = {"problem", "scaled_by", "origin", "step", self._series, options.time}
        self._forecasts: list[str] = []
        for name in self.problem.channels:
            for suffix in ("", *QUANTILES) if options.probabilistic else ("",):
                column = name + suffix
                while column in taken or (suffix and column in self.problem.channels):
                    column += "_"
                self._forecasts.append(column)

    def read(self, path: Path) -> Iterator[Item]:
        """The items of a table, series by series. See `Codec`."""
        if path.suffix.lower() not in SUFFIXES:
            raise DataError("the file's ending must be one of " + " ".join(SUFFIXES), value=path.name, where=str(path))
        yield from self._sections(path, str(path))

    def items(self, data: Any) -> Iterator[Item]:
        """A DataFrame with the tables' columns, a list of arrays (T,) or (T, C), or paths. See `Codec`."""
        if hasattr(data, "columns"):
            yield from self._sections(Path("the DataFrame"), "the DataFrame", data)
            return
        if isinstance(data, str | bytes | dict) or not hasattr(data, "__iter__"):
            raise DataError("series must be a table's path, a DataFrame or a list of arrays", value=data)
        for number, each in enumerate(data):
            if isinstance(each, str | Path):
                yield from self.read(Path(each))
            else:
                yield from self._array(each, f"item {number}")

    @property
    def _text_columns(self) -> list[str]:
        return [name for name in (self._options.time, self._series, *self.problem.covariates.categories) if name]

    def _array(self, values: Any, where: str) -> Iterator[Item]:
        try:
            values_TC = np.asarray(values, dtype=np.float64)
        except (TypeError, ValueError) as error:
            yield Item(where, None, f"it must be an array of numbers: {error}")
            return
        values_TC = values_TC[:, None] if values_TC.ndim == 1 else values_TC
        if values_TC.ndim != 2 or values_TC.shape[1] != len(self.problem.channels):
            yield Item(where, None, f"it must be (rows, {len(self.problem.channels)}), but is {values_TC.shape}")
            return
        if self.problem.covariates:
            yield Item(where, None, "it must be a table, as the model asks for covariates or times")
            return
        name = "" if self._named else next(iter(self._scalings), "")
        one, _, problem = placed(Series(name, values_TC, where), None, None, **self._placing)
        yield from [Item(where, None, problem)] if problem else self._of_series(one)

    def _sections(self, path: Path, where: str, frame: pd.DataFrame | None = None) -> Iterator[Item]:
        options = self._options
        found = Sections(
            path,
            self._text_columns,
            [*self.problem.channels, *self._numbers],
            options.writing,
            self._written,
            frame,
            name=self._series,
            time=options.time,
        )
        worth = None if self.asked.every_origin else partial(self._worth, found)
        for table, part in found.tables(worth, self._unseen.see):
            refused = [Item(place, None, why) for _, place, why in part.refused]
            if table is not None and (self._series or not refused):
                yield from self._table(table, where, found.known)
            yield from refused if self._series else refused[:1]

    def _worth(self, sections: Sections, table: Table) -> NDArray[np.bool_]:
        """A mask of the rows needed for the last forecast: those of its window, and those that fill gaps in it.

        All rows of series that are scaled by their own rows or have an error.
        """
        groups = self._groups(table, sections.known)
        kept_N = np.zeros(len(table), dtype=bool)
        cells = read_covariates_there(self.problem.covariates, table).values()
        bounds = [*groups.starts, len(groups.order)]
        least = 4 * (self.problem.window + self._season) + self.problem.horizon + _LEAST
        for number, (name, start, end) in enumerate(zip(groups.names, bounds, bounds[1:], strict=False)):
            known = not self._named or name in self._scalings
            first = max(start, end - least) if known and number not in groups.unsound else start
            first = min([first, *(_last_there(values[groups.order[start : first + 1]], start) for values in cells)])
            kept_N[groups.order[first:end]] = True
        return kept_N

    def _groups(self, table: Table, known: Sequence[str]) -> Groups:
        options = self._options
        return groups_of(table, self._series, options.time, options.time_format, tolerant=True, known=known)

    def _table(self, table: Table, where: str, known: Sequence[str]) -> Iterator[Item]:
        options = self._options
        groups = self._groups(table, known)
        values_NC = table.numbers_there(self.problem.channels)
        cells = read_covariates_there(self.problem.covariates, table)
        stamps = clocks = None
        step = self._step
        if options.time:
            stamps = Stamps(table.cells(options.time), options.time_format)
            if (groups.times.dtype.kind == "M") != (self._kind == "M"):
                raise DataError(
                    f"{options.time} must hold what it held in training, {'dates' if self._kind == 'M' else 'numbers'}",
                    value=str(table.cells(options.time).iloc[0]),
                    where=where,
                )
            step = step or step_of(groups.times, groups.starts)
            if self.problem.covariates.calendar:
                clocks = Clocks(table.cells(options.time), self.problem.covariates.zone)
        bounds = [*groups.starts, len(groups.order)]
        for number, (name, start, end) in enumerate(zip(groups.names, bounds, bounds[1:], strict=False)):
            rows, times = groups.order[start:end], groups.times[start:end]
            place = f"{where}: series {name}" if name else where
            series = Series(
                name,
                values_NC[rows],
                place,
                times=times if clocks else None,
                clock=clocks.of(rows, times) if clocks else Clock(),
                covariates=filled_rows(
                    self.problem.covariates, {name: cells[name][rows] for name in self.problem.covariates.rows}
                ),
                static={name: of_one(cells[name][rows]) for name in self.problem.covariates.static},
            )
            problem = str(groups.unsound[number].of_model()) if number in groups.unsound else ""
            if not problem:
                timed = times if options.time else None
                series, whole, problem = placed(series, timed, step, **self._placing)
                rows, times = rows[whole], times[whole]
            if problem:
                yield Item(place, None, problem, self._known(name))
                continue
            if options.gaps == "ignore":
                step = _own_step(times, self._step)
            found = None if stamps is None else SeriesStamps(stamps, rows, times, step, series.made)
            yield from self._of_series(series, found)

    def _known(self, name: str) -> dict[str, Any]:
        return {self._series: name} if self._series else {}

    def _of_series(self, series: Series, stamps: SeriesStamps | None = None) -> Iterator[Item]:
        """The windows of a series, or the reason why it has none."""
        known, problem = self._known(series.name), ""
        scaling = self._scalings.get(series.name) if self._named else next(iter(self._scalings.values()))
        if self._series:
            known["scaled_by"] = "own rows" if scaling is None else "training"
        if scaling is None:
            if self._nameless:
                problem = "scaled by its own rows: the model, of an earlier version, does not know series by name"
            whole_TC = series.values[np.isfinite(series.values).all(axis=1)]
            if not len(whole_TC):
                yield Item(series.where, None, "no row has all values", known)
                return
            try:
                scaling = standardization(whole_TC, series.where)
            except DataError as error:
                yield Item(series.where, None, error.problem, known)
                return
        last = known_rows(series) if self.problem.covariates.ahead else len(series.values)
        starts = [0, *(start for start in (series.breaks if series.breaks is not None else ()) if start < last)]
        stretches = list(zip(starts, [*starts[1:], last], strict=True))
        enough = [(start, end) for start, end in stretches if end - start >= self._least]
        for start, end in enough if self.asked.every_origin and enough else stretches[-1:]:
            if end - start < self._least:
                rows = f"{end - start} {'row' if end - start == 1 else 'rows'}{' after a gap' if start else ''}"
                reason = f"it must have {self._least} rows or more before the forecast, but has {rows}"
                yield Item(series.where, None, reason, known)
                continue
            with np.errstate(over="ignore"):  # told in the window's place
                scaled = scaling(series.values[start:end]).astype(np.float32)
            found = Stretch(series, start, end, scaled, stamps, beside(self.problem, series, start, end, stamps))
            for item in found.windows(self.problem, known, least=self._least, every_origin=self.asked.every_origin):
                yield replace(item, scaling=scaling, problem=problem) if isinstance(item, Window) else item


def _own_step(times: NDArray[np.generic], learned: Step | None) -> Step | None:
    """The time step of one series with ignored gaps, by which its times continue.

    If it is too short to show opening hours, it has those of training. None if it has too many gaps.
    """
    own = step_of(times, np.zeros(1, dtype=np.int64))
    if own and learned and own.kind == "fixed" and learned.kind == "slots" and own.length == learned.length:
        return learned
    if own and own.kind != "months" and (np.diff(own.places(times)) > 1 + own.skipped).mean() > _GAPS:
        return None
    return own


def _last_there(values: NDArray[Any], start: int) -> int:
    """The last row with a value, from which later ones are filled; the first one without any."""
    there = np.flatnonzero(~missing_in(values))
    return start + (int(there[-1]) if len(there) else 0)


class ForecastCodec(_Reading):
    """Forecasts of series, in their own units.

    Columns: the series' name and `scaled_by` if there can be several series, `origin` with forecasts from every row,
    `step` from 1 on, the time, and the forecast of each target, with its quantiles if any: `sold`,
    `sold_q2.5`, `sold_q10`. A name that clashes with one of these gets a `_`.

    Args:
        folder: Holds `facts.json`, `statistics.npy`, `parts.npy` and `stretches.npy`.
        options: The adapter's.
    """

    @property
    def notices(self) -> list[str]:
        """See `Codec`."""
        return self._unseen.sentences

    def columns(self, *, proba: bool) -> dict[str, type]:  # noqa: ARG002 - contract
        """See `Codec`."""
        time = self._options.time
        kind = {"i": int, "f": float}.get(self._kind, str)
        found: dict[str, type] = {self._series: str, "scaled_by": str} if self._series else {}
        if self.asked.every_origin:
            found["origin"] = kind if time else int
        found["step"] = int
        if time:
            found[time] = kind
        return found | dict.fromkeys(self._forecasts, float)

    def example(self) -> dict[str, list[Any]]:
        """A few rows of one series, all equal to its mean. See `Codec`."""
        rows = max(self._least, min(self.problem.window, _EXAMPLE_ROWS))
        name, scaling = next(iter(self._scalings.items()), ("a series", None))
        mean_C = np.zeros(len(self.problem.channels)) if scaling is None else scaling.mean
        found: dict[str, list[Any]] = {self._series: [name] * rows} if self._series else {}
        if self._options.time:
            start = np.array([_EXAMPLE_START]) if self._kind == "M" else np.zeros(1, dtype=self._kind + "8")
            step = self._step or Step("fixed", 86_400.0 if self._kind == "M" else 1.0, None, "")
            times = written([*start, *ahead(start, step, rows - 1)], self._options.time_format)
            found[self._options.time] = times
        found |= {name: [float(mean)] * rows for name, mean in zip(self.problem.channels, mean_C, strict=True)}
        covariates, after = self.problem.covariates, self.problem.horizon
        for name in (*covariates.rows, *covariates.static):
            words = covariates.categories.get(name)
            word = next(filter(None, words), "") if words else ""
            found[name] = [word if words else float(covariates.scaling[name][0])] * rows
        if not covariates.known:
            return found
        if self._options.time:
            found[self._options.time] = written(
                [*start, *ahead(start, step, rows + after - 1)], self._options.time_format
            )
        for name in found:
            if name != self._options.time:
                found[name] += [None if name in self.problem.channels else found[name][0]] * after
        return found

    def answer(
        self,
        network: nn.Module | Forward,
        items: Sequence[Item],
        *,
        proba: bool,  # noqa: ARG002 - contract
    ) -> list[list[Row]]:
        """One row per step. See `Codec`."""
        answers = []
        for item, values_HCV in zip(items, forecasts(self.problem, network, items), strict=True):
            assert isinstance(item, Window)
            rows: list[Row] = []
            for step, values_CV in enumerate(values_HCV.reshape(len(values_HCV), -1).tolist()):
                row: Row = {**item.facts, "step": step + 1}
                if self._options.time:
                    row[self._options.time] = item.ahead[step] if step < len(item.ahead) else None
                rows.append({**row, **dict(zip(self._forecasts, values_CV, strict=True))})
            answers.append(rows)
        return answers

    def graph(self, network: nn.Module) -> Graph:
        """A graph from unscaled rows to unscaled forecasts. See `Codec`."""
        channels, window = self.problem.channels, self.problem.window
        only = None if self._named else next(iter(self._scalings.values()))
        whole = ForecastOfWindows(network, self.problem, only)
        about: dict[str, Any] = {
            "x": f"unscaled rows of {', '.join(channels)}; the last {window} of a series, or fewer",
            "lengths": f"rows of each item, 1 to {window}; padding on the right is ignored",
            "prediction": Quantiles.exported if self._options.conformal else whole.output.exported,
            "look_back": window,
        }
        if self._named:
            known = "of the series' training rows, as `series` says; of a series that was not in training, its own"
            about |= {"mean": f"mean {known}", "scale": f"standard deviation {known}", "series": told(self._scalings)}
        if whole.covariates is None:
            return Graph(whole, whole.example, about)
        return Graph(whole, whole.example, about | whole.covariates.about(), ("x", *whole.covariates.stepped))
