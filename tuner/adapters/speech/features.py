"""Items of features (T, F): computed from recordings, or read from an .npz file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.arrays import check_lengths, read_arrays
from tuner.adapters.base import Split
from tuner.adapters.room import must_fit
from tuner.adapters.speech.audio import cepstral, heard_part, log_mel, resampled
from tuner.adapters.speech.options import SignalOptions
from tuner.adapters.speech.recordings import Recording, Signal
from tuner.adapters.splits import split_named
from tuner.errors import DataError


class Item(NamedTuple):
    """Features (T, F) of a recording, its label, its speaker (None: unknown), where it was read, its split, features at
    other speeds, and the number of frames that were cut before its own."""  # noqa: D205, D209

    features: NDArray[np.float32]
    label: str
    speaker: str | None
    where: str
    split: Split | None = None
    others: Sequence[NDArray[np.float32]] = ()
    cut: int = 0


class Framed(NamedTuple):
    """Features (T, F), and the number of frames that were cut before them."""

    features: NDArray[np.float32]
    cut: int


def compute_features(
    recordings: Sequence[Recording], options: SignalOptions, speeds: Sequence[float] = ()
) -> tuple[list[Item], dict[str, int]]:
    """Features of every recording; those without a single frame have length 0.

    Args:
        recordings: The recordings.
        options: Bands and frames.
        speeds: Other speeds at which features are wanted; one at which a recording has no frame is its own.

    Returns:
        The items, and facts: the sample rate they were computed at, how many recordings had another one.

    Raises:
        DataError: A recording is damaged; there are more mel bands than a frame can tell apart.
    """
    headers = [recording.header() for recording in recordings]
    rates = Counter(rate for rate, num_samples in headers if num_samples)
    if not rates:
        raise DataError(
            "at least one recording must not be empty", fix="Check that the files are whole.", where=recordings[0].where
        )
    wanted = options.sample_rate_hz or max(rates.items(), key=lambda pair: (pair[1], pair[0]))[0]
    items = []
    for recording, header in zip(recordings, headers, strict=True):
        (features, cut), *framed = features_at((1.0, *speeds), recording, header, wanted, options)
        others = [other if len(other) else features for other, _ in framed]
        items.append(Item(features, recording.label, recording.speaker, recording.where, recording.split, others, cut))
    return items, {"sample_rate_hz": wanted, "resampled": rates.total() - rates[wanted]}


def features_of(recording: Signal, header: tuple[int, int], wanted_hz: int, options: SignalOptions) -> Framed:
    """Features (T, F) of a recording; T is 0 where it is shorter than a frame. See `features_at`."""
    (framed,) = features_at((1.0,), recording, header, wanted_hz, options)
    return framed


def features_at(
    speeds: Sequence[float], recording: Signal, header: tuple[int, int], wanted_hz: int, options: SignalOptions
) -> list[Framed]:
    """Features (T, F) of a recording that is played at other speeds, as on a tape, by resampling.

    Args:
        speeds: 1 is its own, above 1 is faster.
        recording: The recording.
        header: The result of `Signal.header`.
        wanted_hz: The sample rate to compute them at.
        options: Bands and frames.

    Raises:
        DataError: The recording is damaged; there are more mel bands than a frame can tell apart.
    """
    rate, num_samples = header
    if not num_samples:
        return [Framed(np.zeros((0, options.channels), dtype=np.float32), 0)] * len(speeds)
    samples = recording.samples()
    must_fit(samples.nbytes * wanted_hz // rate, recording.where, what=f"the recording at {wanted_hz} Hz")
    return [
        _framed(
            log_mel(
                resampled(samples, round(rate * speed), wanted_hz),
                wanted_hz,
                num_mels=options.num_mels,
                frame_ms=options.frame_ms,
                hop_ms=options.hop_ms,
            ),
            options,
        )
        for speed in speeds
    ]


def _framed(log_mels: NDArray[np.float32], options: SignalOptions) -> Framed:
    """Frames of log-mel energies (T, bands), trimmed and as cepstra where the options say so."""
    heard = heard_part(log_mels, options.trim_db) if options.trim_db and len(log_mels) else slice(0, len(log_mels))
    log_mels = log_mels[heard]
    return Framed(cepstral(log_mels, options.cepstra) if options.cepstra else log_mels, heard.start)


def standardized(
    features: NDArray[np.float32], mean: NDArray[np.float64], scale: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Features (T, F) on the scale of the training frames, whose mean and standard deviation (F,) are given."""
    scaled: NDArray[np.float32] = ((features - mean) / scale).astype(np.float32)
    return scaled


def read_features(path: Path, group: str | None = "speaker", split: str | None = None) -> list[Item]:
    """Items of an .npz file: X (all frames, F), lengths (items,), y (items,) and optionally speaker (items,).

    Args:
        path: The file.
        group: Array (items,) that keeps items together; speaker may be missing.
        split: Array (items,) with the split.

    Raises:
        DataError: The file is damaged; an array is missing or misshapen; a value is not finite.
    """
    more = [name for name in (group, split) if name is not None]
    optional = [name for name in more if name == "speaker"]
    arrays, _ = read_arrays(path, ("X", "lengths", "y", *(name for name in more if name != "speaker")), optional)
    lengths = lengths_in(arrays, path)
    X = arrays["X"]
    for name in arrays.keys() - {"X", "lengths"}:
        if arrays[name].shape != lengths.shape or arrays[name].dtype.kind not in "Uiu":
            rule = f"{name} must hold a text or a whole number for each of {len(lengths)} items"
            raise _misshapen(path, rule, arrays[name])
    with np.errstate(over="ignore"):  # too large values become infinite, and are found next
        features = X.astype(np.float32)
    ends = np.cumsum(lengths)
    for row in np.flatnonzero(~np.isfinite(features).all(axis=1))[:1]:
        raise DataError(
            "every value of X must be finite",
            value=X[row].tolist(),
            fix="Repair or remove the item.",
            where=f"{path}: row {row} (item {np.searchsorted(ends, row, side='right')})",
        )
    labels = arrays["y"].astype(str).tolist()
    places = [f"{path}: item {number}" for number in range(len(labels))]
    speakers = arrays[group].astype(str).tolist() if group in arrays else [None] * len(labels)
    said = arrays[split].astype(str).tolist() if split is not None else [None] * len(labels)
    return [
        Item(
            features[end - length : end],
            label,
            speaker,
            place,
            None if split is None else split_named(part, place, split),
        )
        for end, length, label, speaker, place, part in zip(ends, lengths, labels, speakers, places, said, strict=True)
    ]


def lengths_in(arrays: Mapping[str, NDArray[Any]], path: Path) -> NDArray[np.int64]:
    """Frames of each item in X.

    Raises:
        DataError: X or the lengths are misshapen.
    """
    X = arrays["X"]
    if X.ndim != 2 or X.dtype.kind not in "fiu":
        raise _misshapen(path, "X must hold real numbers of shape (all frames, channels)", X)
    return check_lengths(arrays["lengths"], len(X), path)


def _misshapen(path: Path, rule: str, array: NDArray[Any]) -> DataError:
    return DataError(rule, value=f"{array.dtype} {array.shape}", where=str(path))
