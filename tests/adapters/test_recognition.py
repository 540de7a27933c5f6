"""Recordings with transcripts: what is read, what is refused, and what the network is given."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from pydantic import ValidationError

from tests.support.adapter_data import transcribed
from tests.support.recognition import prepared, record, write
from tuner.adapters.ragged import Ragged
from tuner.adapters.speech.frames import Frames, deltas
from tuner.adapters.speech.recognition.adapter import Recognition
from tuner.adapters.speech.recognition.options import RecognitionOptions
from tuner.adapters.speech.recognition.reading import Found, find_transcribed
from tuner.adapters.speech.recognition.units import normalized
from tuner.adapters.speech.varied import MASKS, VariedSteps
from tuner.errors import DataError


def found(path: Path, **options: Any) -> Found:
    """What is found there."""
    return find_transcribed(path, RecognitionOptions(path=str(path), **options))


def shown(of: Found) -> list[tuple[str, str, str | None, str | None]]:
    """Name, transcript, speaker and split of each recording."""
    return [(each.path.name, each.label, each.speaker, each.split) for each in of.recordings]


@pytest.mark.parametrize("form", ["csv", "tsv", "jsonl"])
def test_a_manifest_lists_recordings(form: str, tmp_path: Path) -> None:
    """By the names that columns have here and there, or those that options give; its paths start beside it."""
    record(tmp_path / "wav/a b.flac")
    for audio, text, options in (
        ("path", "sentence", {}),
        ("audio_filepath", "text", {}),
        ("sound", "words", {"audio": "sound", "text": "words", "split": "part", "group": "who"}),
    ):
        row = {audio: "wav/a b.flac", text: "One, two", "who": "ann", "part": "dev"}
        mark = "\t" if form == "tsv" else ","
        lines = [mark.join(row), mark.join(f'"{cell}"' if mark in cell else cell for cell in row.values())]
        path = write(tmp_path / f"list.{form}", *([json.dumps(row)] if form == "jsonl" else lines))
        who, part = ("ann", "val") if options else (None, None)
        assert shown(found(path, **options)) == [("a b.flac", "One, two", who, part)]


def test_common_voice(tmp_path: Path) -> None:
    """Recordings lie in clips; files that name a split are the splits, others are left alone."""
    for name in ("a", "b", "c"):
        record(tmp_path / f"clips/{name}.wav")
    for split, name in (("train", "a"), ("dev", "b"), ("test", "c"), ("validated", "a"), ("other", "gone")):
        write(tmp_path / f"{split}.tsv", "client_id\tpath\tsentence\tup_votes", f"f{name}\t{name}.wav\tÉs\t2")
    write(tmp_path / "clip_durations.tsv", "clip\tms", "a.wav\t3")
    rows = [("b.wav", "És", "fb", "val"), ("c.wav", "És", "fc", "test"), ("a.wav", "És", "fa", "train")]
    assert shown(found(tmp_path)) == rows
    assert shown(found(tmp_path / "validated.tsv")) == [("a.wav", "És", "fa", None)]


def test_librispeech(tmp_path: Path) -> None:
    """Names tell the speaker, folders the split."""
    for part, name in (("train-clean-5", "84-12"), ("dev-clean", "19-7")):
        folder = tmp_path / part / name.replace("-", "/")
        record(folder / f"{name}-0000.flac")
        write(folder / f"{name}.trans.txt", f"{name}-0000 ONE TWO")
    rows = [("19-7-0000.flac", "ONE TWO", "19", "val"), ("84-12-0000.flac", "ONE TWO", "84", "train")]
    assert shown(found(tmp_path)) == rows
    assert shown(found(tmp_path / "dev-clean"))[0][3] is None


def test_kaldi(tmp_path: Path) -> None:
    """Paths start at the folder, or above it as recipes have them; a recording without a transcript is counted."""
    for name in ("a", "b"):
        record(tmp_path / f"wav/{name}.wav")
    for split, name in (("train", "a"), ("dev", "b")):
        write(tmp_path / f"data/{split}/wav.scp", f"utt-{name} wav/{name}.wav", f"more-{split}  {tmp_path}/wav/a.wav")
        write(tmp_path / f"data/{split}/text", f"utt-{name} one two")
        write(tmp_path / f"data/{split}/utt2spk", f"utt-{name} spk{name}")
    of = found(tmp_path / "data")
    assert shown(of) == [("b.wav", "one two", "spkb", "val"), ("a.wav", "one two", "spka", "train")]
    assert [told.partition(": ")[0] for told in of.notices] == ["1 of 2 recordings left out"] * 2


def test_texts_beside_recordings(tmp_path: Path) -> None:
    """Of the same name; what has none is counted."""
    record(tmp_path / "p1/a.wav")
    record(tmp_path / "p1/b.wav")
    write(tmp_path / "p1/a.txt", "one", "two")
    write(tmp_path / "README.md", "about")
    of = found(tmp_path)
    assert shown(of) == [("a.wav", "one\ntwo\n", None, None)]
    assert of.notices == [
        "1 file (1 .md) not read: by their endings they are no recordings",
        "1 of 2 recordings left out: no .txt of the same name lies beside them",
    ]


def _scp(line: str, text: str = "a one") -> Callable[[Path], object]:
    return lambda folder: (write(folder / "wav.scp", line), write(folder / "text", text))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda at: record(at / "a.wav"), r"at least one recording with a transcript, but got '1 of 1 recordings left"),
        (lambda at: write(at / "list.csv", "path,text", "a.wav,one"), r"list\.csv:2: a listed recording must be"),
        (lambda at: write(at / "list.csv", "path,words", "a,one"), r"list\.csv:1: there must be a column 'text'"),
        (lambda at: [write(at / f"{name}.csv", "a") for name in "xy"], r"must hold one manifest, or several"),
        (lambda at: write(at / "7-1.trans.txt", "7-1-0 one"), r"7-1\.trans\.txt:1: a recording must lie beside"),
        (_scp("b a.wav"), r"text:1: wav\.scp must list the recording, but got 'a'"),
        (_scp("a sph2pipe -f wav a.sph |"), r"wav\.scp:1: wav\.scp must list files, as commands are never run"),
        (_scp("a gone.wav"), r"wav\.scp:1: a listed recording must be a file, but got 'gone\.wav'"),
        (_scp("a a.wav\na b.wav"), r"wav\.scp:2: a name must be in the file once, but got 'a'"),
        (lambda folder: (_scp("a a.wav")(folder), write(folder / "segments", "a a 0 1")), r"must have no segments"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_named(make: Callable[[Path], object], message: str, tmp_path: Path) -> None:
    """With file, line, rule and value."""
    make(tmp_path)
    with pytest.raises(DataError, match=message):
        found(tmp_path)


def test_some_splits_are_not_enough(tmp_path: Path) -> None:
    """Either all parts of a folder say their split, or none; columns are those of a manifest."""
    for part in ("train", "more"):
        record(tmp_path / part / "a.wav")
        write(tmp_path / part / "a.txt", "one")
    with pytest.raises(DataError, match=r"either all parts of the folder must name their split, .* but got 'more'"):
        found(tmp_path)
    with pytest.raises(DataError, match=r"data\.text must be left out where no manifest lists the recordings"):
        found(tmp_path, text="words")


def test_transcripts_are_taken_alike() -> None:
    """NFC, single blanks, without case; without punctuation where that is asked for, but within words."""
    plain, spoken = (RecognitionOptions(path="x", punctuation=how) for how in ("keep", "drop"))
    assert normalized(" Cafe\u0301  AU\tlait ", plain) == "caf\u00e9 au lait"
    assert normalized("\u201eDon't!\u201c, she-said: 3 \u20ac -- \u05e9\u05b8\u05dc\u05d5\u05dd\u2026", spoken) == "don't she-said 3 \u20ac \u05e9\u05b8\u05dc\u05d5\u05dd"  # fmt: skip  # noqa: E501
    assert normalized("ABC", RecognitionOptions(path="x", lower_case=False)) == "ABC"


def test_what_is_odd_is_told(tmp_path: Path) -> None:
    """Empty transcripts, too short recordings, transcripts without a path, and units that training lacks, by place."""
    rows = ["path,text,part"]
    for number, (text, part) in enumerate([("one two", "train"), ("three", "train"), ("two", "val"), ("one", "test")]):
        record(tmp_path / f"{number}.wav", text)
        rows.append(f"{number}.wav,{text},{part}")
    soundfile.write(tmp_path / "short.wav", np.zeros(20), 8000)
    record(tmp_path / "odd.wav")
    rows += ["odd.wav,,train", "short.wav,one,train", f"odd.wav,{'so on ' * 20},train", f"odd.wav,{'so on ' * 20},test"]
    write(tmp_path / "list.csv", *rows)
    made = prepared(tmp_path / "made", path=str(tmp_path / "list.csv"), split="part", stride=1)
    told = "\n".join(made.notices)
    assert f"1 of 8 recordings left out: their transcript is empty, such as {tmp_path}/list.csv:6" in told
    assert f"1 of 8 recordings left out: shorter than a frame, such as {tmp_path}/list.csv:7" in told
    assert f"1 of 3 train recordings have too few steps for their transcript, such as {tmp_path}/list.csv:8 (" in told
    assert ", and 119 needed), and are left out; a lower data.stride or data.hop_ms gives more steps" in told
    assert "1 of 2 test recordings have too few steps for their transcript" in told
    assert f"characters of test that no training transcript has: 1, such as 's' at {tmp_path}/list.csv:9" in told
    assert dict(made.counts) == {"train": 2, "val": 1, "test": 2}
    assert (made.trivial["val"]["impossible"], made.trivial["test"]["impossible"]) == (0, 1)
    problem = Recognition(RecognitionOptions(path="x")).problem(tmp_path / "made")
    (batch,) = problem.dataset("test").batches(2)
    scores = torch.zeros(2, batch.x.shape[1], len(problem.units.names) + 1)
    _, possible = problem.nats(scores, batch)
    assert sorted(possible.tolist()) == [False, True]
    assert problem.evaluate([problem.reduce(scores, batch)], [batch])["impossible"] == 1
    assert torch.isfinite(problem.loss(scores, batch))


def test_recordings_without_a_transcript_are_left_out(tmp_path: Path) -> None:
    """Those of a null or NaN, and those that no file of transcripts lists; the word Nan is a transcript."""
    rows = ["One", None, "Nan", float("nan"), "Two"]
    for number in range(len(rows)):
        record(tmp_path / f"a/{number}.wav")
        record(tmp_path / f"b/7-{number}.wav")
    lines = [json.dumps({"path": f"{number}.wav", "text": text}) for number, text in enumerate(rows)]
    path = write(tmp_path / "a/list.jsonl", *lines)
    assert [each.label for each in found(path).recordings] == ["One", "", "Nan", "", "Two"]
    made = prepared(tmp_path / "made", path=str(path))
    assert f"2 of 5 recordings left out: their transcript is empty, such as {path}:2" in made.notices
    write(tmp_path / "b/7.trans.txt", "7-0 one", "7-1 two", "7-2 one")
    assert found(tmp_path / "b").notices == ["2 of 5 recordings left out: no .trans.txt lists them"]


def test_recordings_without_a_path_alone_are_refused(tmp_path: Path) -> None:
    """What is left must be learned from."""
    options = transcribed()(tmp_path)
    with pytest.raises(DataError, match="must have as many steps as its transcript has units, and one more between"):
        prepared(tmp_path / "made", **options, stride=32)
    write(tmp_path / "said.csv", "path,text", "0.wav,one", "1.wav,two")
    with pytest.raises(DataError, match=r"at least 3 recordings that have a transcript .*, but got 2"):
        prepared(tmp_path / "again", path=str(tmp_path / "said.csv"))


def test_speakers_are_in_one_split(tmp_path: Path) -> None:
    """Those that are dealt are dealt whole."""
    made = prepared(tmp_path / "made", **transcribed()(tmp_path))
    assert made.about["speakers"] == {"train": 4, "val": 1, "test": 1}
    assert "groups (speaker) stay whole: 4 in train, 1 in val, 1 in test" in made.notices


@pytest.mark.parametrize(
    ("train", "name", "wer"),
    [
        (["one", "one", "two three"], "always 'one'", 0.5),
        (["three three three three"] * 2 + ["one", "two", "one two", "two one"], "always nothing", 1.0),
    ],
)
def test_the_trivial_predictor_always_says_the_same(train: list[str], name: str, wer: float, tmp_path: Path) -> None:
    """What is said most often, or nothing, where that has fewer errors in training."""
    rows = [*((text, "train") for text in train), ("two", "val"), ("one three", "test")]
    for number, (text, _) in enumerate(rows):
        record(tmp_path / f"{number}.wav", text)
    lines = [f"{number}.wav,{text},{part}" for number, (text, part) in enumerate(rows)]
    write(tmp_path / "list.csv", "path,text,part", *lines)
    made = prepared(tmp_path / "made", path=str(tmp_path / "list.csv"), split="part", units="words")
    assert made.about["name"] == name
    assert (made.trivial["test"]["wer"], made.trivial["test"]["deletions"]) == (wer, wer)


def test_deltas_are_slopes() -> None:
    """Of a straight line its slope, but at the ends; of any curve that of a line through five frames."""
    x = np.random.default_rng(0).normal(size=(9, 2)).astype(np.float32)
    padded = np.pad(x, ((2, 2), (0, 0)), mode="edge").astype(np.float64)
    wanted = [[np.polyfit(range(5), padded[t : t + 5, f], 1)[0] for f in range(2)] for t in range(9)]
    np.testing.assert_allclose(deltas(x), wanted, atol=1e-6)
    both = Frames(RecognitionOptions(path="x", deltas=2)).with_deltas(x)
    np.testing.assert_allclose(both, np.concatenate([x, deltas(x), deltas(deltas(x))], axis=1))


@pytest.mark.parametrize(("stack", "stride"), [(1, 1), (3, 3), (4, 2), (2, 3)])
def test_frames_are_stacked(stack: int, stride: int) -> None:
    """Each step has its frames in their order, zeros beyond the end; a recording is on its own scale."""
    x = np.random.default_rng(0).normal(3, 7, size=(8, 2)).astype(np.float32)
    steps = Frames(RecognitionOptions(path="x", stack=stack, stride=stride)).steps(x)
    own = (x - x.mean(0)) / x.std(0)
    wanted = [
        np.concatenate([own[t] if t < 8 else np.zeros(2) for t in range(s, s + stack)]) for s in range(0, 8, stride)
    ]
    np.testing.assert_allclose(steps, wanted, atol=1e-5)


def test_pauses_need_not_count() -> None:
    """Only frames above the mean level do, so that a recording's steps are the same with longer, fainter pauses."""
    rng = np.random.default_rng(0)
    said, pause = rng.normal(9, 1, size=(20, 3)), rng.normal(1, 0.1, size=(7, 3))
    frames = Frames(RecognitionOptions(path="x", stack=1, stride=1, normalized_frames="loud"))
    once = frames.steps(np.concatenate([pause, said]).astype(np.float32))
    often = frames.steps(np.concatenate([pause - 3, said, pause - 4]).astype(np.float32))
    np.testing.assert_allclose(once[7:], (said - said.mean(0)) / said.std(0), atol=1e-5)
    np.testing.assert_allclose(often[7:27], once[7:], atol=1e-5)
    assert np.isfinite(frames.steps(np.full((4, 3), 0.1, dtype=np.float32))).all()


