"""Covariates: what is not forecast, but seen. Read from tables, coded and scaled by what training rows say.

Known ones (a price, a holiday) are known of the rows to forecast, past ones (a sensor) are not, static ones (a region)
are the same in all rows of a series. T rows of a series, S series, F covariates by row, G static ones, features of a
calendar included.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.time_series.covariate_options import Calendar
from tuner.adapters.time_series.groups import Groups
from tuner.adapters.time_series.options import ForecastingOptions
from tuner.adapters.time_series.table import Table
from tuner.errors import DataError

OTHER = 0
"""Code of a category that training has not seen."""
_DAY = 86_400


@dataclass(frozen=True)
class Covariates:
    """Which covariates there are, and how they become numbers.

    In rows they stand in this order: known numbers, features of the calendar, past numbers, known categories, past
    ones; static ones by themselves, numbers before categories.

    Args:
        known: Columns that are known of the rows to forecast.
        past: Columns that are not.
        static: Columns that are the same in all rows of a series.
        calendar: What is told of a row's time.
        categories: Column -> its categories, those of codes 1 and up; columns that are not here hold numbers.
        scaling: Column of numbers -> mean and standard deviation.
    """

    known: tuple[str, ...] = ()
    past: tuple[str, ...] = ()
    static: tuple[str, ...] = ()
    calendar: tuple[Calendar, ...] = ()
    categories: Mapping[str, Sequence[str]] = field(default_factory=dict)
    scaling: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    @classmethod
    def asked(cls, options: ForecastingOptions) -> Self:
        """Those that options name, before any data is read."""
        names = (options.known_covariates, options.past_covariates, options.static_covariates)
        return cls(*names, options.calendar, dict.fromkeys(options.categories, ()))

    @classmethod
    def kept(cls, facts: Mapping[str, Any]) -> Self:
        """As `json` has kept them in the facts of prepared data; none in facts of an earlier version."""
        kept: dict[str, Any] = facts.get("covariates", {})
        names = {name: tuple(kept[name]) for name in ("known", "past", "static", "calendar") if name in kept}
        return cls(**names, categories=kept.get("categories", {}), scaling=kept.get("scaling", {}))

    def json(self) -> dict[str, Any]:
        """See `kept`."""
        return asdict(self)

    def __bool__(self) -> bool:
        return bool(self.known or self.past or self.static or self.calendar)

    @property
    def ahead(self) -> bool:
        """Whether something is known of the rows to forecast."""
        return bool(self.known or self.calendar)

    @property
    def rows(self) -> tuple[str, ...]:
        """Columns of rows, in the order in which tables are read: known, then past."""
        return (*self.known, *self.past)

    @property
    def features(self) -> list[str]:
        """What each feature of `matrix` is: a column, or the calendar."""
        numbers, past = self._numbers(self.known), self._numbers(self.past)
        return [*numbers, *["data.calendar"] * (2 * len(self.calendar)), *past, *self._codes(self.rows)]

    @property
    def by_row(self) -> Layout:
        """What rows have; see `matrix`."""
        return Layout(
            2 * len(self.calendar) + len(self._numbers(self.rows)),
            [len(self.categories[name]) for name in self._codes(self.rows)],
            2 * len(self.calendar) + len(self._numbers(self.known)),
            len(self._codes(self.known)),
        )

    @property
    def by_series(self) -> Layout:
        """What series have."""
        return Layout(len(self._numbers(self.static)), [len(self.categories[n]) for n in self._codes(self.static)])

    def fitted(self, rows: Sequence[Mapping[str, NDArray[Any]]], static: Mapping[str, NDArray[Any]]) -> Self:
        """With categories and scaling of training rows.

        Args:
            rows: The training rows of each series: column -> values.
            static: Column -> the value of each series.
        """
        together = {name: np.concatenate([each[name] for each in rows]) for name in self.rows} | dict(static)
        numbers = {name: values.astype(np.float64) for name, values in together.items() if name not in self.categories}
        return replace(
            self,
            categories={name: sorted(set(together[name].astype(str).tolist())) for name in self.categories},
            scaling={name: (float(values.mean()), float(values.std()) or 1.0) for name, values in numbers.items()},
        )

    def matrix(
        self, rows: Mapping[str, NDArray[Any]], times: NDArray[np.generic] | None, length: int
    ) -> NDArray[np.float32]:
        """The rows of a series as the network takes them, (T, F): numbers scaled, categories as codes.

        Args:
            rows: Column -> values; NaN where one is not known.
            times: Of the rows, datetime64; None without a calendar.
            length: How many rows, T.
        """
        parts = [
            *(self._scaled(name, rows[name]) for name in self._numbers(self.known)),
            *(calendar_features(times, self.calendar) if times is not None else ()),
            *(self._scaled(name, rows[name]) for name in self._numbers(self.past)),
            *(self._coded(name, rows[name]) for name in self._codes(self.rows)),
        ]
        return np.column_stack(parts).astype(np.float32) if parts else np.zeros((length, 0), dtype=np.float32)

    def of_series(self, static: Mapping[str, Any]) -> NDArray[np.float32]:
        """The static ones of a series, (G,)."""
        values = {name: np.array([static[name]]) for name in self.static}
        parts = [
            *(self._scaled(name, values[name]) for name in self._numbers(self.static)),
            *(self._coded(name, values[name]) for name in self._codes(self.static)),
        ]
        return np.concatenate(parts).astype(np.float32) if parts else np.zeros(0, dtype=np.float32)

    def _numbers(self, names: Sequence[str]) -> list[str]:
        return [name for name in names if name not in self.categories]

    def _codes(self, names: Sequence[str]) -> list[str]:
        return [name for name in names if name in self.categories]

    def _scaled(self, name: str, values: NDArray[Any]) -> NDArray[np.float64]:
        mean, scale = self.scaling[name]
        scaled: NDArray[np.float64] = (values.astype(np.float64) - mean) / scale
        return scaled

    def _coded(self, name: str, values: NDArray[Any]) -> NDArray[np.float64]:
        code = {category: number for number, category in enumerate(self.categories[name], 1)}
        return np.array([np.nan if value == "" else code.get(str(value), OTHER) for value in values], dtype=np.float64)


@dataclass(frozen=True)
class Layout:
    """Numbers, then codes.

    Args:
        numbers: How many numbers.
        codes: How many categories each code has, beside the other.
        numbers_ahead: How many of the numbers, from the first, are known of the rows to forecast.
        codes_ahead: The same of the codes.
    """

    numbers: int
    codes: Sequence[int]
    numbers_ahead: int = 0
    codes_ahead: int = 0

    @property
    def ahead(self) -> NDArray[np.bool_]:
        """Which are known of the rows to forecast, (F,)."""
        numbers, codes = np.arange(self.numbers), np.arange(len(self.codes))
        return np.concatenate([numbers < self.numbers_ahead, codes < self.codes_ahead])


def read_covariates(asked: Covariates, table: Table) -> dict[str, NDArray[Any]]:
    """Column -> its cells, row by row: numbers, or of categories text, none of them missing.

    Raises:
        DataError: A column or a cell is missing, or a cell of one that is not among the categories is no number.
    """
    found: dict[str, NDArray[Any]] = {}
    for name in (*asked.rows, *asked.static):
        if name in asked.categories:
            found[name] = table.text(name)
            continue
        words = np.flatnonzero(np.isnan(table.numbers_there((name,))[:, 0]) & (table.text_there(name) != "").to_numpy())
        if len(words):
            raise DataError(
                f"{name} must hold numbers, or be named in data.categories",
                value=str(table.cells(name).iloc[words[0]]),
                fix=f"Set data.categories to [{', '.join([*asked.categories, name])}].",
                where=table.place(int(words[0])),
            )
        found[name] = table.numbers((name,), "data.known_covariates, data.past_covariates or data.static_covariates")[
            :, 0
        ]
    return found


def read_covariates_there(covariates: Covariates, table: Table) -> dict[str, NDArray[Any]]:
    """The same, where cells may be missing: NaN, or "" of categories."""
    found: dict[str, NDArray[Any]] = {}
    for name in (*covariates.rows, *covariates.static):
        if name in covariates.categories:
            found[name] = table.text_there(name).to_numpy(dtype=np.str_)
        else:
            found[name] = table.numbers_there((name,))[:, 0]
    return found


def static_of(
    asked: Covariates, cells: Mapping[str, NDArray[Any]], groups: Groups, table: Table
) -> list[dict[str, Any]]:
    """The static covariates of each series.

    Raises:
        DataError: One changes within a series.
    """
    found: list[dict[str, Any]] = [{} for _ in groups.names]
    bounds = [*groups.starts, len(groups.order)]
    for name in asked.static:
        values = cells[name][groups.order]
        for number, (start, end) in enumerate(pairwise(bounds)):
            if (other := np.flatnonzero(values[start:end] != values[start])).size:
                raise DataError(
                    f"{name} must be the same in all rows of a series, as it is in data.static_covariates",
                    value=f"{values[start]} and {values[start + other[0]]}",
                    fix="Name it in data.known_covariates or data.past_covariates.",
                    where=table.place(int(groups.order[start + other[0]])),
                )
            found[number][name] = values[start].item()
    return found


def check_calendar(options: ForecastingOptions, times: NDArray[np.generic]) -> None:
    """A calendar is one of dates.

    Raises:
        DataError: Times are numbers.
    """
    if options.calendar and times.dtype.kind != "M":
        raise DataError(
            "data.calendar must come with dates in data.time",
            value=f"{options.time} of numbers",
            fix="Leave data.calendar out, or say by data.time_format how dates are written.",
            key=("data", "calendar"),
        )


def calendar_features(times: NDArray[np.generic], names: Sequence[Calendar]) -> list[NDArray[np.float64]]:
    """Sine and cosine of where a time stands in each cycle, (T,) each."""
    moments: Any = times.astype("datetime64[s]")
    days = moments.astype("datetime64[D]")
    months = moments.astype("datetime64[M]")
    second = (moments - days).astype(np.int64)
    day = (days - months).astype(np.int64)
    year = (days - moments.astype("datetime64[Y]")).astype(np.int64)
    cycles = {
        "hour": second % 3600 / 3600,
        "day": second / _DAY,
        "week": (days.astype(np.int64) + 3) % 7 / 7 + second / _DAY / 7,  # 1970-01-01 was a Thursday
        "month": day / 31,
        "year": year / 366,
    }
    unknown = np.where(np.isnat(moments), np.nan, 0.0)
    angles = [2 * np.pi * cycles[name] + unknown for name in names]
    return [feature for angle in angles for feature in (np.sin(angle), np.cos(angle))]
