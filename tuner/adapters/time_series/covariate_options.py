"""Options of covariates: inputs besides the values to forecast."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from tuner.adapters.time_series.named_columns import matches
from tuner.config.options import Options
from tuner.errors import TaskFileError

Calendar = Literal["hour", "day", "week", "month", "year"]
CovariateMissing = Literal["forward", "mask", "zero", "refuse"]


class CovariateOptions(Options):
    """Options of columns that are not forecast but help to forecast the others."""

    later: ClassVar[tuple[str, ...]] = (
        "known_covariates",
        "past_covariates",
        "static_covariates",
        "categories",
        "calendar",
        "missing",
    )
    known_covariates: tuple[str, ...] = ()
    """Columns that are known for the future, such as a price or a holiday: inputs in the window and in the rows to
    forecast. `predict` needs them for these rows, with empty targets. As all covariates, by name or by a pattern
    such as holiday_*."""
    past_covariates: tuple[str, ...] = ()
    """Columns that are inputs in the window only and are not forecast, such as another sensor."""
    static_covariates: tuple[str, ...] = ()
    """Columns that are the same in all rows of a series: a region, a size."""
    categories: tuple[str, ...] = ()
    """Covariates that are categories, written as words or numbers."""
    calendar: tuple[Calendar, ...] = ()
    """Calendar features of a row's time, also of the rows to forecast: sine and cosine of its place in the hour, day,
    week, month or year. It is of local time where the times have a time zone (Parquet) or an
    offset from UTC; those that count from 1970 are in UTC."""
    missing: CovariateMissing | dict[str, CovariateMissing] = "forward"
    """Treatment of missing values of covariates; those of targets are gaps. forward: the value before in the series,
    never a later one; before the first, the mean of the training rows. mask: the same, with a feature beside that is 1
    where the value is missing, else 0. zero: 0. refuse: an error. A missing category is a category of its own, a
    missing static number the median of the series, unless with zero or refuse. Or a policy per column, by name or
    pattern, with forward for the others: {rain*: zero}; the longest that matches counts."""
    category_embedding: int = Field(default=4, ge=1, le=1024)
    """Learned features of a category, 1 to 1024. Searchable as data.category_embedding."""

    def check_covariates(self, targets: Sequence[str], time: str | None, series: str | None) -> None:
        """Check that each column has one role, a calendar has times, and an embedding size has categories.

        Args:
            targets: The columns to forecast, if they are named.
            time: The column of times.
            series: The column with a row's series.

        Raises:
            TaskFileError: One of these fails.
        """
        covariates = (*self.known_covariates, *self.past_covariates, *self.static_covariates)
        named = [*filter(None, (time, series)), *targets, *covariates]
        twice = sorted({name for name in named if named.count(name) > 1})
        for wrong, rule, fix, key in (
            (twice, "data.* must name a column once", "Leave it out of the others.", "known_covariates"),
            (
                [name for name in self.categories if not matches(name, covariates)],
                "data.categories must be among the covariates",
                "Name it in data.known_covariates, data.past_covariates or data.static_covariates, too.",
                "categories",
            ),
            (
                list(self.calendar) if time is None else [],
                "data.calendar must come with data.time",
                "Name the column that holds the times.",
                "calendar",
            ),
            (
                [self.missing] if self.missing != "forward" and not covariates else [],
                "data.missing acts only on covariates; missing targets are gaps, for data.gaps",
                "Leave it out.",
                "missing",
            ),
            (
                [self.category_embedding] if self.category_embedding != 4 and not self.categories else [],
                "data.category_embedding acts only with data.categories",
                "Leave it out.",
                "category_embedding",
            ),
        ):
            if wrong:
                raise TaskFileError(rule, value=wrong[0], fix=fix, key=("data", key))
