"""Spoken digits by the eSpeak NG library, as a program: `python espeak.py LIBRARY OUT.npz`.

A process of its own, because the library keeps global state from word to word: a fresh process makes the same
recordings every time. Imports nothing of this package.

OUT.npz holds samples (int16, all recordings one after the other), lengths, words, speakers and rate_hz.
"""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
ACCENTS = ("en-us", "en-gb-x-rp", "en-gb-scotland", "en-029")
VARIANTS = (
    "f1", "f2", "f3", "f4", "f5", "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "croak",
    "whisper", "whisperf", "klatt", "klatt2", "klatt3", "klatt4", "adam", "aunty", "boris", "grandma",
    "grandpa", "linda", "paul", "steph", "victor", "zac",
)  # fmt: skip
"""Voice variants of the library; each is one speaker, with the accents taken in turn."""
TAKES = 6
"""Recordings per speaker and word."""
SEED = 0
WORDS_PER_MINUTE = (110, 300)
PITCH = (15, 85)
"""Interval of the library's pitch setting, of 0 to 100."""
NOISE_DB = (-10.0, 15.0)
"""Interval of the signal-to-noise ratio; white noise."""
GAIN_DB = (-20.0, 0.0)

_SYNCHRONOUS, _DONT_EXIT = 2, 0x8000
_RATE, _PITCH = 1, 3
_CHARACTERS, _UTF8 = 1, 1


class Voice:
    """The library, loaded once per process; its data lie beside it."""

    def __init__(self, file: Path) -> None:
        library = ctypes.CDLL(str(file))
        self.rate_hz = library.espeak_Initialize(_SYNCHRONOUS, 0, str(file.parent).encode(), _DONT_EXIT)
        if self.rate_hz <= 0:
            raise RuntimeError(f"espeak_Initialize returned {self.rate_hz}")
        library.espeak_ng_SetRandSeed(SEED)  # breath and whisper are noise; the library seeds it by the clock
        callback_type = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
        self._chunks: list[bytes] = []
        self._callback = callback_type(self._collect)  # the library keeps a bare pointer to it
        library.espeak_SetSynthCallback(self._callback)
        library.espeak_Synth.argtypes = [
            ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int, ctypes.c_uint, ctypes.c_uint,
            ctypes.c_void_p, ctypes.c_void_p,
        ]  # fmt: skip
        self._library = library

    def say(self, word: str, voice: str, words_per_minute: int, pitch: int) -> NDArray[np.int16]:
        """Samples (N,) of a word."""
        self._chunks.clear()
        text = word.encode() + b"\0"
        failed = (
            self._library.espeak_SetVoiceByName(voice.encode())
            or self._library.espeak_SetParameter(_RATE, words_per_minute, 0)
            or self._library.espeak_SetParameter(_PITCH, pitch, 0)
            or self._library.espeak_Synth(text, len(text), 0, _CHARACTERS, 0, _UTF8, None, None)
        )
        if failed or not self._chunks:
            raise RuntimeError(f"eSpeak NG returned error {failed} for voice {voice}")
        return np.frombuffer(b"".join(self._chunks), dtype=np.int16)

    def _collect(self, samples: ctypes._Pointer[ctypes.c_short], count: int, _events: int | None) -> int:
        if samples and count > 0:
            self._chunks.append(ctypes.string_at(samples, 2 * count))
        return 0


def with_noise(clean: NDArray[np.int16], rng: np.random.Generator) -> NDArray[np.int16]:
    """The word at a random level in white noise at a random distance below it."""
    signal = clean / 32768.0
    power = float(np.mean(signal**2))
    noise = rng.standard_normal(len(signal)) * np.sqrt(power * 10 ** (-rng.uniform(*NOISE_DB) / 10))
    noisy = (signal + noise) * 10 ** (rng.uniform(*GAIN_DB) / 20)
    return np.asarray(np.clip(np.rint(noisy * 32768.0), -32768, 32767), dtype=np.int16)


def main(library: Path, out: Path) -> None:
    """Write every recording."""
    voice, rng = Voice(library), np.random.default_rng(SEED)
    recordings, words, speakers = [], [], []
    for number, variant in enumerate(VARIANTS):
        speaker = f"{ACCENTS[number % len(ACCENTS)]}+{variant}"
        for word in WORDS:
            for _ in range(TAKES):
                pace, pitch = int(rng.integers(*WORDS_PER_MINUTE)), int(rng.integers(*PITCH))
                recordings.append(with_noise(voice.say(word, speaker, pace, pitch), rng))
                words.append(word)
                speakers.append(speaker)
    np.savez(
        out,
        samples=np.concatenate(recordings),
        lengths=np.asarray([len(recording) for recording in recordings]),
        words=np.asarray(words),
        speakers=np.asarray(speakers),
        rate_hz=np.asarray(voice.rate_hz),
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
