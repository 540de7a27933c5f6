"""What makes a network of few voices understand others: trimming, cepstra, mixup."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from tests.support.adapter_data import recordings
from tuner.adapters.base import Batch
from tuner.adapters.batching import SequenceDataset
from tuner.adapters.mixing import MixedDataset
from tuner.adapters.ragged import Ragged
from tuner.adapters.speech.audio import MARGIN, cepstral, heard_part, log_mel
from tuner.adapters.speech.classification import SpeechClassification
from tuner.adapters.speech.features import features_at
from tuner.adapters.speech.frames import Frames
from tuner.adapters.speech.options import SpeechClassificationOptions
from tuner.adapters.speech.recordings import NewRecording
from tuner.adapters.speech.varied import VariedSteps, warped


def test_silence_at_both_ends_is_cut() -> None:
    """What is fainter by more decibels than allowed, but for a margin; a pause within, and one frame, stay."""
    loud, faint = np.full((3, 4), 9.0), np.full((6, 4), 9.0 - 31 * math.log(10) / 10)
    sound = np.concatenate([faint, loud, faint, loud, faint]).astype(np.float32)
    assert heard_part(sound, 30) == slice(6 - MARGIN, len(sound) - 6 + MARGIN)
    np.testing.assert_array_equal(sound[heard_part(sound, 32)], sound)
    np.testing.assert_array_equal(sound[:1][heard_part(sound[:1], 30)], sound[:1])


def test_cepstra_are_the_cosine_transform_of_the_bands() -> None:
    """By its definition; all of them give the bands back, and the first is in proportion to their mean."""
    bands = np.random.default_rng(0).normal(size=(5, 7)).astype(np.float32)
    angle = np.pi / 7 * np.outer(np.arange(7) + 0.5, np.arange(7))
    basis = np.cos(angle) * np.where(np.arange(7) == 0, math.sqrt(1 / 7), math.sqrt(2 / 7))
    np.testing.assert_allclose(cepstral(bands, 7), bands @ basis, atol=1e-5)
    np.testing.assert_allclose(cepstral(bands, 7) @ basis.T, bands, atol=1e-5)
    np.testing.assert_allclose(cepstral(bands, 3), cepstral(bands, 7)[:, :3])
    np.testing.assert_allclose(cepstral(bands, 3)[:, 0], math.sqrt(7) * bands.mean(1), atol=1e-5)


def test_features_are_heard_part_before_they_are_cepstra(tmp_path: Path) -> None:
    """The same of the heard_part bands; pauses do not count by the same rule for both."""
    path = next(Path(recordings(tmp_path)["path"]).rglob("7.wav"))
    signal = NewRecording(path, "x")
    options = SpeechClassificationOptions(path="x", num_mels=12, cepstra=5, trim_db=3)
    ((found, _),) = features_at((1.0,), signal, signal.header(), 8000, options)
    bands = log_mel(signal.samples(), 8000, num_mels=12, frame_ms=25, hop_ms=10)
    np.testing.assert_allclose(found, cepstral(bands[heard_part(bands, 3)], 5))
    assert len(found) <= len(bands)
    for kind, frames in (("bands", bands), ("cepstra", cepstral(bands, 12))):
        loud = SpeechClassificationOptions(
            path="x", num_mels=12, cepstra=12 * (kind == "cepstra"), normalized_frames="loud"
        )
        kept = bands[bands.mean(axis=1) >= bands.mean()]
        kept = kept if kind == "bands" else cepstral(kept, 12)
        steps = Frames(loud).of([frames]).steps(frames)
        np.testing.assert_allclose(steps, (frames - kept.mean(0)) / kept.std(0), atol=1e-3)


def test_more_cepstra_than_bands_are_refused() -> None:
    """With what to do."""
    with pytest.raises(ValueError, match=r"data\.cepstra must be at most data\.num_mels, but got 13\. Set it to 12"):
        SpeechClassificationOptions(path="x", num_mels=12, cepstra=13)


def test_voices_of_cepstra_are_changed_through_their_bands() -> None:
    """As the bands of the same draw: scaled back, warped, and cepstra again; not beyond training."""
    options = SpeechClassificationOptions(path="x", num_mels=8, cepstra=8, frequency_warp=0.2)
    bands = np.random.default_rng(0).normal(size=(6, 8)).astype(np.float32)
    spread = np.linspace(1, 3, 8)
    x = torch.from_numpy((cepstral(bands, 8) / spread).astype(np.float32))[None].repeat(5, 1, 1)
    encoder = VariedSteps(8, 8, options, spread.tolist())
    torch.manual_seed(0)
    found = encoder(x)
    torch.manual_seed(0)
    wanted = warped(torch.from_numpy(bands)[None].repeat(5, 1, 1), 8, 0.2)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, cepstral(other.numpy(), 8) / spread, atol=1e-5)
    assert not torch.allclose(found[0], found[1], atol=1e-2)
    assert torch.equal(encoder.eval()(x), x)
    assert not encoder.state_dict()


def pairs() -> SequenceDataset:
    """Four items of one to four steps, each filled with its number + 1, of the classes 0 to 2 and 0."""
    items = [np.full((number + 1, 2), number + 1.0, dtype=np.float32) for number in range(4)]
    return SequenceDataset(Ragged.of(items), np.array([0, 1, 2, 0]))


def test_shuffled_batches_are_mixed_in_pairs() -> None:
    """Each item with the larger share, its labels alike, as long as the longer one; a fixed order is left as it is."""
    mixed, plain = MixedDataset(pairs(), 3, 0.7), pairs()
    for own, other in zip(mixed.batches(2), plain.batches(2), strict=True):
        assert torch.equal(own.x, other.x)
        assert torch.equal(own.y, other.y)
    seen = set()
    for seed in range(20):
        (batch,) = mixed.batches(4, rng=np.random.default_rng(seed))
        lengths = torch.full((4,), 4) if batch.lengths is None else batch.lengths
        torch.testing.assert_close(batch.y.sum(1), torch.ones(4))
        for x, shares, length in zip(batch.x[:, :, 0], batch.y, lengths, strict=True):
            assert (x[:length] > 0).all()
            assert not x[length:].any()
            share = (x[length - 1] / length).item() if shares.max() < 1 else 1.0  # the longer one alone is there
            assert share == pytest.approx(shares.max().item(), abs=1e-5) or share == pytest.approx(
                1 - shares.max().item(), abs=1e-5
            )
            seen.add(round(share, 4))
    assert len(seen) > 20


@pytest.mark.parametrize("asked", [{}, {"label_smoothing": 0.1}, {"class_weights": "balanced"}])
def test_the_loss_of_mixed_labels_is_mixed(asked: dict[str, Any], tmp_path: Path) -> None:
    """With whole shares it is that of the labels; else the mean over the classes' losses, by shares and weights."""
    options = SpeechClassificationOptions(**recordings(tmp_path, num_mels=8, mixup=0.4, **asked))
    (tmp_path / "made").mkdir()
    SpeechClassification(options).prepare(tmp_path / "made")
    problem = SpeechClassification(options).problem(tmp_path / "made")
    assert isinstance(problem.dataset("train"), MixedDataset)
    z, y = torch.randn(6, 2, generator=torch.manual_seed(0)), torch.tensor([0, 1, 1, 0, 1, 0])
    x, whole = torch.zeros(6, 1, 8), functional.one_hot(y, 2).float()
    torch.testing.assert_close(problem.loss(z, Batch(x, None, whole)), problem.loss(z, Batch(x, None, y)))
    both = problem.loss(z, Batch(x, None, 0.7 * whole + 0.3 * whole.flip(1)))
    each = [problem.loss(z, Batch(x, None, labels)) for labels in (y, 1 - y)]
    torch.testing.assert_close(both, 0.7 * each[0] + 0.3 * each[1])


def test_mixing_prepares_nothing_anew(tmp_path: Path) -> None:
    """What makes the features does; options that are not given leave the data of earlier studies as they were."""
    options = recordings(tmp_path)

    def digest(**more: Any) -> str:
        return SpeechClassification(SpeechClassificationOptions(**options, **more)).fingerprint()

    assert digest() == digest(mixup=1.0)
    assert len({digest(), digest(trim_db=30), digest(cepstra=13)}) == 3
