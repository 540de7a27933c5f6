"""What the options of forecasts ask of the data: when it is prepared, and again when a trial changes them."""

from __future__ import annotations

from collections.abc import Sequence

from tuner.adapters.time_series.options import ForecastingOptions
from tuner.errors import DataError


def check_channels(options: ForecastingOptions, channels: Sequence[str]) -> None:
    """Channel independence acts on several channels.

    Raises:
        DataError: There is only one.
    """
    if options.channel_independence and len(channels) == 1:
        raise DataError(
            "data.channel_independence acts only with two channels or more",
            value=list(channels),
            fix="Leave it out: the one channel is on its own.",
            key=("data", "channel_independence"),
        )


def check_counts(options: ForecastingOptions, *, counts: bool) -> None:
    """A negative binomial distribution is one of counts.

    Args:
        options: What was given.
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
    """The window to use: the one given when at least one training part has room for it, else a default.

    Args:
        options: What was given.
        room: Rows of the longest look-back that a training part has room for beside the horizon.
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
