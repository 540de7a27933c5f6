"""Covariates: inputs that are not forecast. Read from tables, coded and scaled by the training rows.

Known ones (a price, a holiday) are known for the rows to forecast, past ones (a sensor) are not, static ones (a region)
are the same in all rows of a series. T rows of a series, S series, F covariates by row, G static ones, features of a
calendar included.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.time_series.clocks import UTC
from tuner.adapters.time_series.covariate_options import Calendar, CovariateMissing
from tuner.adapters.time_series.groups import Groups
from tuner.adapters.time_series.named_columns import best, check_matched, named, plain, without_dropped
from tuner.adapters.time_series.options import ForecastingOptions
from tuner.adapters.time_series.table import Table
from tuner.errors import DataError

OTHER = 0
"""Code of a category that is not in the training rows."""
MASK = " missing"
"""Ends the name of a feature that says where a covariate is missing."""
_DAY = 86_400
_ROLES = ("targets", "known_covariates", "past_covariates", "static_covariates")
"""Options that take patterns."""


@dataclass(frozen=True)
class Covariates:
    """The covariates, and how they become numbers.

    Their order in rows: known numbers, features of the calendar, past numbers, known categories, past
    ones. Static ones are separate, numbers before categories.

    Args:
        known: Columns that are known for the rows to forecast.
        past: Columns that are not known for them.
        static: Columns that are the same in all rows of a series.
        calendar: Calendar features of a row's time.
        categories: Column -> its categories, with codes from 1 on; other columns hold numbers.
        scaling: Column of numbers -> mean and standard deviation.
        missing: Column -> the policy for its missing values.
        medians: Static column of numbers -> what stands for a missing value.
        zone: Whose local time the calendar is of, see `Clocks`.
    """

    known: tuple[str, ...] = ()
    past: tuple[str, ...] = ()
    static: tuple[str, ...] = ()
    calendar: tuple[Calendar, ...] = ()
    categories: Mapping[str, Sequence[str]] = field(default_factory=dict)
    scaling: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    missing: Mapping[str, CovariateMissing] = field(default_factory=dict)
    medians: Mapping[str, float] = field(default_factory=dict)
    zone: str = UTC

    @classmethod
    def asked(cls, options: ForecastingOptions) -> Self:
        """The covariates that options name, before any data are read."""
        names = (options.known_covariates, options.past_covariates, options.static_covariates)
        said = options.missing
        missing = {
            name: said if isinstance(said, str) else said.get(best(name, said), "forward")
            for name in itertools.chain(*names)
        }
        return cls(*names, options.calendar, dict.fromkeys(options.categories, ()), missing=missing)

    @classmethod
    def kept(cls, facts: Mapping[str, Any]) -> Self:
        """The covariates stored by `json` in the facts of prepared data; none in those of an earlier version."""
        kept: dict[str, Any] = facts.get("covariates", {})
        names: dict[str, Any] = {
            name: tuple(kept[name]) for name in ("known", "past", "static", "calendar") if name in kept
        }
        rest = {name: kept[name] for name in ("categories", "scaling", "missing", "medians", "zone") if name in kept}
        return cls(**names, **rest)

    def json(self) -> dict[str, Any]:
        """As JSON values; see `kept`."""
        return asdict(self)

    def __bool__(self) -> bool:
        return bool(self.known or self.past or self.static or self.calendar)

    @property
    def ahead(self) -> bool:
        """Whether there are known covariates or calendar features."""
        return bool(self.known or self.calendar)

    @property
    def rows(self) -> tuple[str, ...]:
        """Columns of rows, in the order in which tables are read: known, then past."""
        return (*self.known, *self.past)

    @property
    def features(self) -> list[str]:
        """The source of each feature of `matrix`: a column or the calendar."""
        numbers, past = self._numbers(self.known), self._numbers(self.past)
        known = [*numbers, *self._masks(self.known), *["data.calendar"] * (2 * len(self.calendar))]
        return [*known, *past, *self._masks(self.past), *self._codes(self.rows)]

    @property
    def by_row(self) -> Layout:
        """Layout of the features of rows; see `matrix`."""
        calendar = 2 * len(self.calendar)
        return Layout(
            calendar + len(self._numbers(self.rows)) + len(self._masks(self.rows)),
            [len(self.categories[name]) for name in self._codes(self.rows)],
            calendar + len(self._numbers(self.known)) + len(self._masks(self.known)),
            len(self._codes(self.known)),
        )

    @property
    def by_series(self) -> Layout:
        """Layout of the static features."""
        return Layout(len(self._numbers(self.static)), [len(self.categories[n]) for n in self._codes(self.static)])

    def fitted(self, rows: Sequence[Mapping[str, NDArray[Any]]], static: Mapping[str, NDArray[Any]]) -> Self:
        """A copy with the categories and scaling of training rows.

        Args:
            rows: The training rows of each series: column -> values.
            static: Column -> the value of each series.

        Raises:
            DataError: A column of numbers has no value.
        """
        together = {name: np.concatenate([each[name] for each in rows]) for name in self.rows} | dict(static)
        numbers = {name: values.astype(np.float64) for name, values in together.items() if name not in self.categories}
        numbers = {name: values[~np.isnan(values)] for name, values in numbers.items()}
        for name, values in numbers.items():
            if not len(values):
                raise DataError(f"{name} must have a value in the training rows", value=0, fix="Leave it out.")
        return replace(
            self,
            categories={name: sorted(set(together[name].astype(str).tolist())) for name in self.categories},
            scaling={name: (float(values.mean()), float(values.std()) or 1.0) for name, values in numbers.items()},
            medians={name: float(np.median(values)) for name, values in numbers.items() if name in self.static},
        )

    def matrix(
        self, rows: Mapping[str, NDArray[Any]], times: NDArray[np.generic] | None, length: int
    ) -> NDArray[np.float32]:
        """The network's input for the rows of a series, (T, F): scaled numbers and codes of categories.

        Args:
            rows: Column -> values, with missing ones as `filled_rows` leaves them.
            times: The rows' local times, datetime64; None without a calendar.
            length: Number of rows, T.
        """
        parts = [
            *(self._scaled(name, rows[name]) for name in self._numbers(self.known)),
            *(rows[name] for name in self._masks(self.known)),
            *(calendar_features(times, self.calendar) if times is not None else ()),
            *(self._scaled(name, rows[name]) for name in self._numbers(self.past)),
            *(rows[name] for name in self._masks(self.past)),
            *(self._coded(name, rows[name]) for name in self._codes(self.rows)),
        ]
        return np.column_stack(parts).astype(np.float32) if parts else np.zeros((length, 0), dtype=np.float32)

    def of_series(self, static: Mapping[str, Any]) -> NDArray[np.float32]:
        """The static covariates of a series, (G,)."""
        values = {name: np.array([static[name]]) for name in self.static}
        for name, median in self.medians.items():
            if np.isnan(values[name]).any() and (policy := self._policy(name)) != "refuse":
                values[name] = np.array([0.0 if policy == "zero" else median])
        parts = [
            *(self._scaled(name, values[name]) for name in self._numbers(self.static)),
            *(self._coded(name, values[name]) for name in self._codes(self.static)),
        ]
        return np.concatenate(parts).astype(np.float32) if parts else np.zeros(0, dtype=np.float32)

    def _numbers(self, names: Sequence[str]) -> list[str]:
        return [name for name in names if name not in self.categories]

    def _masks(self, names: Sequence[str]) -> list[str]:
        return [name + MASK for name in self._numbers(names) if self._policy(name) == "mask"]

    def _policy(self, name: str) -> CovariateMissing:
        return self.missing.get(name, "forward")

    def _codes(self, names: Sequence[str]) -> list[str]:
        return [name for name in names if name in self.categories]

    def _scaled(self, name: str, values: NDArray[Any]) -> NDArray[np.float64]:
        mean, scale = self.scaling[name]
        scaled: NDArray[np.float64] = (values.astype(np.float64) - mean) / scale
        return scaled if self._policy(name) == "refuse" else np.where(np.isnan(scaled), 0.0, scaled)

    def _coded(self, name: str, values: NDArray[Any]) -> NDArray[np.float64]:
        code = {category: number for number, category in enumerate(self.categories[name], 1)}
        unknown = np.nan if self._policy(name) == "refuse" else code.get("", OTHER)
        return np.array([unknown if value == "" else code.get(str(value), OTHER) for value in values], dtype=np.float64)


@dataclass(frozen=True)
class Layout:
    """Layout of features: numbers, then codes of categories.

    Args:
        numbers: Number of numeric features.
        codes: Number of categories of each code, without the code of unknown ones.
        numbers_ahead: How many of the numbers, from the first, are known for the rows to forecast.
        codes_ahead: The same for the codes.
    """

    numbers: int
    codes: Sequence[int]
    numbers_ahead: int = 0
    codes_ahead: int = 0

    @property
    def ahead(self) -> NDArray[np.bool_]:
        """Which features are known for the rows to forecast, (F,)."""
        numbers, codes = np.arange(self.numbers), np.arange(len(self.codes))
        return np.concatenate([numbers < self.numbers_ahead, codes < self.codes_ahead])


def missing_in(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Which values are missing."""
    found: NDArray[np.bool_] = values == "" if values.dtype.kind == "U" else np.isnan(values)
    return found


