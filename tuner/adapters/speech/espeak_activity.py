"""Digits with pauses by the eSpeak NG library, as a program: `python espeak_activity.py LIBRARY OUT.npz`.

As `espeak.py` beside it, whose voices say them; `words` are the numbers of digits of each recording, and `seconds` when
each digit starts and ends (all digits, 2).
"""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

RECORDINGS = 10
"""Recordings per speaker."""
SIZES = (3, 6)
"""Fewest and most digits of a recording."""
PAUSE_SECONDS = (0.15, 0.9)
"""Interval of the pauses before, between and after digits."""
NOISE_DB = (-8.0, 12.0)
"""Interval of the signal-to-noise ratio; white noise."""
_AUDIBLE = 0.02
"""Share of a digit's largest sample from which on it is said to have begun; the library adds silence at its ends."""


def heard(word: NDArray[np.int16]) -> NDArray[np.int16]:
    """A word without the silence at its ends."""
    loud = np.flatnonzero(np.abs(word.astype(np.int32)) >= _AUDIBLE * np.abs(word.astype(np.int32)).max())
    return word[loud[0] : loud[-1] + 1]


def main(library: Path, out: Path) -> None:
    """Write every recording."""
    spec = spec_from_file_location("espeak", Path(__file__).with_name("espeak.py"))
    assert spec is not None
    assert spec.loader is not None
    espeak: Any = module_from_spec(spec)
    spec.loader.exec_module(espeak)
    espeak.NOISE_DB = NOISE_DB  # of `with_noise`
    voice, rng = espeak.Voice(library), np.random.default_rng(espeak.SEED)
    recordings, words, speakers, seconds = [], [], [], []
    for number, variant in enumerate(espeak.VARIANTS):
        speaker = f"{espeak.ACCENTS[number % len(espeak.ACCENTS)]}+{variant}"
        for _ in range(RECORDINGS):
            pace, pitch = int(rng.integers(*espeak.WORDS_PER_MINUTE)), int(rng.integers(*espeak.PITCH))
            size = int(rng.integers(SIZES[0], SIZES[1] + 1))
            parts: list[NDArray[np.int16]] = []
            for digit in rng.choice(espeak.WORDS, size):
                parts.append(_pause(rng, voice.rate_hz))
                start = sum(map(len, parts))
                parts.append(heard(voice.say(str(digit), speaker, pace, pitch)))
                seconds.append((start / voice.rate_hz, (start + len(parts[-1])) / voice.rate_hz))
            parts.append(_pause(rng, voice.rate_hz))
            recordings.append(espeak.with_noise(np.concatenate(parts), rng))
            words.append(size)
            speakers.append(speaker)
    np.savez(
        out,
        samples=np.concatenate(recordings),
        lengths=np.asarray([len(recording) for recording in recordings]),
        words=np.asarray(words),
        seconds=np.asarray(seconds),
        speakers=np.asarray(speakers),
        rate_hz=np.asarray(voice.rate_hz),
    )


def _pause(rng: np.random.Generator, rate_hz: int) -> NDArray[np.int16]:
    return np.zeros(round(rng.uniform(*PAUSE_SECONDS) * rate_hz), dtype=np.int16)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
