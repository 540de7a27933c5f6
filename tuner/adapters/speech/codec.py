"""Inference of speech classifiers: new recordings to classes. See `tuner.adapters.base.Codec`.

Input: see `tuner.adapters.speech.asked`. A model that was trained on features takes an .npz of features, or arrays
(frames, channels).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from tuner.adapters.arrays import read_arrays
from tuner.adapters.base import Graph, Item
from tuner.adapters.classification import ClassCodec, as_used
from tuner.adapters.speech.asked import AskedRecordings, finished
from tuner.adapters.speech.features import lengths_in
from tuner.adapters.speech.frames import Frames
from tuner.adapters.speech.options import SpeechClassificationOptions
from tuner.adapters.speech.problem import SpeechClassificationProblem
from tuner.errors import DataError


class SpeechClassCodec(ClassCodec):
    """Recordings to classes; answers repeat their paths, or their places if they have none.

    Args:
        folder: Holds `facts.json`.
        options: The adapter's.
    """

    def __init__(self, folder: Path, options: SpeechClassificationOptions) -> None:
        problem = SpeechClassificationProblem(folder, as_used(options))
        super().__init__(problem, *([] if options.features else ["path"]))
        facts = cast("Mapping[str, Any]", problem.facts)
        self._channels, self._inputs = problem.channels, problem.inputs
        self._group = options.group
        self._frames = Frames(options, facts["mean"], facts["scale"])
        self._recordings = (
            None
            if options.features
            else AskedRecordings(
                options, int(facts["sample_rate_hz"]), self._frames, [options.group] if options.group else []
            )
        )

    def read(self, path: Path) -> Iterator[Item]:
        """A recording, a folder or a manifest; for a model of features an .npz. See `Codec`."""
        return finished(self._frames, self._archive(path)) if self._recordings is None else self._recordings.read(path)

    def items(self, data: Any) -> Iterator[Item]:
        """Paths, contents of files, a table with path or audio; for a model of features, arrays. See `Codec`."""
        if self._recordings is not None:
            yield from self._recordings.items(data)
        elif isinstance(data, str | Path):
            yield from self.read(Path(data))
        else:
            features = (self._features(each, f"item {number}") for number, each in enumerate(data))
            yield from finished(self._frames, ((None, item) for item in features))

    def example(self) -> dict[str, list[bytes]]:
        """The content of a .wav file; none for a model of features. See `Codec`."""
        return {} if self._recordings is None else self._recordings.example()

    def graph(self, network: nn.Module) -> Graph:
        """The graph's input is the steps of recordings, as options and facts say. See `Codec`."""
        return Graph(network, lambda items, steps: {"x": torch.randn(items, steps, self._inputs)}, self.said)

    def _archive(self, path: Path) -> Iterator[tuple[str | None, Item]]:
        if path.suffix.lower() != ".npz":
            raise DataError("the model takes features (.npz with X and lengths)", value=path.name, where=str(path))
        group = self._group
        arrays, _ = read_arrays(path, ("X", "lengths"), () if group is None else (group,))
        lengths = lengths_in(arrays, path)
        if arrays["X"].shape[1] != self._channels:
            raise DataError(f"X must have {self._channels} channels", value=arrays["X"].shape, where=str(path))
        speakers = arrays[group].tolist() if group in arrays else [None] * len(lengths)
        for number, features in enumerate(np.split(arrays["X"], np.cumsum(lengths)[:-1])):
            yield speakers[number], self._features(features, f"{path}: item {number}")

    def _features(self, features: object, where: str) -> Item:
        try:
            with np.errstate(over="ignore"):  # too large values become infinite, and are reported next
                values: NDArray[np.float32] = np.asarray(features, dtype=np.float32)
        except (TypeError, ValueError):
            return Item(where, None, f"it must be an array of numbers, but is {features!r:.80}")
        if values.ndim != 2 or values.shape[1] != self._channels:
            return Item(where, None, f"it must be (frames, {self._channels} channels), but is {values.shape}")
        if not len(values):
            return Item(where, None, "it has no frames")
        if not np.isfinite(values).all():
            step, channel = np.argwhere(~np.isfinite(values))[0]
            return Item(where, None, f"frame {step + 1}, channel {channel + 1} must be a finite number")
        return Item(where, values)
