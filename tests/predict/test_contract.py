"""The contract of every codec: what a model answers to raw test data is what its sweep has scored."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
import soundfile

from tests.support.adapter_data import TONES, said, tones_in_noise
from tests.support.fresh import Fresh
from tuner.adapters.catalog import ADAPTERS
from tuner.adapters.memory.making import MAKERS
from tuner.adapters.memory.options import ProbeOptions
from tuner.adapters.speech.recognition.scoring import error_rates
from tuner.testing import codecs
from tuner.testing.codecs import CodecContract, Kept

LABELS = ("falls", "rises", "swings")
TEST_ITEMS = 20


@pytest.fixture(scope="module", autouse=True)
def _fresh() -> Iterator[None]:
    """The new processes of all cases are forks of one; the contract's own are seen where `docs/extending.md` runs."""
    forked = Fresh()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(codecs, "_in_a_new_process", forked)
        yield
    forked.close()


class Contract(CodecContract):
    """The contract, and what a model of ours does without as well."""

    def test_torchs_compiler_is_not_needed(self, kept: Kept) -> None:
        """It takes a second to import; SymPy comes with it."""
        assert "sympy" not in kept.modules


def curve(label: str, steps: int, rng: np.random.Generator) -> np.ndarray[Any, np.dtype[np.float64]]:
    """A noisy curve of a kind, (steps, 2)."""
    place = np.linspace(0, 1, steps)
    shape = {"falls": -place, "rises": place, "swings": np.sin(9 * place)}[label]
    return np.stack([shape, shape**2], axis=1) * 30 + 100 + rng.normal(size=(steps, 2))


def waves(size: int, seed: int, *, least: int = 6, most: int = 12) -> list[tuple[str, Any]]:
    """Labelled curves of unequal length."""
    rng = np.random.default_rng(seed)
    return [
        (label := LABELS[number % 3], curve(label, int(rng.integers(least, most + 1)), rng)) for number in range(size)
    ]


def write(path: Path, rows: list[list[object]], delimiter: str = ",") -> None:
    """Write a table."""
    with path.open("w", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)


def class_scores(answers: pd.DataFrame, truth: list[str]) -> dict[str, float]:
    """Accuracy, and log loss in nats, by the probabilities that were written."""
    assert len(answers) == len(truth)
    likely = [answers[f"p({label})"].iloc[row] for row, label in enumerate(truth)]
    return {"accuracy": float(np.mean(answers["class"].astype(str) == truth)), "loss": float(-np.log(likely).mean())}


class TestTexts(Contract):
    """Texts in a CSV file, of two classes whose threshold and temperature are fitted on validation data."""

    adapter, raw = "nlp/classification", "test.csv"

    @staticmethod
    def data(folder: Path) -> dict[str, Any]:
        """Texts of a few words, some of which tell the label."""
        rng = np.random.default_rng(0)
        words = {"good": ("fine", "lovely"), "bad": ("awful", "poor")}
        for name, size in (("train", 60), ("test", TEST_ITEMS)):
            rows: list[list[object]] = [["text", "label"]]
            for number in range(size):
                label = ("good", "bad")[number % 2]
                rows.append([f"{' '.join(rng.choice([*words[label], 'the', 'a'], 4))} {name}{number}", label])
            write(folder / f"{name}.csv", rows)
        decided = {"positive": "bad", "threshold": "f1", "temperature": "validation"}
        return {"path": "train.csv", "test_path": "test.csv", "vocabulary": 300, **decided}

    @staticmethod
    def score(answers: pd.DataFrame, folder: Path) -> dict[str, float]:
        """By the labels in the file."""
        truth = pd.read_csv(folder / "test.csv").label
        both, either = (truth == "bad") & (answers["class"] == "bad"), (truth == "bad") | (answers["class"] == "bad")
        f1 = 2 * both.sum() / (both.sum() + either.sum())
        return {**class_scores(answers, truth.tolist()), "f1": float(f1)}


