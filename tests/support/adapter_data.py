"""Small data for every adapter."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray


def _table(path: Path, rows: list[list[object]]) -> str:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return str(path)


def series_items(folder: Path) -> dict[str, Any]:
    """Sequences of two channels and unequal length."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(3, 9, 30)
    x = rng.normal(size=(lengths.sum(), 2))
    np.savez(folder / "items.npz", X=x, y=np.arange(30) % 3, lengths=lengths)
    return {"path": str(folder / "items.npz")}


def series_of_dates(folder: Path) -> dict[str, Any]:
    """Sequences of two channels in a long table, whose steps have dates."""
    rng = np.random.default_rng(0)
    rows: list[list[object]] = [["who", "day", "a", "b", "label"]]
    for item in range(30):
        rows += [[f"p{item}", f"{day:02}.03.2026", *rng.normal(size=2), "ab"[item % 2]] for day in range(1, 6)]
    path = _table(folder / "items.csv", rows)
    return {"path": path, "id": "who", "time": "day", "time_format": "%d.%m.%Y"}


def labelled_steps(folder: Path) -> dict[str, Any]:
    """Sequences of two channels and unequal length, with a class per step; the shortest are of one length."""
    rng = np.random.default_rng(0)
    lengths = np.array([3] * 20 + [*range(4, 14)])
    x = rng.normal(size=(lengths.sum(), 2))
    np.savez(folder / "x.npz", X=x, y=np.array(["a", "b", "c"])[rng.integers(0, 3, len(x))], lengths=lengths)
    return {"path": str(folder / "x.npz"), "background": "a"}


