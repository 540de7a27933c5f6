"""Recordings with labelled segments: how they are read, the class of each step, and answers in seconds."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor

from tests.support.adapter_data import tagged_recordings, tones_in_noise
from tests.support.models import made_model
from tuner.adapters.base import Prepared
from tuner.adapters.labelling import trivial_scores
from tuner.adapters.ragged import Ragged
from tuner.adapters.segments import METRICS
from tuner.adapters.speech.ready import VoiceActivity
from tuner.adapters.speech.tagging.adapter import SpeechTagging
from tuner.adapters.speech.tagging.codec import TaggingCodec
from tuner.adapters.speech.tagging.loudness import NAME
from tuner.adapters.speech.tagging.options import TaggingAsked, TaggingOptions
from tuner.adapters.speech.tagging.segments import Found, Segment, find_tagged
from tuner.errors import DataError
from tuner.predict import load


def found(path: Path, **options: Any) -> Found:
    """What is found there."""
    return find_tagged(path, TaggingOptions(path=str(path), **options))


def prepared(folder: Path, **options: Any) -> Prepared:
    """What comes of preparing data into a new folder."""
    folder.mkdir()
    return SpeechTagging(TaggingOptions(**options)).prepare(folder)


def shown(of: Found) -> list[tuple[str, list[tuple[float, float, str]]]]:
    """The name and the segments of each recording."""
    return [(each.path.name if each.path else "", [segment[:3] for segment in each.segments]) for each in of.tagged]


def table(folder: Path, *rows: str, header: str = "path,start,end,label") -> Path:
    """A table of segments of three silent recordings of a second."""
    for name in "abc":
        soundfile.write(folder / f"{name}.wav", np.zeros(8000), 8000)
    (folder / "segments.csv").write_text("\n".join([header, *rows]) + "\n")
    return folder / "segments.csv"


def test_segments_are_read_from_a_table_and_from_label_tracks(tmp_path: Path) -> None:
    """In the order of time, those of one label that overlap joined; a recording may have none."""
    path = table(tmp_path, "a.wav,0.5,0.7,yes", "b.wav,,,", "a.wav,0.1,0.5,no", "a.wav,0.6,0.9,yes", "c.wav,0,1,no")
    wanted = [("a.wav", [(0.1, 0.5, "no"), (0.5, 0.9, "yes")]), ("b.wav", []), ("c.wav", [(0.0, 1.0, "no")])]
    assert shown(found(path)) == wanted
    (tmp_path / "a.txt").write_text("0.5\t0.7\tyes\r\n0.1\t0.5\tno\n\\\t20.0\t4000.0\n0.6\t0.9\tyes\n")
    (tmp_path / "b.txt").write_text("")
    (tmp_path / "c.txt").write_text("0.000000\t1.000000\tno\n")
    assert shown(found(tmp_path)) == wanted
    (tmp_path / "b.txt").unlink()
    assert found(tmp_path).notices == ["1 of 3 recordings left out: no .txt of the same name lies beside them"]


def test_recordings_with_a_segment_without_a_label_are_left_out(tmp_path: Path) -> None:
    """As a class of the segment's time is not known; of all, it is an error."""
    path = table(tmp_path, "a.wav,0.1,0.5,no", "a.wav,0.6,0.7,", "b.wav,0.1,0.2,no", "c.wav,0.1,0.2,NaN")
    of = found(path)
    assert [name for name, _ in shown(of)] == ["b.wav"]
    assert of.notices == ["2 of 3 recordings left out: a segment without a label"]
    with pytest.raises(DataError, match="at least one recording whose segments have labels"):
        found(table(tmp_path, "a.wav,0.6,0.7,"))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["a.wav,0.5,0.4,x"], r"segments\.csv:2: a segment must start at 0 .* but got '0\.5 to 0\.4'"),
        (["a.wav,-1,0.4,x"], r"segments\.csv:2: a segment must start at 0"),
        (["a.wav,soon,0.4,x"], r"segments\.csv:2: a segment must start at 0 .* but got 'soon to 0\.4'"),
        (["a.wav,0.1,inf,x"], r"segments\.csv:2: a segment must start at 0"),
        (["a.wav,0.1,0.5,x", "a.wav,0.4,0.6,y"], r"segments\.csv:3: segments of different labels must not overlap"),
        (["gone.wav,0.1,0.5,x"], r"segments\.csv:2: a listed recording must be a file"),
    ],
)
def test_damaged_segments_are_named(rows: list[str], message: str, tmp_path: Path) -> None:
    """With file, line and value."""
    with pytest.raises(DataError, match=message):
        found(table(tmp_path, *rows))