class TestManyLabels(Contract):
    """Texts of characters, with several labels or none, of which a threshold chooses."""

    adapter, raw = "nlp/classification", "test.csv"

    @staticmethod
    def data(folder: Path) -> dict[str, Any]:
        """Texts whose words tell the labels."""
        rng = np.random.default_rng(0)
        for name, size in (("train", 60), ("test", TEST_ITEMS)):
            rows: list[list[object]] = [["text", "label"]]
            for number in range(size):
                words = sorted({*rng.choice(["rain", "cold", "bright", "so", "it"], 3)})
                rows.append([f"{' '.join(words)} {name}{number}", ";".join(word for word in words if len(word) > 3)])
            write(folder / f"{name}.csv", rows)
        fitted = {"threshold": "micro_f1", "temperature": "validation"}
        return {"path": "train.csv", "test_path": "test.csv", "labels": "many", "label_separator": ";",
                "unit": "char", **fitted}  # fmt: skip

    @staticmethod
    def score(answers: pd.DataFrame, folder: Path) -> dict[str, float]:
        """By the labels in the file."""
        names = ("bright", "cold", "rain")
        said, told = (
            np.array([[name in str(cell).split(";") for name in names] for cell in column])
            for column in (answers["labels"], pd.read_csv(folder / "test.csv").label)
        )
        p = answers[[f"p({name})" for name in names]].to_numpy()
        return {
            "micro_f1": float(2 * (said & told).sum() / (said.sum() + told.sum())),
            "accuracy": float((said == told).all(axis=1).mean()),
            "loss": float(-np.log(np.where(told, p, 1 - p)).mean()),
        }


class TestPairsWithNumbers(Contract):
    """Pairs of texts in JSON lines, read word by word, with a number each."""

    adapter, raw = "nlp/regression", "test.jsonl"

    @staticmethod
    def data(folder: Path) -> dict[str, Any]:
        """How many words both texts share."""
        rng = np.random.default_rng(0)
        words = ["rain", "sun", "wind", "snow", "fog", "hail"]
        for name, size in (("train", 60), ("test", TEST_ITEMS)):
            lines = []
            for number in range(size):
                one, other = rng.choice(words, 3), rng.choice(words, int(rng.integers(1, 5)))
                told = {"first": " ".join(one), "second": f"{' '.join(other)} {name}{number}"}
                lines.append(json.dumps({**told, "shared": 10.0 * len({*one} & {*other})}))
            (folder / f"{name}.jsonl").write_text("\n".join(lines))
        return {"path": "train.jsonl", "test_path": "test.jsonl", "vocabulary": 300, "text": "first",
                "text_pair": "second", "target": "shared", "unit": "word", "characters": "lstm"}  # fmt: skip

    @staticmethod
    def score(answers: pd.DataFrame, folder: Path) -> dict[str, float]:
        """Errors in words, times ten."""
        truth = [json.loads(line)["shared"] for line in (folder / "test.jsonl").read_text().split("\n")]
        error = answers["shared"].to_numpy() - truth
        return {"rmse": float(np.sqrt((error**2).mean())), "mae": float(np.abs(error).mean())}


class TestTagged(Contract):
    """Entities in columns parted by blanks, of which a CRF chooses the tags."""

    adapter, raw = "nlp/tagging", "test.conll"

    @staticmethod
    def data(folder: Path) -> dict[str, Any]:
        """Sentences of words that tell their tags, some of them unknown."""
        rng = np.random.default_rng(0)
        parts = ["to O", "from O", "Rome I-city", "New I-city\nYork I-city", "May I-day", "Rome I-city\nOslo B-city"]
        for name, size in (("train", 80), ("test", TEST_ITEMS)):
            blocks = ["\n".join([f"{name}{number % 50} O", *rng.choice(parts, 3)]) for number in range(size)]
            (folder / f"{name}.conll").write_text("\n\n".join(blocks))
        return {"path": "train.conll", "test_path": "test.conll", "scheme": "iob1", "decoder": "crf"}

    @staticmethod
    def score(answers: pd.DataFrame, folder: Path) -> dict[str, float]:
        """Share of the tags in the file that are answered, in the scheme of the file."""
        lines = (folder / "test.conll").read_text().split("\n")
        words = [line.split() for line in lines if line]
        assert answers["word"].tolist() == [word for word, _ in words]
        assert answers["sentence"].max() == TEST_ITEMS
        return {"accuracy": float(np.mean(answers["tag"] == [tag for _, tag in words]))}