def test_masks_hide_bands_and_steps_in_training_alone() -> None:
    """The same bands in all frames of a step; no mask is wider than its share; each item has its own."""
    options = RecognitionOptions(
        path="x", num_mels=10, stack=2, deltas=1, frequency_mask=0.3, time_mask=0.2, frequency_warp=0
    )
    encoder = VariedSteps(40, 10, options)
    x = torch.ones(64, 30, 40)
    torch.manual_seed(0)
    hidden = encoder(x) == 0
    bands, steps = hidden.all(dim=1).view(64, 4, 10), hidden.all(dim=2)
    assert torch.equal(bands, bands[:, :1].expand_as(bands))
    assert torch.equal(hidden, hidden.all(dim=1, keepdim=True) | steps[..., None])
    assert 0 < bands[:, 0].sum(1).max() <= MASKS * 3
    assert 0 < steps.sum(1).max() <= MASKS * 6
    assert len({tuple(row.tolist()) for row in steps}) > 30
    assert torch.equal(encoder.eval()(x), x)
    off = VariedSteps(40, 10, options.model_copy(update={"frequency_mask": 0.0, "time_mask": 0.0}))
    assert torch.equal(off(x), x)


def test_voices_are_changed_in_training_alone() -> None:
    """Bands are read at a rate of each recording's own, the same in all its frames; noise has its deviation."""
    plain = RecognitionOptions(path="x", num_mels=10, stack=2, frequency_mask=0, time_mask=0, frequency_warp=0)
    band = torch.arange(10.0).repeat(64, 3, 2)
    encoder = VariedSteps(20, 10, plain.model_copy(update={"frequency_warp": 0.2}))
    torch.manual_seed(0)
    rate = (encoder(band) / band)[..., [1, 11]]
    assert torch.allclose(rate, rate[:, :1, :1].expand_as(rate))
    assert 0.8 <= rate.min() < 0.85
    assert 1.15 < rate.max() <= 1.2
    read = np.interp(np.arange(10) * rate[5, 0, 0].item(), np.arange(10), np.arange(10))
    torch.manual_seed(0)
    np.testing.assert_allclose(encoder(band)[5, 2, 10:], read, atol=1e-5)
    assert torch.equal(encoder.eval()(band), band)
    noisy = VariedSteps(20, 10, plain.model_copy(update={"noise": 0.5}))
    assert (noisy(band) - band).std().item() == pytest.approx(0.5, rel=0.1)
    assert torch.equal(noisy.eval()(band), band)


