"""Inference on new recordings: from their files or contents to the network's input. Free of torch."""

from __future__ import annotations

import io
import wave
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tuner.adapters.base import Item
from tuner.adapters.lines import told_rows
from tuner.adapters.speech.features import features_of
from tuner.adapters.speech.formats import UNREAD, is_recording, visible_files
from tuner.adapters.speech.frames import Frames
from tuner.adapters.speech.options import SignalOptions
from tuner.adapters.speech.recordings import NewRecording, listed
from tuner.adapters.table import Form, form_of
from tuner.errors import DataError


@dataclass(frozen=True, slots=True)
class Sound(Item):
    """A recording as an item.

    Args:
        begins: The second at which its first step begins, above 0 where silence is cut.
    """

    begins: float = 0.0


class AskedRecordings:
    """Reads a recording, a folder of them, a manifest with the column path; or their paths or contents (bytes).

    An item's fact `path` is the recording's path, or its place if it has none. Speakers are those of a manifest's
    column; without it, all recordings are taken as those of one.

    Args:
        options: How a recording becomes features.
        rate_hz: The sample rate at which features are computed.
        frames: From features to the network's input.
        groups: Possible names of a manifest's column of speakers; the first that exists is used.
        columns: Those of its column of paths.
        once: Whether a recording that a manifest lists several times is one item.
    """

    def __init__(
        self,
        options: SignalOptions,
        rate_hz: int,
        frames: Frames,
        groups: Sequence[str],
        columns: Sequence[str] = ("path",),
        *,
        once: bool = False,
    ) -> None:
        self._options, self._rate_hz, self._frames, self._columns = options, rate_hz, frames, columns
        self._groups, self._once = groups, once

    def read(self, path: Path) -> Iterator[Item]:
        """See `Codec.read`."""
        return finished(self._frames, self._read(path))

    def items(self, data: Any) -> Iterator[Item]:
        """Paths, contents of files, a table with a column path or audio. See `Codec.items`."""
        if isinstance(data, str | Path):
            return self.read(Path(data))
        return finished(self._frames, ((None, item) for item in self._items(data)))

    def _read(self, path: Path) -> Iterator[tuple[str | None, Item]]:
        if path.is_dir():
            found = [file for file in visible_files(path) if is_recording(file) or file.suffix.lower() in UNREAD]
            if not found:
                raise DataError("the folder must hold recordings", value="none", where=str(path))
            yield from ((None, self._recording(file, str(file))) for file in found)
        elif (form := form_of(path)) is not None:
            column = self._first(path, form, self._columns) or self._columns[0]
            group = self._first(path, form, self._groups) if self._frames.by_speaker else None
            read: set[str] = set()
            for row in told_rows(path, form, (column,) if group is None else (column, group)):
                speaker = row.cells.get(group or "")
                if row.problem:
                    yield speaker, Item(row.where, None, row.problem, {"path": row.where})
                elif row.cells[column] not in read:
                    read |= {row.cells[column]} if self._once else set()
                    yield speaker, self._listed(path.parent, row.cells[column], row.where)
        elif path.suffix.lower() == ".npz":
            raise DataError("the model takes recordings, not features", value=path.name, where=str(path))
        else:
            yield None, self._recording(path, str(path))

    def _items(self, data: Any) -> Iterator[Item]:
        if hasattr(data, "columns"):
            if "audio" in data.columns:
                yield from (self._content(each, f"item {number}") for number, each in enumerate(data["audio"]))
                return
            if "path" not in data.columns:
                raise DataError("there must be a column 'path' or 'audio'", value=list(data.columns))
            data = data["path"]
        for number, each in enumerate([data] if isinstance(data, bytes) else data):
            where = f"item {number}"
            if isinstance(each, bytes):
                yield self._recording(each, where)
            elif isinstance(each, str | Path):
                yield self._listed(Path(), str(each), where)
            else:
                yield Item(where, None, f"it must be a path or a file's content, but is {each!r:.80}", {"path": where})

    def example(self) -> dict[str, list[bytes]]:
        """The content of a .wav file, half a second of a tone. See `Codec.example`."""
        tone_N = 8000 * np.sin(2 * np.pi * 440 * np.arange(self._rate_hz // 2) / self._rate_hz)
        content = io.BytesIO()
        with wave.open(content, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(self._rate_hz)
            file.writeframes(tone_N.astype("<i2").tobytes())
        return {"audio": [content.getvalue()]}

    def _first(self, path: Path, form: Form, names: Sequence[str]) -> str | None:
        """The first of these columns that the header, or the first object, has; None if it has none."""
        for name in names:
            try:
                first = next(told_rows(path, form, (name,)), None)
            except DataError:  # its reader reports the first one as missing
                continue
            if form == "csv" or (first is not None and name in first.cells):
                return name
        return None

    def _content(self, content: object, where: str) -> Item:
        """The content of the column audio: bytes, never a path."""
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
            features, cut = features_of(recording, recording.header(), self._rate_hz, self._options)
        except DataError as error:
            return Item(where, None, error.problem, facts)
        except OSError as error:
            return Item(where, None, f"the recording must be readable: {error.strerror}", facts)
        if not len(features):
            return Item(where, None, f"it is shorter than a frame of {self._options.frame_ms:g} ms", facts)
        return Sound(where, features, facts=facts, begins=cut * self._options.hop_ms / 1000)


def finished(frames: Frames, items: Iterable[tuple[str | None, Item]]) -> Iterator[Item]:
    """From features of recordings and their speakers to the network's input; what could not be read is left as it is.

    Where recordings are normalized by their speakers, all are read before the first is given.
    """
    if not frames.by_speaker:
        yield from (item if item.x is None else replace(item, x=frames.steps(item.x)) for _, item in items)
        return
    held = list(items)
    read = [(item.x, speaker) for speaker, item in held if item.x is not None]
    steps = iter(frames.all_steps([x for x, _ in read], [speaker for _, speaker in read]))
    yield from (item if item.x is None else replace(item, x=next(steps)) for _, item in held)