class TestTaggedAlone(Contract):
    """Parts of speech in JSON lines, each word by itself."""

    adapter, raw = "nlp/tagging", "test.jsonl"

    @staticmethod
    def data(folder: Path) -> dict[str, Any]:
        """Sentences of words that tell their tags."""
        rng = np.random.default_rng(0)
        tags = {"the": "DET", "cat": "NOUN", "saw": "VERB", "dog": "NOUN", "a": "DET"}
        for name, size in (("train", 80), ("test", TEST_ITEMS)):
            lines = []
            for number in range(size):
                words = [*rng.choice(list(tags), rng.integers(1, 6)).tolist(), f"{name}{number}"]
                lines.append(json.dumps({"tokens": words, "tags": [tags.get(word, "X") for word in words]}))
            (folder / f"{name}.jsonl").write_text("\n".join(lines))
        return {"path": "train.jsonl", "test_path": "test.jsonl"}

    @staticmethod
    def score(answers: pd.DataFrame, folder: Path) -> dict[str, float]:
        """Share of right tags, and log loss in nats per word."""
        rows = [json.loads(line) for line in (folder / "test.jsonl").read_text().split("\n")]
        truth = [tag for row in rows for tag in row["tags"]]
        likely = [answers[f"p({tag})"].iloc[place] for place, tag in enumerate(truth)]
        return {"accuracy": float(np.mean(answers["tag"] == truth)), "loss": float(-np.log(likely).mean())}


class TestWideTable(Contract):
    """A row per item, semicolons and decimal commas, beside a row number and a patient."""

    adapter, raw = "time_series/classification", "test.csv"

    @staticmethod
    def data(folder: Path) -> dict[str, Any]:
        """Curves of one channel."""
        for name, size in (("train", 60), ("test", TEST_ITEMS)):
            rows: list[list[object]] = [["row", "patient", *(f"t{step}" for step in range(9)), "state"]]
            for number, (label, values) in enumerate(waves(size, size, least=9, most=9)):
                cells = [f"{value:.6f}".replace(".", ",") for value in values[:, 0]]
                rows.append([number, f"p{number // 2}", *cells, label])
            write(folder / f"{name}.csv", rows, ";")
        return {"path": "train.csv", "test_path": "test.csv", "label": "state", "group": "patient"}

    @staticmethod
    def score(answers: pd.DataFrame, folder: Path) -> dict[str, float]:
        """By the labels in the file."""
        return class_scores(answers, pd.read_csv(folder / "test.csv", sep=";").state.tolist())


class TestLongTable(Contract):
    """A row per step of Parquet, items mixed, steps not in order."""

    adapter, raw = "time_series/classification", "test.parquet"

    @staticmethod
    def data(folder: Path) -> dict[str, Any]:
        """Curves of two channels, with times."""
        for name, size in (("train", 60), ("test", TEST_ITEMS)):
            rows = [
                {"item": f"{name}{number}", "when": pd.Timestamp(2024, 1, 1) + pd.Timedelta(step, "h"), "a": a, "b": b,
                 "label": label}
                for number, (label, values) in enumerate(waves(size, size))
                for step, (a, b) in enumerate(values)
            ]  # fmt: skip
            pd.DataFrame(rows).sample(frac=1, random_state=1, ignore_index=True).to_parquet(folder / f"{name}.parquet")
        return {"path": "train.parquet", "test_path": "test.parquet", "id": "item", "time": "when"}

    @staticmethod
    def score(answers: pd.DataFrame, folder: Path) -> dict[str, float]:
        """By the labels of the ids that answers repeat; items are in the order in which they appear."""
        table = pd.read_parquet(folder / "test.parquet")
        assert answers["item"].tolist() == table["item"].unique().tolist()
        return class_scores(answers, table.groupby("item").label.first()[answers["item"]].tolist())


