"""The ready sources of speech, made by or read from installed packages; nothing is downloaded."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.files import package_folder
from tuner.adapters.speech.features import Item, read_features
from tuner.adapters.speech.tagging.segments import Segment, Tagged
from tuner.errors import DataError

TIMEOUT_SECONDS = 120


@dataclass(frozen=True)
class Synthesized:
    """A recording in memory; see `Recording`."""

    pcm: NDArray[np.int16]
    rate_hz: int
    label: str
    speaker: str | None
    where: str
    split: None = None

    def header(self) -> tuple[int, int]:
        """Sample rate in Hz and number of samples."""
        return self.rate_hz, len(self.pcm)

    def samples(self) -> NDArray[np.float32]:
        """The signal (samples,) in [-1, 1]."""
        return self.pcm.astype(np.float32) / np.float32(32768)


class Synthesis:
    """Speech of synthetic speakers, by a program and the library.

    Args:
        name: The source's name.
    """

    programs: tuple[Path, ...] = (Path(__file__).with_name("espeak.py"),)
    """The program that is run, and those that it takes parts of."""

    def __init__(self, name: str) -> None:
        self.name = name

    def files(self) -> list[Path]:
        """The files that `read` depends on: the programs and the library."""
        library = min(package_folder("espeakng_loader", "espeakng-loader").glob("*espeak-ng.*"))
        return [*self.programs, library]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What the program writes, synthesized now."""
        program, *_, library = self.files()
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "digits.npz"
            command = [sys.executable, "-P", str(program), str(library), str(out)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)
            if done.returncode:
                said = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
                raise DataError(
                    "eSpeak NG must be able to synthesize speech",
                    value=said[-1],
                    fix="Reinstall the package espeakng-loader, or use another source.",
                    key=("data", "source"),
                )
            with np.load(out) as arrays:
                return dict(arrays)

    def recordings(self, arrays: Mapping[str, NDArray[Any]], labels: Sequence[str]) -> list[Synthesized]:
        """Every recording of the arrays, with a label each."""
        pcm = np.split(arrays["samples"], np.cumsum(arrays["lengths"])[:-1])
        return [
            Synthesized(one, int(arrays["rate_hz"]), label, str(speaker), self.name)
            for one, label, speaker in zip(pcm, labels, arrays["speakers"], strict=True)
        ]


class SpokenDigits(Synthesis):
    """English digits with noise."""

    def read(self) -> list[Synthesized]:
        """Every recording."""
        arrays = self.arrays()
        return self.recordings(arrays, list(map(str, arrays["words"])))


class DigitStrings(SpokenDigits):
    """Strings of English digits, spoken as one sentence each."""

    programs = (Path(__file__).with_name("espeak_strings.py"), *Synthesis.programs)


class VoiceActivity(Synthesis):
    """English digits with pauses between them, in noise, and when they are said."""

    programs = (Path(__file__).with_name("espeak_activity.py"), *Synthesis.programs)

    def read(self) -> list[Tagged]:
        """Every recording with its segments."""
        arrays = self.arrays()
        said = np.split(arrays["seconds"], np.cumsum(arrays["words"])[:-1])
        recordings = self.recordings(arrays, [""] * len(said))
        return [
            Tagged(recording, [Segment(start, end, "speech", self.name) for start, end in seconds.tolist()])
            for recording, seconds in zip(recordings, said, strict=True)
        ]


class DigitFeatures:
    """Recorded digits of the Free Spoken Digit Dataset as MFCCs.

    Args:
        name: The source's name; its first half names the package.
    """

    def __init__(self, name: str) -> None:
        self.package = name.partition("/")[0]

    def files(self) -> list[Path]:
        """The file that `read` depends on."""
        return [package_folder(self.package, self.package) / "datasets" / "data" / "digits.npz"]

    def read(self) -> list[Item]:
        """Every item."""
        (path,) = self.files()
        return read_features(path)