def test_what_is_searched_without_preparing_anew(tmp_path: Path) -> None:
    """Masks and the beam's width; not what makes the steps."""
    options = transcribed()(tmp_path)

    def digest(**more: Any) -> str:
        return Recognition(RecognitionOptions(**{**options, **more})).fingerprint()

    assert digest() == digest(time_mask=0.5, frequency_mask=0.0) == digest(beam=8, noise=1)
    assert len({digest(), digest(stride=2), digest(deltas=2), digest(units="words"), digest(speed=0.1)}) == 5


def test_training_strings_are_learned_at_other_speeds(tmp_path: Path) -> None:
    """A shuffled pass takes one of three speeds of each recording, with its transcript; named speakers are held out."""
    options = transcribed(units="words", speed=0.2, val_groups=["s0"], test_groups=["s5"])(tmp_path)
    made = prepared(tmp_path / "made", **options)
    assert dict(made.counts) == {"train": 16, "val": 4, "test": 4}
    dataset = Recognition(RecognitionOptions(**options)).problem(tmp_path / "made").dataset("train")
    said_by = {}
    for number, version in enumerate([dataset.items, *dataset.versions]):
        for item in range(len(version)):
            said_by[version[item].tobytes()] = (number, item)
    seen = set()
    for seed in range(20):
        for batch in dataset.batches(1, rng=np.random.default_rng(seed)):
            number, item = said_by[batch.x[0].numpy().tobytes()]
            assert (batch.y[0].numpy() + 1).tolist() == dataset.labels[item].tolist()
            seen.add((number, item))
    assert seen == set(said_by.values())
    assert not Recognition(RecognitionOptions(**options)).problem(tmp_path / "made").dataset("test").versions