class TestArchive(Contract):
    """Arrays of unequal length one after the other, laid out the other way."""

    adapter, raw = "time_series/classification", "test.npz"

    @staticmethod
    def data(folder: Path) -> dict[str, Any]:
        """Curves of two channels."""
        for name, size in (("train", 60), ("test", TEST_ITEMS)):
            labels, values = zip(*waves(size, size), strict=True)
            np.savez(folder / f"{name}.npz", X=np.concatenate(values).T, y=labels, lengths=[len(x) for x in values])
        return {"path": "train.npz", "test_path": "test.npz", "layout": "channels_first"}

    @staticmethod
    def score(answers: pd.DataFrame, folder: Path) -> dict[str, float]:
        """By the labels in the file."""
        return class_scores(answers, np.load(folder / "test.npz")["y"].tolist())


class TestSteps(Contract):
    """A class per step of a long table, in pieces; test items are asked with their classes in it."""

    adapter, raw = "time_series/labelling", "test.csv"

    @staticmethod
    def data(folder: Path) -> dict[str, Any]:
        """Waves that are there or not."""
        rng = np.random.default_rng(0)
        for name, size in (("train", 30), ("test", TEST_ITEMS)):
            rows: list[list[object]] = [["run", "on", "v", "w"]]
            for number in range(size):
                on = np.repeat(rng.integers(0, 2, 4), rng.integers(1, 5, 4))
                values = on[:, None] * 30 + rng.normal(size=(len(on), 2)) * 9 + 100
                rows += [[f"{name}{number}", ("off", "on")[at], *pair] for at, pair in zip(on, values, strict=True)]
            write(folder / f"{name}.csv", rows)
        return {"path": "train.csv", "test_path": "test.csv", "id": "run", "label": "on", "background": "off",
                "window": 5}  # fmt: skip

    @staticmethod
    def score(answers: pd.DataFrame, folder: Path) -> dict[str, float]:
        """Share of right steps, and log loss in nats per step; steps are numbered in each run."""
        truth = pd.read_csv(folder / "test.csv")
        assert answers["run"].tolist() == truth["run"].tolist()
        assert answers["step"].tolist() == (truth.groupby("run").cumcount() + 1).tolist()
        return class_scores(answers, truth["on"].tolist())


class TestNumbers(Contract):
    """Two numbers of a long table, with quantiles; the model is asked of a table that has them too."""

    adapter, raw = "time_series/regression", "test.csv"

    @staticmethod
    def data(folder: Path) -> dict[str, Any]:
        """Curves whose height and slope are asked for."""
        rng = np.random.default_rng(0)
        for name, size in (("train", 50), ("test", TEST_ITEMS)):
            rows: list[list[object]] = [["machine", "wear", "life", "v", "w"]]
            for number in range(size):
                wear = float(rng.uniform())
                told: list[object] = [f"{name}{number}", wear, 900 - 400 * wear]
                steps = range(int(rng.integers(3, 8)))
                rows += [[*told, wear * step + rng.normal() / 9, step] for step in steps]
            write(folder / f"{name}.csv", rows)
        named = {"targets": ["wear", "life"], "id": "machine"}
        return {"path": "train.csv", "test_path": "test.csv", **named, "quantiles": [0.9], "loss": "huber"}

    @staticmethod
    def score(answers: pd.DataFrame, folder: Path) -> dict[str, float]:
        """Errors in the numbers' own units, the mean over both."""
        truth = pd.read_csv(folder / "test.csv").groupby("machine", sort=False).first()
        assert answers["machine"].tolist() == truth.index.tolist()
        wanted = truth[["wear", "life"]].to_numpy()
        error = wanted - answers[["wear", "life"]].to_numpy()
        above = wanted - answers[["wear_q90", "life_q90"]].to_numpy()
        return {
            "rmse": float(np.sqrt((error**2).mean(axis=0)).mean()),
            "mae": float(np.abs(error).mean()),
            "pinball": float(np.maximum(0.9 * above, -0.1 * above).mean()),
        }


