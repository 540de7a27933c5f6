import json
from pathlib import Path

import numpy as np
import pytest
import torch

from tuner.adapters.ragged import Ragged
from tuner.adapters.time_series import ready
from tuner.adapters.time_series.classification import SeriesClassification
from tuner.adapters.time_series.item_options import ClassificationOptions
from tuner.errors import DataError


def npz(path: Path, x: np.ndarray, y: list[int], lengths: list[int] | None = None) -> str:
    """Write labelled arrays and give their path."""
    arrays = {"X": x, "y": np.array(y)} | ({} if lengths is None else {"lengths": np.array(lengths)})
    np.savez(path, **arrays)  # type: ignore[arg-type]
    return str(path)


def adapter(**options: object) -> SeriesClassification:
    """The adapter with these options."""
    return SeriesClassification(ClassificationOptions(**options))


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Forty items of two channels and two classes."""
    rng = np.random.default_rng(0)
    return npz(tmp_path / "x.npz", rng.normal(3, 5, size=(40, 6, 2)), [0, 1] * 20)


def test_scaling_is_fitted_on_train_alone(tmp_path: Path, path: str) -> None:
    """The training split has mean 0 and deviation 1 per channel, the other splits have what comes of it."""
    adapter(path=path).prepare(tmp_path)
    train = Ragged(tmp_path, "train.x").values[:-6]
    np.testing.assert_allclose(train.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(train.std(axis=0), 1, atol=1e-6)
    facts = json.loads((tmp_path / "facts.json").read_text())
    raw = np.load(path)["X"].reshape(-1, 2)
    restored = train * facts["scale"] + facts["mean"]
    assert abs(restored[:, None] - raw).max(axis=2).min(axis=1).max() < 1e-5


def test_official_test_items_do_not_touch_the_search(tmp_path: Path) -> None:
    """Other test items leave every array of train and val as it was, bit for bit."""
    rng = np.random.default_rng(0)
    path = npz(tmp_path / "x.npz", rng.normal(size=(20, 5)), [0, 1] * 10)
    for index in (1, 2):
        (tmp_path / str(index)).mkdir()
        test = npz(tmp_path / f"test{index}.npz", rng.normal(index, index, size=(6, 5)), [0, 1] * 3)
        prepared = adapter(path=path, test_path=test).prepare(tmp_path / str(index))
        assert prepared.counts == {"train": 16, "val": 4, "test": 6}
    for file in (tmp_path / "1").iterdir():
        same = file.read_bytes() == (tmp_path / "2" / file.name).read_bytes()
        assert same == (file.name != "test.x.values.npy")


def test_items_without_steps_are_dropped_and_counted(tmp_path: Path) -> None:
    """An empty item is no item, and the record says how many there were."""
    lengths = [2, 3, 0, 4, 1, 2, 0, 3]
    path = npz(tmp_path / "x.npz", np.arange(15.0), [0, 1, 0, 1, 0, 1, 1, 0], lengths)
    (tmp_path / "out").mkdir()
    prepared = adapter(path=path).prepare(tmp_path / "out")
    assert sum(prepared.counts.values()) == 6
    assert prepared.about["dropped"] == {"no steps": 2}


def test_a_constant_channel_is_left_alone(tmp_path: Path) -> None:
    """A channel that never changes becomes 0, not NaN, and is named."""
    x = np.random.default_rng(0).normal(size=(12, 4, 2))
    x[..., 1] = 0.1
    path = npz(tmp_path / "x.npz", x, [0, 1] * 6)
    (tmp_path / "out").mkdir()
    prepared = adapter(path=path).prepare(tmp_path / "out")
    assert prepared.about["constant channels"] == ["channel 2"]
    assert abs(Ragged(tmp_path / "out", "train.x").values[:, 1]).max() < 1e-6


def test_trivial_scores_are_those_of_the_class_frequencies(tmp_path: Path) -> None:
    """The problem itself scores the logarithm of the training frequencies as the trivial predictor."""
    path = npz(tmp_path / "x.npz", np.random.default_rng(0).normal(size=(60, 3)), [0] * 35 + [1] * 15 + [2] * 10)
    (tmp_path / "out").mkdir()
    made = adapter(path=path)
    prepared = made.prepare(tmp_path / "out")
    problem = made.problem(tmp_path / "out")
    counts = np.bincount(np.load(tmp_path / "out" / "train.y.npy")) + 1.0
    logits = torch.tensor(counts / counts.sum()).log()
    batches = list(problem.dataset("test").batches(7))
    scores = problem.evaluate([logits.expand(len(batch.y), -1) for batch in batches], batches)
    assert scores == pytest.approx(prepared.trivial["test"], abs=1e-9)


def test_fingerprint_follows_contents_and_options(tmp_path: Path, path: str) -> None:
    """Contents, split and test file change the fingerprint; where the file lies does not."""
    first = adapter(path=path).fingerprint()
    (tmp_path / "moved").mkdir()
    moved = Path(path).rename(tmp_path / "moved" / "x.npz")
    assert adapter(path=str(moved)).fingerprint() == first
    assert adapter(path=str(moved), split_seed=1).fingerprint() != first
    assert adapter(path=str(moved), test_path=str(moved)).fingerprint() != first
    npz(moved, np.ones((4, 2)), [0, 1, 0, 1])
    assert adapter(path=str(moved)).fingerprint() != first


FAULTS = [
    ([0, 0, 0, 0], r"there must be at least two different labels, but got \['0'\]"),
    ([0, 0, 0, 1], r"label '1' must occur at least 3 times, once per split, but got 1\. Add items"),
]


@pytest.mark.parametrize(("labels", "message"), FAULTS)
def test_labels_that_cannot_be_split_are_refused(tmp_path: Path, labels: list[int], message: str) -> None:
    """One class, or a class seen once, is told before anything is trained."""
    path = npz(tmp_path / "x.npz", np.ones((4, 2)), labels)
    with pytest.raises(DataError, match=message):
        adapter(path=path).prepare(tmp_path)


def test_items_all_empty_are_refused(tmp_path: Path) -> None:
    """Data without a single step is told as such."""
    path = npz(tmp_path / "x.npz", np.zeros(0), [0, 1], [0, 0])
    with pytest.raises(DataError, match="X must have items, but got 0"):
        adapter(path=path).prepare(tmp_path)


def test_unfit_test_items_are_refused(tmp_path: Path, path: str) -> None:
    """Test items with other channels or an unknown class are refused with their place."""
    other = npz(tmp_path / "t.npz", np.ones((4, 2, 1)), [0, 1, 0, 1])
    with pytest.raises(DataError, match=r"t\.npz: item 0: the test items must have 2 channels .*but got 1"):
        adapter(path=path, test_path=other).prepare(tmp_path)
    other = npz(tmp_path / "t.npz", np.ones((2, 2, 2)), [0, 5])
    with pytest.raises(DataError, match=r"t\.npz: item 1: a class of the test .*but got '5'\. Known: 0, 1"):
        adapter(path=path, test_path=other).prepare(tmp_path)


def test_values_too_large_are_refused(tmp_path: Path) -> None:
    """Values whose squares overflow are refused, not turned into NaN."""
    path = npz(tmp_path / "x.npz", np.array([[1e300, -1e300]] * 8), [0, 1] * 4)
    with pytest.raises(DataError, match=r"values must be small enough to be squared, but got 1e\+300\. Use another"):
        adapter(path=path).prepare(tmp_path)


OPTION_FAULTS = [
    ({}, "exactly one of source and path must be given"),
    ({"source": "aeon/GunPoint", "path": "x.ts"}, "exactly one of source and path must be given"),
    ({"source": "aeon/GunPont"}, "Did you mean 'aeon/GunPoint'"),
    ({"source": "aeon/GunPoint", "id": "id"}, r"data\.id must be left out with a ready source"),
    ({"path": "x.csv", "time": "t"}, r"data\.time must come with data\.id"),
    ({"path": "x.csv", "val": 0}, "greater than 0"),
    ({"path": "x.csv", "test": 1}, "less than 1"),
]


@pytest.mark.parametrize(("options", "message"), OPTION_FAULTS)
def test_contradictory_options_are_refused(options: dict[str, object], message: str) -> None:
    """Options that contradict each other, or would do nothing, are refused."""
    with pytest.raises(ValueError, match=message):
        ClassificationOptions(**options)


def test_missing_file_and_package_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path that is not there, and a package that is not installed, are told with what to do."""
    with pytest.raises(DataError, match=r"data\.path must name an existing file.*but got '.*no\.ts'\. Correct"):
        adapter(path=str(tmp_path / "no.ts")).fingerprint()
    monkeypatch.setattr("tuner.adapters.files.find_spec", lambda _: None)
    with pytest.raises(DataError, match=r"needs the package aeon.*tuner\[examples\]"):
        ready.AeonItems("aeon/GunPoint").files()