def of_one(values: NDArray[Any]) -> Any:
    """The value of a static covariate in the rows of a series: the first that is not missing, if any."""
    there = np.flatnonzero(~missing_in(values))
    return values[there[0] if len(there) else 0].item()


def resolved(options: ForecastingOptions, table: Table) -> ForecastingOptions:
    """The options with the names of columns instead of patterns.

    Raises:
        DataError: A pattern matches no column.
        TaskFileError: A column has two roles.
    """
    given = {role: getattr(options, role) for role in _ROLES}
    roles = {options.time, options.series, *(name for names in given.values() for name in plain(names))}
    free = without_dropped(options.drop, table, roles)
    found = options.model_copy(update={role: named(names, table, free, role) for role, names in given.items()})
    found.check_covariates(found.targets, found.time, found.series)
    if not isinstance(found.missing, str):
        names = (*found.known_covariates, *found.past_covariates, *found.static_covariates)
        check_matched(found.missing, names, "missing", str(table.path))
    return found


def read_covariates(asked: Covariates, table: Table) -> dict[str, NDArray[Any]]:
    """Column -> its cells, row by row: numbers, or texts for categories; NaN or "" where they may be missing.

    Raises:
        DataError: A column or a cell is missing, or a cell of a numeric column is no number.
    """
    found: dict[str, NDArray[Any]] = {}
    for name in (*asked.rows, *asked.static):
        refused = asked.missing.get(name) == "refuse"
        if name in asked.categories:
            found[name] = table.text(name) if refused else table.text_there(name).to_numpy(dtype=np.str_)
            continue
        if table.cells(name).dtype.kind not in "iufb" and (word := table.written.word(name)) is not None:
            raise DataError(
                f"{name} must hold numbers, or be named in data.categories",
                value=word[1],
                fix=f"Set data.categories to [{', '.join([*asked.categories, name])}].",
                where=table.place(word[0]),
            )
        options = "data.known_covariates, data.past_covariates or data.static_covariates"
        found[name] = table.numbers((name,), options, missing=not refused)[:, 0]
    return found


def read_covariates_there(covariates: Covariates, table: Table) -> dict[str, NDArray[Any]]:
    """The same of new data; cells that are no numbers are infinite."""
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
        DataError: One of them changes within a series.
    """
    found: list[dict[str, Any]] = [{} for _ in groups.names]
    bounds = [*groups.starts, len(groups.order)]
    for name in asked.static:
        values = cells[name][groups.order]
        for number, (start, end) in enumerate(pairwise(bounds)):
            value = of_one(values[start:end])
            other = np.flatnonzero((values[start:end] != value) & ~missing_in(values[start:end]))
            if other.size:
                raise DataError(
                    f"{name} must be the same in all rows of a series, as it is in data.static_covariates",
                    value=f"{value} and {values[start + other[0]]}",
                    fix="Name it in data.known_covariates or data.past_covariates.",
                    where=table.place(int(groups.order[start + other[0]])),
                )
            found[number][name] = value
    return found


def check_calendar(options: ForecastingOptions, times: NDArray[np.generic]) -> None:
    """Check that a calendar comes with dates.

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
    """Sine and cosine of a time's phase in each cycle, (T,) each."""
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
