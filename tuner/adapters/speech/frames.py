"""From log-mel features to the steps of the network: deltas, normalization, stacked frames.

Letters of shapes: T frames, S steps, F features of a frame, D orders of deltas and the features themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.base import Split
from tuner.adapters.ragged import write_ragged
from tuner.adapters.speech.features import Item, standardized
from tuner.adapters.speech.options import StepOptions
from tuner.errors import DataError

_WIDTH = 2
"""Frames on either side over which deltas are computed."""
_ROUNDING = 1e-6
"""Deviation of a constant feature, relative to its mean, that rounding can give."""
OTHER_SPEEDS = ("slower", "faster")
"""Names of the files with the items of a split at other speeds, in the order of `VariedOptions.speeds`."""


class Frames:
    """Features (T, F), T >= 1, to steps (S, stack * D * F): for each frame its features, then its deltas.

    Args:
        options: The adapter's.
        mean: Of the training frames, or the speaker's (D * F,); unused where `normalization` is utterance.
        scale: Their standard deviation (D * F,).
    """

    def __init__(self, options: StepOptions, mean: Sequence[float] = (), scale: Sequence[float] = ()) -> None:
        self._options = options
        self._mean, self._scale = np.asarray(mean), np.asarray(scale)

    @classmethod
    def fitted(cls, options: StepOptions, train: Sequence[Item]) -> Self:
        """With the moments of the training items' frames, if `normalization` needs them."""
        frames = cls(options)
        return frames.of([item.features for item in train]) if options.normalization == "training" else frames

    def of(self, features: Sequence[NDArray[np.float32]]) -> Self:
        """The same with the moments of these recordings, each (T, F)."""
        mean, scale = moments(np.concatenate([self._counted(each) for each in features]))
        return type(self)(self._options, mean.tolist(), scale.tolist())

    def all_steps(
        self, features: Sequence[NDArray[np.float32]], speakers: Sequence[str | None]
    ) -> list[NDArray[np.float32]]:
        """The steps of recordings (T, F), by whose speakers they are normalized where `normalization` is speaker."""
        if not self.by_speaker:
            return [self.steps(each) for each in features]
        own: dict[str | None, list[NDArray[np.float32]]] = {}
        for each, speaker in zip(features, speakers, strict=True):
            own.setdefault(speaker, []).append(each)
        frames = {speaker: self.of(recordings) for speaker, recordings in own.items()}
        return [frames[speaker].steps(each) for each, speaker in zip(features, speakers, strict=True)]

    @property
    def by_speaker(self) -> bool:
        """Whether recordings are normalized by those of their speaker."""
        return self._options.normalization == "speaker"

    @property
    def facts(self) -> dict[str, list[float]]:
        """Facts to be stored with a model."""
        return {"mean": self._mean.tolist(), "scale": self._scale.tolist()}

    def steps(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """See the class."""
        frames = self.of([features]) if self._options.normalization == "utterance" else self
        return self.stacked(standardized(self.with_deltas(features), frames._mean, frames._scale))

    def with_deltas(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """(T, F) to (T, D * F)."""
        parts = [features]
        for _ in range(self._options.deltas):
            parts.append(deltas(parts[-1]))
        return np.concatenate(parts, axis=1)

    def _counted(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """The frames with deltas (T, D * F) that moments are computed from."""
        frames = self.with_deltas(features)
        if self._options.normalized_frames == "all":
            return frames
        level_T = self._level(features)
        counted: NDArray[np.float32] = frames[level_T >= min(level_T.mean(), level_T.max())]  # a mean is rounded
        return counted

    def _level(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """The mean of the bands of each frame (T,), or the first of its cepstra, which is in proportion to it."""
        own = features[:, :1] if self._options.cepstra else features
        return np.asarray(own.mean(axis=1, dtype=np.float64))

    def stacked(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """A stack of `stack` frames every `stride` frames; zeros beyond the end."""
        stack, stride = self._options.stack, self._options.stride
        steps = -(-len(features) // stride)
        padded = np.zeros(((steps - 1) * stride + max(stack, stride), features.shape[1]), dtype=np.float32)
        padded[: len(features)] = features
        first = np.arange(steps)[:, None] * stride + np.arange(stack)
        return padded[first].reshape(steps, -1)


def write_steps(folder: Path, split: Split, items: Sequence[Item], frames: Frames) -> list[NDArray[np.float32]]:
    """Store the steps of a split's items as `<split>.x`, and at other speeds, which training uses, beside them.

    Returns:
        The steps of each item.
    """
    speakers = [item.speaker for item in items]
    steps = frames.all_steps([item.features for item in items], speakers)
    write_ragged(folder, f"{split}.x", steps)
    if split != "test":
        for place, name in enumerate(OTHER_SPEEDS[: len(items[0].others)]):
            write_ragged(folder, f"{split}.{name}", frames.all_steps([item.others[place] for item in items], speakers))
    return steps


def cepstral_facts(options: StepOptions, train: Sequence[Item]) -> dict[str, list[float]]:
    """The standard deviation of cepstra and their deltas (D * F,) over all training frames; nothing for bands."""
    if not options.cepstra:
        return {}
    frames = Frames(options)
    _, spread = moments(np.concatenate([frames.with_deltas(item.features) for item in train]))
    return {"spread": spread.tolist()}


def check_speakers(items: Sequence[Item], options: StepOptions) -> None:
    """Check that all speakers are known where `normalization` is speaker.

    Raises:
        DataError: One is not.
    """
    if options.normalization == "speaker" and (unknown := [item for item in items if item.speaker is None]):
        raise DataError(
            "every recording must have its speaker with data.normalization: speaker",
            value="none",
            fix="Say where it is (data.group, and data.pattern for names of files), or set utterance.",
            where=unknown[0].where,
            key=("data", "normalization"),
        )


def moments(features: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation (F,) of frames (T, F); the deviation of a constant feature is 1."""
    mean, scale = features.mean(axis=0, dtype=np.float64), features.std(axis=0, dtype=np.float64)
    scale[scale <= _ROUNDING * np.abs(mean)] = 1.0
    return mean, scale


def deltas(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """The slope of each feature over two frames on either side, by least squares, (T, F); the ends are repeated.

    Reference:
        Furui 1986, IEEE TASSP 34(1), as HTK and Kaldi (add-deltas) compute it.
    """
    padded = np.pad(features, ((_WIDTH, _WIDTH), (0, 0)), mode="edge")
    frames = len(features)
    slope = sum(
        n * (padded[_WIDTH + n : _WIDTH + n + frames] - padded[_WIDTH - n : _WIDTH - n + frames])
        for n in range(1, _WIDTH + 1)
    )
    return np.asarray(slope / (2 * sum(n * n for n in range(1, _WIDTH + 1))), dtype=np.float32)