def test_prepared_units_are_those_of_the_transcripts(tmp_path: Path) -> None:
    """Read back, they are what was said."""
    options = transcribed(units="words")(tmp_path)
    prepared(tmp_path / "made", **options)
    problem = Recognition(RecognitionOptions(**options)).problem(tmp_path / "made")
    y = Ragged(tmp_path / "made", "train.y")
    read = {problem.units.text(y[item].tolist()) for item in range(len(y))}
    assert read <= {line.split(",")[1] for line in (tmp_path / "said.csv").read_text().splitlines()}
    assert problem.units.names == ["one", "three", "two"]


def test_a_language_model_goes_with_what_is_prepared(tmp_path: Path) -> None:
    """What it says decides where a recording leaves words open; another one prepares anew, its weight does not."""
    options = transcribed(units="words", beam=8, language_model_path=str(tmp_path / "lm.arpa"))(tmp_path)
    lines = [
        "\\data\\",
        "ngram 1=5",
        "",
        "\\1-grams:",
        "-1 <s>",
        "-1 </s>",
        "-3 ONE",
        "-0.1 TWO",
        "-2 THREE",
        "\\end\\",
    ]
    write(tmp_path / "lm.arpa", *lines)
    adapter = Recognition(RecognitionOptions(**options))
    prepared(tmp_path / "made", **options)
    digest = adapter.fingerprint()
    assert Recognition(RecognitionOptions(**options, language_weight=2)).fingerprint() == digest
    (tmp_path / "lm.arpa").unlink()
    with pytest.raises(DataError, match=r"data\.language_model_path must name an existing file"):
        adapter.fingerprint()
    problem = adapter.codec(tmp_path / "made").problem
    names = problem.units.names
    scores = torch.zeros(1, 1, len(names) + 1)
    scores[0, 0] = torch.tensor([-9.0, *(0.1 if name == "one" else 0.0 for name in names)])
    assert problem.units.text(problem.paths(scores, torch.tensor([1]))[0].tolist()) == "two"
    write(tmp_path / "lm.arpa", *lines, "more")
    assert adapter.fingerprint() != digest


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"language_model_path": "lm.arpa"}, r"data\.beam must be above 1 with data\.language_model_path"),
        ({"language_weight": 1}, r"data\.language_weight must be left out without a language model"),
        ({"val": 0.5, "test": 0.5}, r"data\.val and test together must be below 1"),
        ({"source": "espeak/digit_strings"}, r"exactly one of source and path must be given"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options: dict[str, Any], rule: str) -> None:
    """With what to do."""
    with pytest.raises(ValidationError, match=rule):
        RecognitionOptions(path="x", **options)
