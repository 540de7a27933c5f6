"""The ready sources of speech, made by or read from installed packages; nothing is downloaded."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.files import package_folder
from tuner.adapters.speech.features import Item, read_features
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


class SpokenDigits:
    """English digits by synthetic speakers with noise.

    Args:
        name: The source's name.
    """

    program = Path(__file__).with_name("espeak.py")

    def __init__(self, name: str) -> None:
        self.name = name

    def files(self) -> list[Path]:
        """The files that `read` depends on: the program and the library."""
        library = min(package_folder("espeakng_loader", "espeakng-loader").glob("*espeak-ng.*"))
        return [self.program, library]

    def read(self) -> list[Synthesized]:
        """Every recording, synthesized now."""
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
                pcm = np.split(arrays["samples"], np.cumsum(arrays["lengths"])[:-1])
                rate_hz, words, speakers = int(arrays["rate_hz"]), arrays["words"], arrays["speakers"]
        return [
            Synthesized(one, rate_hz, str(word), str(speaker), self.name)
            for one, word, speaker in zip(pcm, words, speakers, strict=True)
        ]


class DigitStrings(SpokenDigits):
    """Strings of English digits, spoken as one sentence each."""

    program = Path(__file__).with_name("espeak_strings.py")

    def files(self) -> list[Path]:
        """The files that `read` depends on: both programs and the library."""
        program, library = super().files()
        return [program, SpokenDigits.program, library]


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