def test_segments_beyond_the_recording_and_other_doubts(tmp_path: Path) -> None:
    """Times in milliseconds are found out; a speaker is one; there must be two classes."""
    rows = [f"{name}.wav,100,400,x" for name in "abc"]
    with pytest.raises(DataError, match=r"segments\.csv:2: a segment must start within its recording of 1\.00 seconds"):
        prepared(tmp_path / "ms", path=str(table(tmp_path, *rows)))
    spoken = table(tmp_path, "a.wav,0,1,x,ann", "a.wav,1,2,x,ben", header="path,start,end,label,speaker")
    with pytest.raises(DataError, match=r"segments\.csv:3: speaker must be the same in all rows of a recording"):
        found(spoken)
    with pytest.raises(DataError, match=r"the training recordings must have at least two classes"):
        prepared(tmp_path / "none", path=str(table(tmp_path, "a.wav,,,", "b.wav,,,", "c.wav,,,")))


@pytest.mark.parametrize("options", [{"stack": 1, "stride": 1}, {"stack": 4, "stride": 2, "trim_db": 15.0}])
def test_a_step_has_the_class_of_its_middle(options: dict[str, Any], tmp_path: Path) -> None:
    """The middle of all its frames, counted from the recording's beginning, whatever silence is cut."""
    rows = tones_in_noise(tmp_path, 4, 1)
    lines = [",".join(map(str, row[:4])) for row in rows]
    (tmp_path / "segments.csv").write_text("\n".join(["path,start,end,label", *lines]))
    made = prepared(tmp_path / "made", path=str(tmp_path / "segments.csv"), **options)
    assert made.about["classes"] == ["high", "low", "none"]
    seen = 0
    for split in ("train", "val", "test"):
        x, y = Ragged(tmp_path / "made", f"{split}.x"), Ragged(tmp_path / "made", f"{split}.y")
        assert x.lengths.tolist() == y.lengths.tolist()
        for number in range(len(y)):
            classes = [made.about["classes"][kind - 1] for kind in y[number].tolist()]
            matches = []
            for name in {str(row[0]) for row in rows}:
                for cut in range(60 if "trim_db" in options else 1):
                    wanted = []
                    for step in range(len(classes)):
                        frames = [cut + step * options["stride"] + more for more in range(options["stack"])]
                        middle = (frames[0] * 0.01 + frames[-1] * 0.01 + 0.025) / 2
                        inside = [str(row[3]) for row in rows if row[0] == name and _within(row, middle)]
                        wanted.append(inside[0] if inside else "none")
                    matches.append(wanted == classes)
            seen += any(matches)
    assert seen == 4


def _within(row: list[object], middle: float) -> bool:
    return float(str(row[1])) <= middle < float(str(row[2]))


def test_prepared_recordings(tmp_path: Path) -> None:
    """Speakers are in one split; loudness says much of tones in noise; options of training prepare nothing anew."""
    options = tagged_recordings()(tmp_path)
    made = prepared(tmp_path / "made", **options)
    assert made.about["speakers"] == {"train": 4, "val": 1, "test": 1}
    trivial, floor = made.trivial["val"], made.floors[NAME]["val"]
    assert trivial.keys() == floor.keys() == {metric.name for metric in METRICS}
    assert floor["loss"] < trivial["loss"]
    assert floor["macro_f1"] > trivial["macro_f1"] + 0.1
    labels = {name: Ragged(tmp_path / "made", f"{name}.y") for name in ("train", "val")}
    truth = {name: [of[at].astype(np.int64) - 1 for at in range(len(of))] for name, of in labels.items()}
    assert trivial == trivial_scores(truth["train"], truth["val"], 3, made.about["classes"].index("none"))

    def digest(**more: Any) -> str:
        return SpeechTagging(TaggingOptions(**{**options, **more})).fingerprint()

    assert digest() == digest(time_mask=0.5, label_smoothing=0.1)
    assert len({digest(), digest(stride=2), digest(background="quiet")}) == 3


