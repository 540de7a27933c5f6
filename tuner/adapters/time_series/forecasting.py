"""Forecasting of time series: read, split by time, standardized per series by its training part.

The rows of each series are split in time into train, val and test. A window's targets lie in one part; its
input may lie in earlier parts. S series, C channels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.base import Demands, Metric, Prepared, Split
from tuner.adapters.classification import write_facts
from tuner.adapters.described import EXAMPLES, Described, facts_of, numbers
from tuner.adapters.files import content_digest, existing
from tuner.adapters.notices import left_out
from tuner.adapters.ragged import Ragged, write_ragged
from tuner.adapters.scaling import standardization
from tuner.adapters.time_series.covariates import Covariates
from tuner.adapters.time_series.floors import Floors, check_installed
from tuner.adapters.time_series.naive import naive_errors, naive_scores
from tuner.adapters.time_series.options import ForecastingOptions
from tuner.adapters.time_series.origins import TEST_STATISTICS, Parts, Windows, windows_of
from tuner.adapters.time_series.parting import apart, changing, parted
from tuner.adapters.time_series.proposing import propose_forecasting
from tuner.adapters.time_series.requirements import check_channels, check_counts, look_back
from tuner.adapters.time_series.scoring import METRICS, QUANTILE_METRICS
from tuner.adapters.time_series.series import Collection, Series, made_rows, read_series, stretches
from tuner.adapters.time_series.sources import FORECASTING_SOURCES
from tuner.adapters.time_series.times import AUTO, ISO
from tuner.errors import DataError
from tuner.words import counted, first_few

if TYPE_CHECKING:
    from tuner.adapters.time_series.codec import ForecastCodec
    from tuner.adapters.time_series.forecasting_problem import ForecastingProblem

SPLITS: tuple[Split, ...] = ("train", "val", "test")

_NAMED = 3
"""Largest number of constant series that are named."""

WHEN_OPENED = (
    "window",
    "stride",
    "window_norm",
    "decoding",
    "channel_independence",
    "channel_embedding",
    "segment",
    "outputs",
    "loss",
    "loss_scale",
    "category_embedding",
    "conformal",
    "interval_80",
    "interval_95",
)
"""Options that act on prepared data: searching them prepares nothing anew."""


class Forecasting:
    """Forecasts of several steps, of one or more channels, in one or more series."""

    propose = staticmethod(propose_forecasting)
    metrics: tuple[Metric, ...] = METRICS
    model_files = ("facts.json", "statistics.npy", "parts.npy", "stretches.npy")
    model_packages: tuple[str, ...] = ()
    edition: str = "\nseason before the test, hours of opening"
    """Version of the prepared data; data of earlier versions are prepared again."""
    defaults = {"pooling": "last"}  # noqa: RUF012 - the contract has a plain attribute; nobody writes to it

    def __init__(self, options: ForecastingOptions) -> None:
        self.options = options
        self.demands = Demands(
            causal=True,
            every_step=Covariates.asked(options).ahead,
            whole=True,
            embeds=options.channel_embedding > 0 or bool(options.categories),
        )
        if options.calendar:
            self.edition += ", calendar in local time"
        if options.probabilistic:
            self.metrics = (*METRICS, *QUANTILE_METRICS)
        if options.outputs in ("student_t", "negative_binomial"):
            self.model_packages = ("scipy",)

    def fingerprint(self) -> str:
        """See `Adapter.fingerprint`."""
        used = self.options.used({"path", *WHEN_OPENED})
        if self.options.probabilistic:
            used["probabilistic"] = True
        if used["time_format"] == AUTO:
            used["time_format"] = ISO  # the default before `auto` existed: a study begun then can be resumed
        if self.options.source is not None:
            files = FORECASTING_SOURCES[self.options.source].load()(self.options.source).files()
        else:
            files = [existing(str(self.options.path), "path", folder=False)]
        return content_digest(files, files[0].parent, used)

    def prepare(self, folder: Path) -> Prepared:
        """See `Adapter.prepare`.

        `search.*` holds train and val rows, `whole.*` all rows: a search never opens test rows.
        """
        check_installed(self.options.floors)
        collection = self._read()
        seasonality = self.options.seasonality or collection.seasonality or 1
        horizon = self.options.horizon or collection.horizon or seasonality
        check_channels(self.options, collection.channels)
        counts = all(bool((one.values >= 0).all() and (one.values % 1 == 0).all()) for one in collection.series)
        check_counts(self.options, counts=counts)
        series, parts, fewer = parted(self.options, collection, horizon)
        dropped = {"too short": len(collection.series) - len(series)} if len(series) < len(collection.series) else {}
        if self.options.constant == "drop":
            before = len(series)
            series, parts = changing(series, parts, horizon)
            dropped["never change in training"] = before - len(series)
        runs, made = stretches(series), made_rows(series)
        look_back(self.options, runs.room(parts, horizon), horizon, seasonality)
        strides = {"train": 1, **{split: apart(self.options, split, horizon) for split in SPLITS[1:]}}
        items: dict[str, int] = {}
        windows: dict[str, Windows] = {}
        for split in SPLITS:
            windows[split] = windows_of(runs, parts, made, split, horizon, stride=strides[split])
            items[split] = len(windows[split].origin)
        del windows["train"]  # needed for its number only
        _check_windows(self.options, items, horizon, collection)
        scaled, scaling_S2C, constant_SC = _standardized(series, parts.train)
        season: dict[str, NDArray[np.int64]] = {}
        statistics: dict[str, NDArray[np.float64]] = {}
        for split, known_S in (("val", parts.train), ("test", parts.val)):
            season[split] = np.where(known_S > seasonality, seasonality, 1)
            errors_S2C = naive_errors(scaled, series, known_S, season[split])
            statistics[split] = np.concatenate([scaling_S2C, errors_S2C], axis=1)
        write_ragged(
            folder, "search", [values[:end] for values, end in zip(scaled, parts.val, strict=True)], np.float32
        )
        write_ragged(folder, "whole", scaled, np.float32)
        covariates = _write_covariates(folder, collection.covariates, series, parts)
        arrays = {"parts": parts, "stretches": runs, "made": made, "statistics": statistics["val"][:, :3]}
        for name, array in {**arrays, TEST_STATISTICS: statistics["test"][:, :3]}.items():
            np.save(folder / f"{name}.npy", np.asarray(array))
        facts = {"channels": collection.channels, "horizon": horizon, "seasonality": seasonality}
        time = {"kind": collection.kind, "step": collection.grid and collection.grid._asdict()}
        write_facts(
            folder,
            {
                **facts,
                "series": [one.name for one in series],
                "time": time,
                "counts": counts,
                **covariates,
                **collection.numbers_known.facts(),
            },
        )
        places = [one.places for one in series]
        floors = Floors(
            self.options.floors,
            series,
            scaled,
            made,
            horizon=horizon,
            season=seasonality,
            probabilistic=self.options.probabilistic,
        )
        trivial: dict[str, dict[str, float]] = {
            split: naive_scores(
                scaled,
                windows[split].number,
                windows[split].origin,
                horizon,
                season[split],
                statistics[split] if self.options.probabilistic else statistics[split][:, :3],
                places,
                made,
            )
            for split in SPLITS[1:]
        }
        return Prepared(
            counts=items,
            trivial=trivial,
            floors=floors.scores(windows, statistics),
            lag=max(seasonality, horizon),
            about={
                "name": "seasonal naive",
                **facts,
                **({"time step": collection.step} if collection.step else {}),
                **({"covariates": covariates["covariates"]} if covariates else {}),
                **({"missing covariates": collection.holes} if collection.holes else {}),
                "series": len(series),
                "rows": _rows_of(parts),
                "constant channels": int(constant_SC.sum()),
                "gaps in time": collection.gaps,
                "dropped": dropped,
            },
            advice=("a longer data.window", "data.window_norm: last, standard or seasonal, where the level drifts"),
            notices=[
                *collection.notices,
                *_unknown_season(self.options, collection),
                *left_out("series", dropped, of=len(collection.series)),
                *fewer,
                *_unseen(parts, horizon),
                *_constant(constant_SC, series, parts, collection.channels),
                *floors.notices(),
            ],
        )

    def described(self, folder: Path, prepared: Prepared) -> Described:
        """See `Adapter.described`."""
        about, series = prepared.about, Ragged(folder, "search")
        facts = facts_of(folder)
        step = f", a row every {about['time step']}" if about.get("time step") else ""
        horizon, season = facts["horizon"], facts["seasonality"]
        repeats = f"the value {season:,} rows before" if season > 1 else "the last value"
        told = [
            f"{len(series):,} series of {counted(len(facts['channels']), 'channel')}{step}",
            f"rows: {', '.join(f'{count:,} {split}' for split, count in about['rows'].items())}",
            f"gaps in time: {about['gaps in time'] or 'none'}",
            f"forecast at once: {counted(horizon, 'row')} ahead; the naive forecast repeats {repeats}",
        ]
        told += [f"missing: {hole}" for hole in about.get("missing covariates", ())]
        names = [f"{name}: " if name else "" for name in map(str, facts["series"])]
        shown = [f"{names[one]}{numbers(series[one], facts['channels'])}" for one in range(min(EXAMPLES, len(series)))]
        return Described(told, shown)

    def problem(self, folder: Path) -> ForecastingProblem:
        """See `Adapter.problem`."""
        from tuner.adapters.time_series.forecasting_problem import ForecastingProblem  # brings torch

        return ForecastingProblem(folder, self.options)

    def codec(self, folder: Path) -> ForecastCodec:
        """See `Adapter.codec`."""
        from tuner.adapters.time_series.codec import ForecastCodec  # brings torch

        return ForecastCodec(folder, self.options)

    def _read(self) -> Collection:
        if self.options.source is not None:
            collection: Collection = FORECASTING_SOURCES[self.options.source].load()(self.options.source).read()
            return collection
        return read_series(existing(str(self.options.path), "path", folder=False), self.options)


def _check_windows(
    options: ForecastingOptions, counts: Mapping[str, int], horizon: int, collection: Collection
) -> None:
    """Check that gaps leave windows to train on and to score."""
    for split, windows in counts.items():
        if not windows:
            least = 2 * horizon if split != "train" else horizon + 1
            other = "ignore" if options.gaps == "fill" else "fill or ignore"
            raise DataError(
                f"there must be {least} rows without a gap in time for {split}: {least - horizon} to look back on, "
                f"{horizon} to forecast",
                value=f"{collection.gaps} gaps",
                fix=f"Set data.gaps to {other}, or lower data.horizon.",
                where=collection.series[0].where,
            )


def _unknown_season(options: ForecastingOptions, collection: Collection) -> list[str]:
    """A sentence if the season, or a default that follows from it, is unknown."""
    if options.seasonality or collection.seasonality:
        return []
    horizon = "" if options.horizon or collection.horizon else ", and data.horizon 1"
    step = "rows without data.time" if options.time is None else "rows without a regular time step"
    if collection.step:
        step = f"a time step of {collection.step}"
    return [
        f"no season is known for {step}: data.seasonality is taken as 1, so that the naive forecast repeats the "
        f"last value{horizon}"
    ]


def _standardized(
    series: Sequence[Series], train_S: NDArray[np.int64]
) -> tuple[list[NDArray[np.float64]], NDArray[np.float64], NDArray[np.bool_]]:
    """Values standardized by training rows; mean and scale, (S, 2, C); which channels are constant there, (S, C)."""
    scalings = [standardization(one.values[:train], one.where) for one, train in zip(series, train_S, strict=True)]
    scaled = [scaling(one.values) for one, scaling in zip(series, scalings, strict=True)]
    constant_SC = np.array([scaling.constant for scaling in scalings])
    return scaled, np.array([[scaling.mean, scaling.scale] for scaling in scalings]), constant_SC


def _write_covariates(folder: Path, asked: Covariates, series: Sequence[Series], parts: Parts) -> dict[str, Any]:
    """Write the covariates, coded and scaled by training rows; returns their facts, if any."""
    if not asked:
        return {}
    known = [one.cut(int(train)).covariates for one, train in zip(series, parts.train, strict=True)]
    static = {name: np.array([one.static[name] for one in series]) for name in asked.static}
    covariates = asked.fitted(known, static)
    times = [None if one.times is None else one.clock.local(one.times) for one in series]
    rows = [covariates.matrix(one.covariates, at, len(one.values)) for one, at in zip(series, times, strict=True)]
    cut = [values[:end] for values, end in zip(rows, parts.val, strict=True)]
    for name, items in (("search", cut), ("whole", rows)) if covariates.features else ():
        write_ragged(folder, f"{name}.covariates", items)
    np.save(folder / "static.npy", np.array([covariates.of_series(one.static) for one in series]))
    return {"covariates": covariates.json()}


def _unseen(parts: Parts, horizon: int) -> list[str]:
    """A sentence if scored series are too short to be trained on."""
    short = int((parts.train <= horizon).sum())
    if not short:
        return []
    return [
        f"{short} of {len(parts.train)} series are too short to be trained on, and are forecast and scored as series "
        f"that training has not seen: {horizon + 1} rows before their validation part are needed"
    ]


def _rows_of(parts: Parts) -> dict[str, int]:
    """Rows of each split, of all series together."""
    ends = {"train": parts.train, "val": parts.val - parts.train, "test": parts.test - parts.val}
    return {split: int(rows.sum()) for split, rows in ends.items()}


def _constant(
    constant_SC: NDArray[np.bool_], series: Sequence[Series], parts: Parts, channels: Sequence[str]
) -> list[str]:
    """Sentences if channels never change in training: how many, and which of them do later."""
    if not constant_SC.any():
        return []
    told = [f"{constant_SC.sum()} of {constant_SC.size} channels never change in training"]
    later = [
        " ".join(str(name) for name in (series[one].name, channels[channel] if len(channels) > 1 else "") if name)
        for one, channel in np.argwhere(constant_SC)
        if np.ptp(series[one].values[parts.train[one] - 1 :, channel])
    ]
    if later:
        named = first_few(later, _NAMED)
        out = "data.constant: drop leaves such series out" if len(series) > 1 else "data.drop leaves columns out"
        told.append(
            f"what never changes in training but does later ({named}) counts in its own units, as a standard deviation "
            f"and a naive error of 0 are taken as 1: its errors may dominate mse, mae and mase; {out}"
        )
    return told
