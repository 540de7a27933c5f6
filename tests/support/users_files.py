"""Small files of the kinds that people have, and what `init` is to make of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import soundfile


class Kind(NamedTuple):
    """A kind of file.

    Args:
        make: Writes it into a folder, and gives its names there.
        adapter: What it is for.
        data: What the task file says of it.
        guessed: The options among them that are told as guesses.
    """

    make: Callable[[Path], list[str]]
    adapter: str
    data: dict[str, Any]
    guessed: tuple[str, ...] = ()


def _lines(path: Path, lines: list[str], encoding: str = "utf-8") -> list[str]:
    path.write_text("\n".join(lines) + "\n", encoding=encoding)
    return [path.name]


def sentences(number: int = 60) -> list[tuple[str, str]]:
    """Texts of a few words, no two alike, and their labels."""
    rng = np.random.default_rng(0)
    words = ["rain", "sun", "wind", "snow", "fog", "hail", "café", "über"]
    return [(" ".join(rng.choice(words, 5)) + f" {i}", "wet" if i % 2 else "dry") for i in range(number)]


def _semicolons(folder: Path) -> list[str]:
    rng = np.random.default_rng(0)
    times = pd.date_range("2024-02-27", periods=240, freq="h").strftime("%d.%m.%Y %H:%M")
    loads = [f"{load:.2f}".replace(".", ",") for load in rng.normal(size=240) + 9]
    rows = [f"{time};{load}" for time, load in zip(times, loads, strict=True)]
    return _lines(folder / "strom.csv", ["Zeit;Last", *rows])


def _latin(folder: Path) -> list[str]:
    return _lines(folder / "avis.csv", ["avis,note", *(f"{text},{label}" for text, label in sentences())], "cp1252")


def _marked(folder: Path) -> list[str]:
    rows = [f"{label},ann,{text}" for text, label in sentences()]
    return _lines(folder / "reviews.csv", ["label,author,text", *rows], "utf-8-sig")


def _several_labels(folder: Path) -> list[str]:
    topics = ["rain", "rain;wind", "", "wind", "snow;rain;wind"]
    rows = [f"{text},{topics[i % 5]}" for i, (text, _) in enumerate(sentences())]
    return _lines(folder / "posts.csv", ["text,topics", *rows])


def _ticked_labels(folder: Path) -> list[str]:
    rows = [f"{i},{text},{i % 2},{i // 2 % 2},{int(i % 3 == 0)}" for i, (text, _) in enumerate(sentences())]
    return _lines(folder / "comments.csv", ["id,comment_text,toxic,obscene,insult", *rows])


def _long(folder: Path) -> list[str]:
    rng = np.random.default_rng(0)
    rows = [
        f"{item},{step},{'ok' if item % 2 else 'worn'},{rng.normal():.3f},{rng.normal():.3f}"
        for item in range(30)
        for step in range(6)
    ]
    return _lines(folder / "runs.csv", ["run_id,step,condition,x,y", *rows])


def _wide(folder: Path) -> list[str]:
    rng = np.random.default_rng(0)
    rows = [f"{i},{i % 3},{','.join(f'{x:.3f}' for x in rng.normal(size=8))}" for i in range(45)]
    return _lines(folder / "beats.csv", [f"id,class,{','.join(f't{i}' for i in range(8))}", *rows])


def _parquet(folder: Path) -> list[str]:
    rng = np.random.default_rng(0)
    times = pd.date_range("2020-01-31", periods=90, freq="ME")
    pd.DataFrame({"month": times, "sales": rng.normal(size=90)}).to_parquet(folder / "sales.parquet")
    return ["sales.parquet"]


def _ts(folder: Path) -> list[str]:
    rng = np.random.default_rng(0)
    names = []
    for part, number in (("TRAIN", 24), ("TEST", 10)):
        items = [f"{','.join(f'{x:.2f}' for x in rng.normal(size=7))}:{i % 2}" for i in range(number)]
        names += _lines(folder / f"Gun_{part}.ts", ["@problemName Gun", "@classLabel true 0 1", "@data", *items])
    return names


def _folder_of_texts(folder: Path) -> list[str]:
    for number, (text, label) in enumerate(sentences()):
        (folder / "weather" / label).mkdir(parents=True, exist_ok=True)
        (folder / "weather" / label / f"{number}.txt").write_text(text, encoding="utf-8")
    return ["weather"]


def _json_lines(folder: Path) -> list[str]:
    rows = [json.dumps({"utterance": text, "intent": label}) for text, label in sentences()]
    return _lines(folder / "intents.jsonl", rows)


def _labelled_lines(folder: Path) -> list[str]:
    return _lines(folder / "lines.txt", [f"{label}\t{text}" for text, label in sentences()])


def recordings(folder: Path, names: list[str]) -> None:
    """A short tone in each file."""
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.sin(np.arange(900) * (0.1 + 0.01 * number)) / 4, 8000)


def _folder_of_recordings(folder: Path) -> list[str]:
    speakers = ("anna", "ben", "cleo", "dan", "emil", "fay")
    recordings(folder / "digits", [f"{d}_{who}_{i}.wav" for d in range(2) for who in speakers for i in range(4)])
    return ["digits"]


def _folders_of_recordings(folder: Path) -> list[str]:
    names = [f"{label}/{who}_{i}.wav" for label in ("yes", "no") for who in "abcdef" for i in range(3)]
    recordings(folder / "words", names)
    return ["words"]


def _manifest(folder: Path) -> list[str]:
    names = [f"wav/{i}.wav" for i in range(24)]
    recordings(folder, names)
    rows = [f"{name},{'yes' if i % 2 else 'no'},s{i // 4}" for i, name in enumerate(names)]
    return _lines(folder / "manifest.csv", ["path,label,speaker", *rows])


def _transcripts(folder: Path) -> list[str]:
    names = [f"wav/{i}.wav" for i in range(24)]
    recordings(folder, names)
    rows = [f"{name}\t{'yes' if i % 2 else 'no, no'}\ts{i // 4}" for i, name in enumerate(names)]
    return _lines(folder / "said.tsv", ["recording\tsentence\tspeaker", *rows])


def _segments(folder: Path) -> list[str]:
    names = [f"wav/{i}.wav" for i in range(12)]
    recordings(folder, names)
    rows = [f"{name},0.0{i % 3},0.05,speech,s{i // 2}" for i, name in enumerate(names)]
    return _lines(folder / "segments.csv", ["file,start,end,label,speaker", *rows])


def _label_tracks(folder: Path) -> list[str]:
    recordings(folder / "tracks", [f"{i}.wav" for i in range(6)])
    _lines(folder / "tracks/README.txt", ["who speaks when"])
    for i in range(6):
        _lines(folder / f"tracks/{i}.txt", [f"0.02{i}000\t0.1\tspeech"] * (i > 0))
    return ["tracks"]


def _librispeech(folder: Path) -> list[str]:
    for reader in ("19-1", "26-1", "27-1"):
        names = [f"{reader}-{i:04}.flac" for i in range(3)]
        place = folder / "mini" / reader.replace("-", "/")
        recordings(place, names)
        lines = [f"{name.removesuffix('.flac')} {'YES NO' if i else 'NO'}" for i, name in enumerate(names)]
        _lines(place / f"{reader}.trans.txt", lines)
    return ["mini"]


def _arrays(folder: Path) -> list[str]:
    rng = np.random.default_rng(0)
    np.savez(folder / "items.npz", X=rng.normal(size=(40, 3, 12)), y=np.arange(40) % 2)
    return ["items.npz"]


def _running_text(folder: Path) -> list[str]:
    lines = [f"Line {i}: the wind rose, and the sea went over wall number {i % 7}." for i in range(300)]
    return _lines(folder / "book.txt", lines)


def _several_series(folder: Path) -> list[str]:
    rng = np.random.default_rng(0)
    days = pd.date_range("2024-01-01", periods=80).strftime("%Y-%m-%d")
    rows = [f"{name},{day},{rng.normal():.3f},dry" for name in ("north", "south") for day in days]
    return _lines(folder / "shops.csv", ["unique_id,ds,sold,weather", *rows])


def _sales(folder: Path) -> list[str]:
    """Sales of four shops, with what is known beforehand, and of each shop."""
    rng = np.random.default_rng(0)
    places = {"north": ("city", 120), "south": ("town", 80), "east": ("city", 95), "west": ("town", 60)}
    rows = [
        f"{shop},{day:%Y-%m-%d},{rng.poisson(9)},{rng.normal(5):.2f},{day.dayofweek % 6 == 5:d},{day:%a},{place},{size}"
        for shop, (place, size) in places.items()
        for day in pd.date_range("2024-01-01", periods=80)
    ]
    return _lines(folder / "sales.csv", ["shop,day,sold,price,is_holiday,weekday,place,area", *rows])


def _tagged_sentences(number: int = 120) -> list[list[tuple[str, str]]]:
    """Words with a tag each, entities of one or two words."""
    rng = np.random.default_rng(0)
    parts = [[("to", "O")], [("Rome", "B-city")], [("New", "B-city"), ("York", "I-city")], [("May", "B-day")]]
    return [[("fly", "O"), *(pair for place in rng.integers(0, 4, 3) for pair in parts[place])] for _ in range(number)]


def _conllu(folder: Path) -> list[str]:
    rows = []
    for sentence in _tagged_sentences():
        rows += [f"{place}\t{word}\t_\t{tag[0]}\t_\t_\t_\t_\t_\t_" for place, (word, tag) in enumerate(sentence, 1)]
        rows += ["", "# text = a"]
    return _lines(folder / "travel.conllu", rows[:-1])


def _conll(folder: Path) -> list[str]:
    rows = ["-DOCSTART- -X- O", ""]
    for sentence in _tagged_sentences():
        rows += [*(f"{word} NN {tag}" for word, tag in sentence), ""]
    return _lines(folder / "eng.txt", rows)


def _slots(folder: Path) -> list[str]:
    rows = [
        json.dumps({"tokens": [w for w, _ in each], "ner_tags": [t for _, t in each]}) for each in _tagged_sentences()
    ]
    return _lines(folder / "slots.jsonl", rows)


def _pairs_in_a_folder(folder: Path) -> list[str]:
    (folder / "atis").mkdir()
    for name in ("train", "valid", "test"):
        sentences = _tagged_sentences(120 if name == "train" else 20)
        _lines(folder / "atis" / f"{name}.seq.in", [" ".join(word for word, _ in each) for each in sentences])
        _lines(folder / "atis" / f"{name}.seq.out", [" ".join(tag for _, tag in each) for each in sentences])
    return ["atis"]


def _steps(folder: Path) -> list[str]:
    rng = np.random.default_rng(0)
    rows = [
        f"run{run},{step},{rng.normal():.3f},{'walk' if (step + run) // 5 % 2 else 'rest'}"
        for run in range(12)
        for step in range(20)
    ]
    return _lines(folder / "walks.csv", ["run_id,step,speed,activity", *rows])


def _lives(folder: Path) -> list[str]:
    rng = np.random.default_rng(0)
    lives = {run: int(rng.integers(20, 300)) for run in range(20)}
    rows = [f"m{run},{step},{life},{rng.normal():.3f}" for run, life in lives.items() for step in range(6)]
    return _lines(folder / "engines.csv", ["machine,cycle,rul,heat", *rows])


def _scores(folder: Path) -> list[str]:
    rows = [f"{text},{number * 0.37:.2f}" for number, (text, _) in enumerate(sentences())]
    return _lines(folder / "scores.csv", ["text,score", *rows])


def _machines(folder: Path) -> list[str]:
    rng = np.random.default_rng(0)
    rows = [
        {
            "machine": f"m{item:02}",
            "state": "worn" if item % 2 else "sound",
            "log": ["started"],
            "sensors": {"temp": round(rng.normal(20, 3), 2), "power": {"w": f"{rng.normal(3000, 300):,.1f}"}},
        }
        for item in range(30)
        for _ in range(12)
    ]
    return _lines(folder / "machines.jsonl", [json.dumps(row) for row in rows])


KINDS: dict[str, Kind] = {
    "classes of steps": Kind(
        _steps,
        "time_series/labelling",
        {"path": "walks.csv", "id": "run_id", "time": "step", "label": "activity"},
    ),
    "remaining lives": Kind(
        _lives,
        "time_series/regression",
        {"path": "engines.csv", "id": "machine", "targets": ["rul"]},
        ("id", "targets"),
    ),
    "scores of texts": Kind(
        _scores,
        "nlp/regression",
        {"path": "scores.csv", "text": "text", "target": "score", "unit": "word"},
        ("target", "unit"),
    ),
    "semicolons and decimal commas": Kind(
        _semicolons,
        "time_series/forecasting",
        {"path": "strom.csv", "time": "Zeit", "separator": ";", "decimal": ",", "horizon": 24},
        ("horizon",),
    ),
    "cp1252": Kind(
        _latin,
        "nlp/classification",
        {"path": "avis.csv", "text": "avis", "label": "note", "encoding": "cp1252", "unit": "word"},
        ("encoding", "label", "unit"),
    ),
    "byte-order mark": Kind(
        _marked,
        "nlp/classification",
        {"path": "reviews.csv", "text": "text", "label": "label", "unit": "word"},
        ("unit",),
    ),
    "long table": Kind(
        _long,
        "time_series/classification",
        {"path": "runs.csv", "id": "run_id", "time": "step", "label": "condition"},
        ("label",),
    ),
    "objects within objects": Kind(
        _machines,
        "time_series/classification",
        {
            "path": "machines.jsonl",
            "id": "machine",
            "label": "state",
            "channels": ["sensors.temp", "sensors.power.w"],
        },
        ("id",),
    ),
    "wide table": Kind(_wide, "time_series/classification", {"path": "beats.csv", "label": "class"}),
    "parquet": Kind(
        _parquet, "time_series/forecasting", {"path": "sales.parquet", "time": "month", "horizon": 12}, ("horizon",)
    ),
    "ts": Kind(_ts, "time_series/classification", {"path": "Gun_TRAIN.ts", "test_path": "Gun_TEST.ts"}),
    "folder of texts": Kind(_folder_of_texts, "nlp/classification", {"path": "weather", "format": "folder"}),
    "json lines": Kind(
        _json_lines,
        "nlp/classification",
        {"path": "intents.jsonl", "text": "utterance", "label": "intent", "unit": "word"},
        ("unit",),
    ),
    "several labels": Kind(
        _several_labels,
        "nlp/classification",
        {
            "path": "posts.csv",
            "text": "text",
            "label": "topics",
            "labels": "many",
            "label_separator": ";",
            "unit": "word",
        },
        ("labels", "unit"),
    ),
    "labels of 1 and 0": Kind(
        _ticked_labels,
        "nlp/classification",
        {
            "path": "comments.csv",
            "text": "comment_text",
            "labels": "many",
            "label_columns": ["toxic", "obscene", "insult"],
            "unit": "word",
        },
        ("labels", "label_columns", "unit"),
    ),
    "labelled lines": Kind(
        _labelled_lines, "nlp/classification", {"path": "lines.txt", "format": "lines", "unit": "word"}, ("unit",)
    ),
    "recordings in a folder": Kind(
        _folder_of_recordings,
        "speech/classification",
        {
            "path": "digits",
            "pattern": "{label}_{speaker}_{index}",
            "group": "speaker",
            "normalization": "speaker",
        },
        ("pattern", "group", "normalization"),
    ),
    "recordings in a folder per label": Kind(
        _folders_of_recordings,
        "speech/classification",
        {"path": "words", "pattern": "{label}/{speaker}_{index}", "group": "speaker", "normalization": "speaker"},
        ("pattern", "group", "normalization"),
    ),
    "manifest": Kind(
        _manifest, "speech/classification", {"path": "manifest.csv", "group": "speaker", "normalization": "speaker"}
    ),
    "transcripts": Kind(
        _transcripts,
        "speech/recognition",
        {"path": "said.tsv", "audio": "recording", "units": "words", "normalization": "speaker"},
        ("units",),
    ),
    "transcripts in a folder": Kind(_librispeech, "speech/recognition", {"path": "mini", "normalization": "speaker"}),
    "segments of recordings": Kind(_segments, "speech/tagging", {"path": "segments.csv", "normalization": "speaker"}),
    "label tracks": Kind(_label_tracks, "speech/tagging", {"path": "tracks"}),
    "npz": Kind(_arrays, "time_series/classification", {"path": "items.npz", "layout": "channels_first"}, ("layout",)),
    "CoNLL-U": Kind(_conllu, "nlp/tagging", {"path": "travel.conllu", "scheme": "plain", "tags": "upos"}),
    "columns of words": Kind(_conll, "nlp/tagging", {"path": "eng.txt", "scheme": "bio", "tags": "-1"}, ("tags",)),
    "lists of words": Kind(
        _slots, "nlp/tagging", {"path": "slots.jsonl", "scheme": "bio", "words": "tokens", "tags": "ner_tags"}
    ),
    "pairs in a folder": Kind(_pairs_in_a_folder, "nlp/tagging", {"path": "atis", "scheme": "bio"}),
    "running text": Kind(_running_text, "nlp/language_modelling", {"path": "book.txt", "unit": "char"}, ("unit",)),
    "several series": Kind(
        _several_series,
        "time_series/forecasting",
        {"path": "shops.csv", "time": "ds", "series": "unique_id", "targets": ["sold"], "horizon": 7},
        ("horizon",),
    ),
    "sales with covariates": Kind(
        _sales,
        "time_series/forecasting",
        {
            "path": "sales.csv",
            "time": "day",
            "series": "shop",
            "known_covariates": ["is_holiday", "weekday"],
            "static_covariates": ["place", "area"],
            "categories": ["weekday", "place"],
            "horizon": 7,
        },
        ("series", "known_covariates", "static_covariates", "categories", "horizon"),
    ),
}
"""Name of a kind -> what it is."""