def test_lost_and_unknown_segments_are_told(tmp_path: Path) -> None:
    """Those shorter than a step, and classes that training lacks."""
    rows = ["a.wav,0.1,0.5,x,train", "a.wav,0.601,0.602,x,train", "b.wav,0.1,0.5,y,val", "c.wav,0.1,0.5,x,test"]
    path = str(table(tmp_path, *rows, header="path,start,end,label,part"))
    made = prepared(tmp_path / "made", path=path, split="part")
    told = "\n".join(made.notices)
    assert "1 of 4 segments left out: shorter than a step of 30 ms (data.stride), or cut off" in told
    assert "classes of val that no training recording has: y; they count as wrong" in told
    problem = SpeechTagging(TaggingOptions(path=path)).problem(tmp_path / "made")
    (batch,) = problem.dataset("val").batches(1)
    scores = torch.zeros(1, batch.x.shape[1], 2)
    scores[..., problem.classes.index("none")] = 9
    found = problem.evaluate([problem.reduce(scores, batch)], [batch])
    assert found["accuracy"] == pytest.approx(float((batch.y == problem.classes.index("none")).float().mean()))
    assert found["accuracy"] < 0.7


def test_answers_are_segments_in_seconds(tmp_path: Path) -> None:
    """From the recording's beginning; every step on request; a recording that a table lists twice is answered once."""
    model = load(made_model(tmp_path, "speech/tagging", {"data.trim_db": 0.0}))
    codec = model.codec
    assert isinstance(codec, TaggingCodec)
    (item,) = codec.read(tmp_path / "data/0.wav")
    assert item.x is not None
    steps, classes = len(item.x), codec.problem.classes
    scores = torch.zeros(1, steps, 3)
    scores[..., classes.index("none")] = 4
    for kind, first, end in (("low", 2, 5), ("high", 5, 6)):
        scores[0, first:end, classes.index("none")] = 0
        scores[0, first:end, classes.index(kind)] = 4

    def network(x: Tensor, lengths: Tensor | None) -> Tensor:
        assert lengths is None
        assert x.shape[1] == steps
        return scores

    (rows,) = codec.answer(network, [item], proba=True)
    half = (0.025 - 0.01) / 2  # stack and stride are 3
    assert [(row["class"], row["start"], row["end"]) for row in rows] == [
        ("low", pytest.approx(0.06 + half), pytest.approx(0.15 + half)),
        ("high", pytest.approx(0.15 + half), pytest.approx(0.18 + half)),
    ]
    assert rows[0]["probability"] == rows[0]["p(low)"] == pytest.approx(np.exp(4) / (np.exp(4) + 2))
    assert list(rows[0]) == list(codec.columns(proba=True))
    codec.asked = TaggingAsked(rows="steps")
    (rows,) = codec.answer(network, [item], proba=False)
    assert len(rows) == steps
    assert [row["class"] for row in rows[1:7]] == ["none", "low", "low", "low", "high", "none"]
    assert model.predict(tmp_path / "data/segments.csv").path.nunique() == 12
    assert sum(1 for _ in codec.read(tmp_path / "data/segments.csv")) == 12


@pytest.mark.skipif(find_spec("espeakng_loader") is None, reason="package espeakng-loader is not installed")
def test_synthetic_voice_activity() -> None:
    """300 recordings of thirty speakers, in which the digits have more energy than the pauses."""
    recordings = VoiceActivity("espeak/voice_activity").read()
    assert len(recordings) == 300
    assert len({each.recording.speaker for each in recordings}) == 30
    louder = 0
    for one in recordings:
        samples, (rate, size) = one.recording.samples(), one.recording.header()
        assert 3 <= len(one.segments) <= 6
        assert all(isinstance(each, Segment) and 0 < each.start < each.end < size / rate for each in one.segments)
        there = np.zeros(size, dtype=bool)
        for start, end, *_ in one.segments:
            there[round(start * rate) : round(end * rate)] = True
        louder += float(np.mean(samples[there] ** 2)) > float(np.mean(samples[~there] ** 2))
    assert louder == 300
