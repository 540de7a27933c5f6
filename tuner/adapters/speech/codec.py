"""New recordings to features, for their classification. See `tuner.adapters.base.Codec`.

What a model takes: a recording, a folder of them, a manifest with the column path; their paths or contents (bytes).
One that was trained on features takes an .npz of features, or arrays (frames, channels).
"""

from __future__ import annotations

import io
import wave
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
from tuner.adapters.lines import told_rows
from tuner.adapters.speech.features import features_of, lengths_in, standardized
from tuner.adapters.speech.formats import UNREAD, is_recording, visible_files
from tuner.adapters.speech.options import SpeechClassificationOptions
from tuner.adapters.speech.problem import SpeechClassificationProblem
from tuner.adapters.speech.recordings import NewRecording, listed
from tuner.adapters.table import form_of
from tuner.errors import DataError


class SpeechClassCodec(ClassCodec):
    """Recordings to classes; answers repeat their paths, or their places where they have none.

    Args:
        folder: Holds `facts.json`.
        options: The adapter's.
    """

    def __init__(self, folder: Path, options: SpeechClassificationOptions) -> None:
        problem = SpeechClassificationProblem(folder, as_used(options))
        super().__init__(problem, *([] if options.features else ["path"]))
        facts = cast("Mapping[str, Any]", problem.facts)
        self._options = options
        self._mean, self._scale = np.array(facts["mean"]), np.array(facts["scale"])
        self._rate_hz = 0 if options.features else int(facts["sample_rate_hz"])

    def read(self, path: Path) -> Iterator[Item]:
        """A recording, a folder or a manifest; of a model of features an .npz. See `Codec`."""
        if self._options.features:
            yield from self._archive(path)
        elif path.is_dir():
            found = [file for file in visible_files(path) if is_recording(file) or file.suffix.lower() in UNREAD]
            if not found:
                raise DataError("the folder must hold recordings", value="none", where=str(path))
            yield from (self._recording(file, str(file)) for file in found)
        elif (form := form_of(path)) is not None:
            for row in told_rows(path, form, ("path",)):
                if row.problem:
                    yield Item(row.where, None, row.problem, {"path": row.where})
                else:
                    yield self._listed(path.parent, row.cells["path"], row.where)
        elif path.suffix.lower() == ".npz":
            raise DataError("the model takes recordings, not features", value=path.name, where=str(path))
        else:
            yield self._recording(path, str(path))

    def items(self, data: Any) -> Iterator[Item]:
        """Paths, contents of files, a table with a column path or audio; of a model of features arrays. See `Codec`."""
        if isinstance(data, str | Path):
            yield from self.read(Path(data))
            return
        if hasattr(data, "columns"):
            if "audio" in data.columns:
                yield from (self._content(each, f"item {number}") for number, each in enumerate(data["audio"]))
                return
            if "path" not in data.columns:
                raise DataError("there must be a column 'path' or 'audio'", value=list(data.columns))
            data = data["path"]
        for number, each in enumerate([data] if isinstance(data, bytes) else data):
            where = f"item {number}"
            if self._options.features:
                yield self._features(each, where)
            elif isinstance(each, bytes):
                yield self._recording(each, where)
            elif isinstance(each, str | Path):
                yield self._listed(Path(), str(each), where)
            else:
                yield Item(where, None, f"it must be a path or a file's content, but is {each!r:.80}", {"path": where})

    def example(self) -> dict[str, list[bytes]]:
        """The content of a .wav file, half a second of a tone; none of a model of features. See `Codec`."""
        if self._options.features:
            return {}
        tone_N = 8000 * np.sin(2 * np.pi * 440 * np.arange(self._rate_hz // 2) / self._rate_hz)
        content = io.BytesIO()
        with wave.open(content, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(self._rate_hz)
            file.writeframes(tone_N.astype("<i2").tobytes())
        return {"audio": [content.getvalue()]}

    def graph(self, network: nn.Module) -> Graph:
        """From standardized features on. See `Codec`."""
        channels = len(self._mean)
        return Graph(network, lambda items, steps: {"x": torch.randn(items, steps, channels)}, self.said)

    def _content(self, content: object, where: str) -> Item:
        """What stands in the column audio: bytes, never a path."""
        if isinstance(content, bytes):
            return self._recording(content, where)
        return Item(where, None, f"it must be a file's content, but is {content!r:.80}", {"path": where})

    def _listed(self, folder: Path, name: str, where: str) -> Item:
        try:
            path = listed(folder, name, where)
        except DataError as error:
            return Item(where, None, error.problem, {"path": name})
        return self._recording(path, where, name)

    def _recording(self, source: Path | bytes, where: str, name: str = "") -> Item:
        facts = {"path": name or where}
        recording = NewRecording(source, where)
        try:
            features = features_of(recording, recording.header(), self._rate_hz, self._options)
        except DataError as error:
            return Item(where, None, error.problem, facts)
        except OSError as error:
            return Item(where, None, f"the recording must be readable: {error.strerror}", facts)
        if not len(features):
            return Item(where, None, f"it is shorter than a frame of {self._options.frame_ms:g} ms", facts)
        return Item(where, standardized(features, self._mean, self._scale), facts=facts)

    def _archive(self, path: Path) -> Iterator[Item]:
        if path.suffix.lower() != ".npz":
            raise DataError("the model takes features (.npz with X and lengths)", value=path.name, where=str(path))
        arrays, _ = read_arrays(path, ("X", "lengths"))
        lengths = lengths_in(arrays, path)
        if arrays["X"].shape[1] != len(self._mean):
            raise DataError(f"X must have {len(self._mean)} channels", value=arrays["X"].shape, where=str(path))
        for number, features in enumerate(np.split(arrays["X"], np.cumsum(lengths)[:-1])):
            yield self._features(features, f"{path}: item {number}")

    def _features(self, features: object, where: str) -> Item:
        try:
            with np.errstate(over="ignore"):  # what is too large becomes infinite, and is told next
                values: NDArray[np.float32] = np.asarray(features, dtype=np.float32)
        except (TypeError, ValueError):
            return Item(where, None, f"it must be an array of numbers, but is {features!r:.80}")
        if values.ndim != 2 or values.shape[1] != len(self._mean):
            return Item(where, None, f"it must be (frames, {len(self._mean)} channels), but is {values.shape}")
        if not len(values):
            return Item(where, None, "it has no frames")
        if not np.isfinite(values).all():
            step, channel = np.argwhere(~np.isfinite(values))[0]
            return Item(where, None, f"frame {step + 1}, channel {channel + 1} must be a finite number")
        return Item(where, standardized(values, self._mean, self._scale))