class TestTs(Contract):
    """The archives' own form."""

    adapter, raw = "time_series/classification", "test.ts"

    @staticmethod
    def data(folder: Path) -> dict[str, Any]:
        """Curves of two channels."""
        for name, size in (("train", 60), ("test", TEST_ITEMS)):
            lines = [f"@classLabel true {' '.join(LABELS)}", "@data"]
            for label, values in waves(size, size):
                lines.append(":".join([*(",".join(map(str, channel)) for channel in values.T), label]))
            (folder / f"{name}.ts").write_text("\n".join(lines))
        return {"path": "train.ts", "test_path": "test.ts"}

    @staticmethod
    def score(answers: pd.DataFrame, folder: Path) -> dict[str, float]:
        """By what follows the last colon of each line."""
        lines = (folder / "test.ts").read_text().splitlines()[2:]
        return class_scores(answers, [line.rpartition(":")[2] for line in lines])


class TestRecordings(Contract):
    """A manifest that says which recordings are for the test; they have another sample rate and length."""

    adapter, raw = "speech/classification", "test"
    space: ClassVar[Mapping[str, Any]] = {**Contract.space, "data.num_mels": [12]}

    @staticmethod
    def data(folder: Path) -> dict[str, Any]:
        """Tones with noise; those of the test in a folder of their own."""
        rng = np.random.default_rng(0)
        rows: list[list[object]] = [["path", "label", "part"]]
        for part, size in (("train", 20), ("val", 8), ("test", 12)):
            (folder / part).mkdir()
            for number in range(size):
                label, pitch = (("low", 200), ("high", 900))[number % 2]
                rate = 8000 if part != "test" or number % 3 else 16000
                times = np.arange(rate // 10 + rate // 100 * number) / rate
                name = f"{part}/{label}-{number:02d}.{'flac' if number % 5 == 0 else 'wav'}"
                wave = np.sin(2 * np.pi * pitch * times) / 4 + rng.normal(size=len(times)) / 50
                soundfile.write(folder / name, wave, rate)
                rows.append([name, label, part])
        write(folder / "all.csv", rows)
        steps = {"normalization": "utterance", "deltas": 1, "stack": 2, "stride": 2, "speed": 0.1}
        steps |= {"trim_db": 40, "cepstra": 8}
        return {"path": "all.csv", "split": "part", "group": None, **steps}

    @staticmethod
    def score(answers: pd.DataFrame, folder: Path) -> dict[str, float]:
        """By the names of the files."""
        assert answers["path"].tolist() == sorted(map(str, (folder / "test").iterdir()))
        return class_scores(answers, [Path(path).name.partition("-")[0] for path in answers["path"]])


class TestTranscripts(Contract):
    """Recordings of tones and what they say, those of the test in a folder of their own."""

    adapter, raw = "speech/recognition", "test"
    space: ClassVar[Mapping[str, Any]] = {**Contract.space, "data.stride": [2], "learning_rate": 0.01}

    @staticmethod
    def data(folder: Path) -> dict[str, Any]:
        """Manifests that name their splits; some recordings have another sample rate."""
        rng = np.random.default_rng(0)
        for part, size in (("train", 40), ("val", 8), ("test", TEST_ITEMS)):
            rows: list[list[object]] = [["audio", "sentence"]]
            (folder / part).mkdir()
            for number in range(size):
                text = " ".join(rng.choice(list(TONES), number % 4 + 1))
                rate = 16000 if number % 3 == 0 else 8000
                name = f"{part}/{number:02}.flac"
                soundfile.write(folder / name, np.repeat(said(text, rng), rate // 8000), rate)
                rows.append([name, text])
            write(folder / f"{part}.csv", rows)
        return {"path": ".", "units": "words", "num_mels": 12, "normalization": "training", "deltas": 1}

    @staticmethod
    def score(answers: pd.DataFrame, folder: Path) -> dict[str, float]:
        """By the words that the same seed has drawn."""
        rng = np.random.default_rng(0)
        texts = []
        for number in [*range(40), *range(8), *range(TEST_ITEMS)]:
            texts.append(" ".join(rng.choice(list(TONES), number % 4 + 1)))
            said(texts[-1], rng)
        assert answers["path"].tolist() == sorted(map(str, (folder / "test").iterdir()))
        return error_rates(texts[48:], answers["text"].fillna("").tolist(), "words")


class TestTaggedRecordings(Contract):
    """Recordings with tones at times, those of the test in a folder of their own; the model is asked for every step."""

    adapter, raw = "speech/tagging", "test"
    asked: ClassVar[Mapping[str, Any]] = {"rows": "steps"}

    @staticmethod
    def data(folder: Path) -> dict[str, Any]:
        """A table of all segments, which says the split."""
        (folder / "test").mkdir()
        rows = tones_in_noise(folder, 12, 2)
        table: list[list[object]] = [["path", "start", "end", "label", "part"]]
        for name, *segment, speaker in rows:
            part = {"s10": "val", "s11": "test"}.get(str(speaker), "train")
            if part == "test" and (folder / str(name)).exists():
                (folder / str(name)).rename(folder / "test" / str(name))
            table.append([f"test/{name}" if part == "test" else name, *segment, part])
        write(folder / "all.csv", table)
        return {"path": "all.csv", "split": "part", "num_mels": 8, "stride": 2, "stack": 2, "background": "-"}

    @staticmethod
    def score(answers: pd.DataFrame, folder: Path) -> dict[str, float]:
        """By the segments that the same seed has drawn, at the middle of each step."""
        (folder / "again").mkdir(exist_ok=True)
        truth = []
        for path, steps in answers.groupby("path"):
            rows = [row for row in tones_in_noise(folder / "again", 12, 2) if row[0] == Path(str(path)).name]
            for middle in (steps.start + steps.end) / 2:
                inside = [str(row[3]) for row in rows if float(str(row[1])) <= middle < float(str(row[2]))]
                truth.append(inside[0] if inside else "-")
        return class_scores(answers, truth)


class TestSpeechFeatures(Contract):
    """Features of recordings."""

    adapter, raw = "speech/classification", "test.npz"

    @staticmethod
    def data(folder: Path) -> dict[str, Any]:
        """An archive that says which items are for the test, and one of those alone."""
        labels, values = zip(*waves(60, 0), strict=True)
        lengths = np.array([len(item) for item in values])
        part = np.array(["train"] * 30 + ["val"] * 10 + ["test"] * 20)
        np.savez(folder / "all.npz", X=np.concatenate(values), y=labels, lengths=lengths, part=part)
        np.savez(folder / "test.npz", X=np.concatenate(values[40:]), y=labels[40:], lengths=lengths[40:])
        return {"path": "all.npz", "split": "part"}

    @staticmethod
    def score(answers: pd.DataFrame, folder: Path) -> dict[str, float]:
        """By the labels in the file."""
        return class_scores(answers, np.load(folder / "test.npz")["y"].tolist())


class TestForecasts(Contract):
    """A series without times, forecast from every row, by quantiles."""

    adapter, raw = "time_series/forecasting", "series.csv"
    asked: ClassVar[Mapping[str, Any]] = {"every_origin": True}

    @staticmethod
    def data(folder: Path) -> dict[str, Any]:
        """A wave with noise, 100 rows, the last 20 for the test, 20 before them for validation."""
        y = np.sin(np.arange(100) / 2) * 5 + 20 + np.random.default_rng(0).normal(size=100)
        pd.DataFrame({"y": y}).to_csv(folder / "series.csv", index=False)
        return {"path": "series.csv", "horizon": 3, "window": 6, "test": 20, "val": 20, "outputs": "quantiles"}

    @staticmethod
    def score(answers: pd.DataFrame, folder: Path) -> dict[str, float]:
        """Of forecasts that lie in the last 20 rows: errors in deviations of the first 60, and what intervals hold."""
        truth = pd.read_csv(folder / "series.csv")["y"].to_numpy()
        mine = answers[(answers.origin >= 80) & (answers.origin + 3 <= 100)]
        assert len(mine) == 18 * 3
        came = truth[mine.origin + mine.step - 1]
        error = (mine.y - came) / truth[:60].std()
        above = came - mine[[f"y_q{level}" for level in range(10, 100, 10)]].to_numpy().T
        levels = np.arange(1, 10)[:, None] / 10
        loss = np.maximum(levels * above, (levels - 1) * above)
        return {
            "mse": float((error**2).mean()),
            "mae": float(error.abs().mean()),
            "wql": float(2 * loss.sum(1).mean() / np.abs(came).sum()),
            "coverage_80": float(((mine["y_q10"] <= came) & (came <= mine["y_q90"])).mean()),
            "coverage_95": float(((mine["y_q2.5"] <= came) & (came <= mine["y_q97.5"])).mean()),
        }


class TestForecastsByCovariates(Contract):
    """Prices and events that are known beforehand, visitors that are not, weekdays; with conformal intervals."""

    adapter, raw = "time_series/forecasting", "series.csv"
    asked: ClassVar[Mapping[str, Any]] = {"every_origin": True}

    @staticmethod
    def data(folder: Path) -> dict[str, Any]:
        """100 days; what is asked has the last rows once more, without what is to come."""
        rng = np.random.default_rng(0)
        table = pd.DataFrame({"price": rng.normal(size=103), "event": rng.choice(["none", "fair"], 103)})
        table.insert(0, "day", pd.date_range("2026-01-01", periods=103))
        table["visits"] = rng.poisson(9, 103)
        table["sold"] = 20 + 5 * table.price + (table.event == "fair") + rng.normal(size=103)
        table[:100].to_csv(folder / "train.csv", index=False)
        table.loc[100:, ["sold", "visits"]] = np.nan
        table.to_csv(folder / "series.csv", index=False)
        covariates = {"known_covariates": ["price", "event"], "past_covariates": ["visits"], "categories": ["event"]}
        parts = {"horizon": 3, "window": 6, "test": 20, "val": 20, "calendar": ["week"], "conformal": True}
        return {"path": "train.csv", "time": "day", "targets": ["sold"], **covariates, **parts}

    @staticmethod
    def score(answers: pd.DataFrame, folder: Path) -> dict[str, float]:
        """Errors of the forecasts that lie in days 81 to 100, in deviations of the first 60."""
        table = pd.read_csv(folder / "series.csv")
        truth = table.set_index("day").sold
        answers = answers.assign(came=truth[answers.day].to_numpy())
        mine = answers[answers.groupby("origin").came.transform(lambda came: came.notna().all())]
        mine = mine[mine.origin >= table.day[79]]
        assert len(mine) == 18 * 3
        error = (mine.sold - mine.came) / truth.iloc[:60].std(ddof=0)
        within = (mine["sold_q10"] <= mine.came) & (mine.came <= mine["sold_q90"])
        return {
            "mse": float((error**2).mean()),
            "mae": float(error.abs().mean()),
            "coverage_80": float(within.mean()),
        }


class TestRunningText(Contract):
    """A text of its own for the test."""

    adapter, raw = "nlp/language_modelling", "test.txt"

    @staticmethod
    def data(folder: Path) -> dict[str, Any]:
        """Lines of a few words, ended as on Windows."""
        rng = np.random.default_rng(0)
        for name, lines in (("train", 200), ("test", 90)):
            text = "".join(f"{' '.join(rng.choice(['rain', 'sun', 'fog'], 5))}\r\n" for _ in range(lines))
            (folder / f"{name}.txt").write_bytes(text.encode())
        return {"path": "train.txt", "test_path": "test.txt", "warm_up": 30}

    @staticmethod
    def score(answers: pd.DataFrame, folder: Path) -> dict[str, float]:
        """Bits per character of the file, a line end being one, from the nats that were written."""
        characters = len((folder / "test.txt").read_text())
        nats = answers["loss"].iloc[0] * answers["tokens"].iloc[0]
        return {
            "bpc": float(nats / np.log(2) / characters),
            "perplexity": float(np.exp(nats / characters)),
            "accuracy": float(answers["accuracy"].iloc[0]),
        }


PROBE: Mapping[str, int] = {"length": 6, "train": 40, "val": 9, "test": 12}


def made(folder: Path, **options: Any) -> dict[str, Any]:
    """A probe's options; its test items are written as test.npz."""
    chosen = {**PROBE, **options}
    x, y = MAKERS[options["task"]](ProbeOptions(**chosen)).splits["test"]
    np.savez(folder / "test.npz", X=x, y=y)
    return chosen


class TestAdding(Contract):
    """Sums."""

    adapter, raw = "memory/probe", "test.npz"

    @staticmethod
    def data(folder: Path) -> dict[str, Any]:
        """Marked numbers."""
        return made(folder, task="adding")

    @staticmethod
    def score(answers: pd.DataFrame, folder: Path) -> dict[str, float]:
        """The mean squared error."""
        return {"loss": float(np.mean((answers["value"] - np.load(folder / "test.npz")["y"]) ** 2))}


class TestCopy(Contract):
    """A symbol at each step."""

    adapter, raw = "memory/probe", "test.npz"

    @staticmethod
    def data(folder: Path) -> dict[str, Any]:
        """Three symbols to repeat."""
        return made(folder, task="copy", recall=3)

    @staticmethod
    def score(answers: pd.DataFrame, folder: Path) -> dict[str, float]:
        """Log loss over all steps; accuracy over the last three."""
        truth = np.load(folder / "test.npz")["y"]
        steps = truth.shape[1]
        assert answers["step"].tolist() == list(range(1, steps + 1)) * len(truth)
        last = (answers["class"].to_numpy().reshape(truth.shape) == truth)[:, -3:]
        return {**class_scores(answers, truth.ravel().astype(str).tolist()), "accuracy": float(last.mean())}


class TestDelayedRecall(Contract):
    """A symbol at the end."""

    adapter, raw = "memory/probe", "test.npz"

    @staticmethod
    def data(folder: Path) -> dict[str, Any]:
        """One symbol to remember."""
        return made(folder, task="delayed_recall")

    @staticmethod
    def score(answers: pd.DataFrame, folder: Path) -> dict[str, float]:
        """By the symbols in the file."""
        return class_scores(answers, np.load(folder / "test.npz")["y"].astype(str).tolist())


def test_every_codec_is_tested() -> None:
    """The contract runs over every adapter of the catalog that has a codec."""
    tested = {case.adapter for case in Contract.__subclasses__()}
    assert tested == {name for name in ADAPTERS if getattr(ADAPTERS[name].load(), "model_files", ())}
