"""Strings of digits by the eSpeak NG library, as a program: `python espeak_strings.py LIBRARY OUT.npz`.

As `espeak.py` beside it, whose voices say them; `words` are strings of two to seven digits.
"""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np

STRINGS = 40
"""Strings per speaker."""
SIZES = (2, 7)
"""Fewest and most digits of a string."""
NOISE_DB = (5.0, 25.0)
"""Interval of the signal-to-noise ratio; white noise."""


def main(library: Path, out: Path) -> None:
    """Write every recording."""
    spec = spec_from_file_location("espeak", Path(__file__).with_name("espeak.py"))
    assert spec is not None
    assert spec.loader is not None
    espeak: Any = module_from_spec(spec)
    spec.loader.exec_module(espeak)
    espeak.NOISE_DB = NOISE_DB  # of `with_noise`
    voice, rng = espeak.Voice(library), np.random.default_rng(espeak.SEED)
    recordings, strings, speakers = [], [], []
    for number, variant in enumerate(espeak.VARIANTS):
        speaker = f"{espeak.ACCENTS[number % len(espeak.ACCENTS)]}+{variant}"
        for _ in range(STRINGS):
            said = " ".join(rng.choice(espeak.WORDS, int(rng.integers(SIZES[0], SIZES[1] + 1))))
            pace, pitch = int(rng.integers(*espeak.WORDS_PER_MINUTE)), int(rng.integers(*espeak.PITCH))
            recordings.append(espeak.with_noise(voice.say(said, speaker, pace, pitch), rng))
            strings.append(said)
            speakers.append(speaker)
    np.savez(
        out,
        samples=np.concatenate(recordings),
        lengths=np.asarray([len(recording) for recording in recordings]),
        words=np.asarray(strings),
        speakers=np.asarray(speakers),
        rate_hz=np.asarray(voice.rate_hz),
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
