"""Classification of recordings: high and low tones in a folder per label; what was found in the trials."""

from pathlib import Path

import numpy as np
import soundfile

import tuner

rng = np.random.default_rng(0)
for label, hertz in (("low", 300), ("high", 900)):
    Path("tones", label).mkdir(parents=True, exist_ok=True)
    for number in range(40):
        wave = np.sin(2 * np.pi * hertz * rng.uniform(0.8, 1.2) * np.arange(4000) / 8000)
        soundfile.write(f"tones/{label}/{number}.wav", 0.3 * wave + rng.normal(0, 0.05, 4000), 8000)

study = tuner.run(
    {
        "name": "tones",
        "adapter": "speech/classification",
        "data": {"path": "tones"},
        "search_space": {"cell": ["gru", "lstm"], "hidden_size": {"low": 8, "high": 64, "log": True}},
        "budget": {"trials": 6, "epochs": 5},
    }
)
print(study.winner)
print(study.findings()[["number", "name", "evidence"]])
print(study.model().predict([Path("tones/low/0.wav"), Path("tones/high/0.wav")], proba=True))