def series_numbers(folder: Path) -> dict[str, Any]:
    """Sequences of two channels and unequal length, with two numbers each."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(3, 9, 30)
    np.savez(folder / "x.npz", X=rng.normal(size=(lengths.sum(), 2)), y=rng.normal(size=(30, 2)) * 9, lengths=lengths)
    return {"path": str(folder / "x.npz"), "targets": ["a", "b"], "quantiles": [0.1, 0.5, 0.9]}


def series_in_time(folder: Path) -> dict[str, Any]:
    """Two series of two channels, one of them too short for a whole window."""
    rng = np.random.default_rng(0)
    rows: list[list[object]] = [["time", "name", "a", "b"]]
    rows += [[step, "long", *rng.normal(size=2)] for step in range(90)]
    rows += [[step, "short", *rng.normal(size=2)] for step in range(18)]
    path = _table(folder / "series.csv", rows)
    return {"path": path, "time": "time", "series": "name", "window": 8, "horizon": 3}


def quantiles_in_time(folder: Path) -> dict[str, Any]:
    """The same, to be forecast by quantiles."""
    return {**series_in_time(folder), "outputs": "quantiles", "window_norm": "seasonal", "seasonality": 7}


def counts_in_time(folder: Path) -> dict[str, Any]:
    """Counts, to be forecast by a distribution."""
    rng = np.random.default_rng(0)
    rows: list[list[object]] = [["day", "sold"]]
    rows += [[day, rng.poisson(2)] for day in range(90)]
    path = _table(folder / "counts.csv", rows)
    return {"path": path, "time": "day", "window": 8, "horizon": 3, "seasonality": 7, "outputs": "negative_binomial"}


def covariates_in_time(folder: Path) -> dict[str, Any]:
    """Two shops, one of them too short for a whole window, with covariates of every kind."""
    rng = np.random.default_rng(0)
    rows: list[list[object]] = [["day", "shop", "sold", "price", "event", "visits", "weather", "region", "size"]]
    for shop, days, region, size in (("a", 90, "north", 3), ("b", 30, "south", 5)):
        for day in range(days):
            event, weather = rng.choice(["none", "fair"]), rng.choice(["sun", "rain"])
            time = np.datetime64("2026-01-01") + day
            rows.append([time, shop, rng.normal(), rng.normal(), event, rng.poisson(9), weather, region, size])
    return {
        "path": _table(folder / "covariates.csv", rows),
        "time": "day",
        "series": "shop",
        "targets": ["sold"],
        "known_covariates": ["price", "event"],
        "past_covariates": ["visits", "weather"],
        "static_covariates": ["region", "size"],
        "categories": ["event", "weather", "region"],
        "calendar": ["week"],
        "window": 8,
        "horizon": 3,
    }


def texts(folder: Path) -> dict[str, Any]:
    """Sentences of one to nine words."""
    rng = np.random.default_rng(0)
    words = ["rain", "sun", "wind", "snow", "fog", "hail"]
    rows: list[list[object]] = [["text", "label"]]
    rows += [[" ".join(rng.choice(words, 1 + i % 9)) + f" {i}", "wet" if i % 2 else "dry"] for i in range(60)]
    return {"path": _table(folder / "texts.csv", rows)}


def many_labels(folder: Path) -> dict[str, Any]:
    """Short texts with none, one or two of three labels."""
    rng = np.random.default_rng(0)
    words = ["rain", "sun", "wind", "snow", "fog", "hail"]
    rows: list[list[object]] = [["text", "label"]]
    labels = ["", "wet", "wet|cold", "cold", "bright"]
    rows += [[" ".join(rng.choice(words, 1 + i % 9)) + f" {i}", labels[i % 5]] for i in range(60)]
    chosen = {"labels": "many", "threshold": "macro_f1", "temperature": "validation", "class_weights": "balanced"}
    return {"path": _table(folder / "texts.csv", rows), **chosen}


def text_numbers(folder: Path) -> dict[str, Any]:
    """Pairs of short texts with a number."""
    rng = np.random.default_rng(0)
    words = ["rain", "sun", "wind", "snow", "fog", "hail"]
    rows: list[list[object]] = [["text", "other", "target"]]
    rows += [[" ".join(rng.choice(words, 1 + i % 9)), f"day {i}", float(rng.normal())] for i in range(60)]
    return {"path": _table(folder / "texts.csv", rows), "text_pair": "other", "quantiles": [0.5]}


def decided(folder: Path) -> dict[str, Any]:
    """Sentences of which one class is looked for."""
    chosen = {"positive": "wet", "threshold": "f1", "temperature": "validation"}
    return {**texts(folder), **chosen, "class_weights": "balanced", "focal": 2.0}


def running_text(**options: Any) -> Callable[[Path], dict[str, Any]]:
    """Lines of a few words, some of them only in the last part."""

    def write(folder: Path) -> dict[str, Any]:
        rng = np.random.default_rng(0)
        words = ["rain", "sun", "wind", "snow", "fog", "hail"]
        lines = [" ".join(rng.choice(words, 5)) for _ in range(200)]
        (folder / "text.txt").write_text("\n".join([*lines, *(f"{line} Zephyr" for line in lines[:20])]))
        return {"path": str(folder / "text.txt"), "warm_up": 9, "embedding_size": 8, **options}

    return write


def tagged(**options: Any) -> Callable[[Path], dict[str, Any]]:
    """Sentences of one to seven words with entities of two types, some words once."""

    def write(folder: Path) -> dict[str, Any]:
        rng = np.random.default_rng(0)
        parts = ["to O", "from O", "Rome B-city", "New B-city\nYork I-city", "Monday B-day", "1999 B-day\nJuly I-day"]
        blocks = ["\n".join([*rng.choice(parts, rng.integers(1, 5)), f"w{i % 50} O"]) for i in range(60)]
        if "intent" in options:
            blocks = [f"# {options['intent']} = {'ask' if 'from' in block else 'tell'}\n{block}" for block in blocks]
        text = re.sub(r"(?m)^([^#]\S*) ", r"\1\t", "\n\n".join(blocks))
        (folder / "tagged.conll").write_text(text)
        return {"path": str(folder / "tagged.conll"), "embedding_size": 8, "character_size": 6, **options}

    return write


def recordings(folder: Path, **options: Any) -> dict[str, Any]:
    """Tones of unequal length, a folder per label."""
    rng = np.random.default_rng(0)
    for label, pitch in (("low", 200), ("high", 900)):
        (folder / "tones" / label).mkdir(parents=True)
        for index in range(8):
            times = np.arange(800 + 200 * index) / 8000
            wave = np.sin(2 * np.pi * pitch * times) / 4 + rng.normal(size=len(times)) / 50
            soundfile.write(folder / "tones" / label / f"{index}.wav", wave, 8000)
    return {"path": str(folder / "tones"), **options}


def varied_recordings(folder: Path) -> dict[str, Any]:
    """The same, with everything that makes steps of frames, and everything that varies them."""
    steps = {"num_mels": 12, "cepstra": 8, "deltas": 1, "normalization": "utterance", "stack": 2, "stride": 2}
    varied = {"speed": 0.1, "frequency_warp": 0.1, "frequency_mask": 0.2, "time_mask": 0.2, "noise": 0.1, "mixup": 0.4}
    return recordings(folder, **steps, **varied)


TONES = {"one": 300, "two": 900, "three": 1800}
"""Words of made-up speech, and their pitch in Hz."""


def said(text: str, rng: np.random.Generator) -> NDArray[np.float64]:
    """A recording at 8 kHz: a tone of 60 to 120 ms for each word, and a little noise between."""
    parts = [rng.normal(size=400) / 100]
    for word in text.split():
        times = np.arange(rng.integers(480, 960)) / 8000
        parts += [np.sin(2 * np.pi * TONES[word] * times) / 4, rng.normal(size=300) / 100]
    return np.concatenate(parts)


def transcribed(**options: Any) -> Callable[[Path], dict[str, Any]]:
    """A manifest of tones by four speakers, one to four each."""

    def make(folder: Path) -> dict[str, Any]:
        rng = np.random.default_rng(0)
        rows: list[list[object]] = [["path", "text", "speaker"]]
        for number in range(24):
            text = " ".join(rng.choice(list(TONES), number % 4 + 1))
            soundfile.write(folder / f"{number}.wav", said(text, rng), 8000)
            rows.append([f"{number}.wav", text, f"s{number // 4}"])
        return {"path": _table(folder / "said.csv", rows), "num_mels": 12, **options}

    return make


def tones_in_noise(folder: Path, speakers: int = 6, each: int = 2) -> list[list[object]]:
    """Recordings of two seconds of noise with tones in it, and a row per tone: path, start, end, label, speaker."""
    rng = np.random.default_rng(0)
    rows: list[list[object]] = []
    for number in range(speakers * each):
        signal, place = rng.normal(size=16000) / 50, 0.0
        for label in rng.choice(["low", "high"], 3):
            start = place + float(rng.uniform(0.05, 0.3))
            place = start + float(rng.uniform(0.1, 0.3))
            there = slice(round(start * 8000), round(place * 8000))
            signal[there] += np.sin(2 * np.pi * {"low": 300, "high": 1500}[label] * np.arange(16000)[there] / 8000) / 4
            rows.append([f"{number}.wav", round(start, 4), round(place, 4), label, f"s{number // each}"])
        soundfile.write(folder / f"{number}.wav", signal, 8000)
    return rows


def tagged_recordings(**options: Any) -> Callable[[Path], dict[str, Any]]:
    """A table of the segments of tones in noise."""

    def make(folder: Path) -> dict[str, Any]:
        head: list[object] = ["path", "start", "end", "label", "speaker"]
        rows = [head, *tones_in_noise(folder)]
        return {"path": _table(folder / "segments.csv", rows), "num_mels": 8, **options}

    return make


def probe(**options: Any) -> Callable[[Path], dict[str, Any]]:
    """A memory probe of few short items."""
    return lambda _: {"length": 6, "train": 30, "val": 9, "test": 8, **options}


DATA: dict[str, Callable[[Path], dict[str, Any]]] = {
    "memory/probe: adding": probe(),
    "memory/probe: copy": probe(task="copy", recall=3),
    "memory/probe: delayed_recall": probe(task="delayed_recall"),
    "memory/probe: digits": lambda _: {"task": "digits"},
    "nlp/classification": texts,
    "nlp/classification: decided": decided,
    "nlp/classification: many": many_labels,
    "nlp/classification: words": lambda folder: {**texts(folder), "unit": "word"},
    "nlp/classification: characters": lambda folder: {**texts(folder), "unit": "char", "max_length": 9, "keep": "end"},
    "nlp/language_modelling: char": running_text(),
    "nlp/language_modelling: subword": running_text(unit="subword", vocabulary=300),
    "nlp/language_modelling: word": running_text(unit="word", vocabulary=300, tied=True),
    "nlp/regression": text_numbers,
    "nlp/tagging": tagged(),
    "nlp/tagging: crf": tagged(decoder="crf", learned_scheme="bioes", characters="lstm"),
    "nlp/tagging: plain": tagged(scheme="plain", characters="none", casing=False, intent="intent"),
    "speech/classification": recordings,
    "speech/classification: varied": varied_recordings,
    "speech/recognition": transcribed(stride=1, stack=2, deltas=1),
    "speech/recognition: words": transcribed(units="words", normalization="training", beam=4),
    "speech/recognition: subwords": transcribed(units="subwords", vocabulary=12, stride=2, beam=2),
    "speech/recognition: phones": transcribed(units="phones", val=0.2, speed=0.1),
    "speech/tagging": tagged_recordings(deltas=1, frequency_mask=0.2, trim_db=40),
    "time_series/classification": series_items,
    "time_series/classification: dates": series_of_dates,
    "time_series/forecasting": series_in_time,
    "time_series/forecasting: covariates": covariates_in_time,
    "time_series/forecasting: counts": counts_in_time,
    "time_series/forecasting: quantiles": quantiles_in_time,
    "time_series/labelling": labelled_steps,
    "time_series/regression": series_numbers,
}
"""Adapter, or "adapter: case" -> maker of its options."""
