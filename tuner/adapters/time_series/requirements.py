"""Checks of forecasting options against the data: in preparation, and again when a trial changes the options."""

from __future__ import annotations

from collections.abc import Sequence

from tuner.adapters.time_series.options import ForecastingOptions
from tuner.errors import DataError


def check_channels(options: ForecastingOptions, channels: Sequence[str]) -> None:
    """Check that channel independence comes with several channels.

    Raises:
        DataError: There is only one.
    """
    if options.channel_independence and len(channels) == 1:
        raise DataError(
            "data.channel_independence acts only with two channels or more",
            value=list(channels),
            fix="Leave it out: there is only one channel.",
            key=("data", "channel_independence"),
        )


def check_counts(options: ForecastingOptions, *, counts: bool) -> None:
    """Check that a negative binomial distribution comes with counts.

    Args:
        options: The adapter's.
        counts: Whether all values are whole numbers, 0 or more.

    Raises:
        DataError: Values are no counts.
    """
    if options.outputs == "negative_binomial" and not counts:
        raise DataError(
            "data.outputs negative_binomial is for counts: whole numbers, 0 or more",
            value="other values",
            fix="Set data.outputs to quantiles or student_t.",
            key=("data", "outputs"),
        )


def look_back(options: ForecastingOptions, room: int, horizon: int, seasonality: int) -> int:
    """Length of the input window: the given one, which must fit into at least one training part, or a default.

    Args:
        options: The adapter's.
        room: Length in rows of the longest window that fits with the horizon into a training part.
        horizon: Rows to forecast.
        seasonality: Rows in a season.

    Returns:
        Rows, a multiple of the segment.

    Raises:
        DataError: The window, or one segment, and the horizon are longer than every training part.
    """
    for name, value in (("window", options.window), ("segment", options.segment)):
        if value is not None and value > room:
            raise DataError(
                f"data.{name} must be <= {room}: with a horizon of {horizon} it must fit into the training part",
                value=value,
                fix=f"Lower data.{name} or data.horizon.",
                key=("data", name),
            )
    if options.window is not None:
        return options.window
    segments = max(min(2 * max(horizon, seasonality), room) // options.segment, 1)
    return segments * options.segment
