"""From recordings to log-mel features. Shapes: N samples, T frames, F mel bands."""

from __future__ import annotations

import math
import os
import re
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.room import must_fit
from tuner.disk import regular
from tuner.errors import DataError

Source = bytes | BytesIO
"""A file's name, or its content."""
_CUT_OFF = re.compile(r"data(?: size)?\s*:\s*(\d+) \(should be (\d+)\)", re.IGNORECASE)
"""libsndfile's message about a file that is shorter than its header says."""
RATES_HZ = (1000, 1_000_000)
"""Accepted sample rates of recordings: from below a telephone's to those of bat recordings. Resampling from a rate far
outside takes unbounded memory."""
_BLOCK = 1 << 20
"""Samples, of all channels, that are read at once."""
_UNKNOWN_SIZE = 0x7FFF0000
"""Larger sizes are placeholders that recorders write into the header of a stream of unknown length."""


def read_header(path: Path) -> tuple[int, int]:
    """Sample rate in Hz and number of samples; an empty file has rate 0 and no samples.

    Raises:
        DataError: The file is not a recording, or is cut off.
    """
    if regular.status(path).st_size == 0:
        return 0, 0
    return header_of(os.fsencode(path), path)  # a name need not be UTF-8


def header_of(source: Source, where: Path | str) -> tuple[int, int]:
    """Sample rate in Hz and number of samples of a source that is not empty.

    Raises:
        DataError: It is not a recording, or is cut off.
    """
    import soundfile

    try:
        info = soundfile.info(source)
    except soundfile.SoundFileError as error:
        raise _damaged(where, getattr(error, "error_string", str(error))) from error
    if info.frames and not RATES_HZ[0] <= info.samplerate <= RATES_HZ[1]:
        raise DataError(
            f"the sample rate must be {RATES_HZ[0]} to {RATES_HZ[1]} Hz",
            value=info.samplerate,
            fix="Correct the header, or resample the recording.",
            where=str(where),
        )
    cut_off = _CUT_OFF.search(info.extra_info)
    if cut_off and int(cut_off[2]) < int(cut_off[1]) < _UNKNOWN_SIZE:
        raise _damaged(where, f"{cut_off[2]} of {cut_off[1]} bytes")
    return info.samplerate, info.frames


def read_samples(path: Path) -> NDArray[np.float32]:
    """Samples (N,) in [-1, 1]: the mean of the channels.

    Raises:
        DataError: The file is damaged, or a sample is not finite.
    """
    return samples_of(os.fsencode(path), path)


def samples_of(source: Source, where: Path | str) -> NDArray[np.float32]:
    """As `read_samples`, for a source that is not empty."""
    import soundfile

    blocks: list[NDArray[np.float32]] = []
    try:
        with soundfile.SoundFile(source) as file:
            size = max(1, _BLOCK // file.channels)  # a header may claim more samples than there are bytes
            while len(block := file.read(size, dtype="float32", always_2d=True)):
                blocks.append(block.mean(axis=1))
                must_fit(2 * blocks[0].nbytes, where, what=f"{len(blocks)} blocks of samples and the next")
    except soundfile.SoundFileError as error:
        raise _damaged(where, getattr(error, "error_string", str(error))) from error
    mono = np.concatenate(blocks) if blocks else np.zeros(0, dtype=np.float32)
    if not np.isfinite(mono).all():
        raise DataError(
            "every sample must be finite",
            value=f"sample {int(np.flatnonzero(~np.isfinite(mono))[0])}",
            fix="Repair or remove the recording.",
            where=str(where),
        )
    return mono


def resampled(samples: NDArray[np.float32], rate_hz: int, wanted_hz: int) -> NDArray[np.float32]:
    """The signal at another sample rate, by polyphase filtering."""
    if rate_hz == wanted_hz:
        return samples
    from scipy.signal import resample_poly

    shared = math.gcd(rate_hz, wanted_hz)
    return np.asarray(resample_poly(samples, wanted_hz // shared, rate_hz // shared), dtype=np.float32)


def log_mel(
    samples: NDArray[np.float32], rate_hz: int, *, num_mels: int, frame_ms: float, hop_ms: float
) -> NDArray[np.float32]:
    """Natural logarithms of mel-band energies, without dither, so that equal samples give equal features.

    Args:
        samples: Signal in [-1, 1].
        rate_hz: Its sample rate.
        num_mels: Mel bands F between 20 Hz and half the sample rate, >= 3.
        frame_ms: Length of a frame; only whole frames count.
        hop_ms: Time from frame to frame.

    Shape:
        samples (N,), result (T, F) with T = 1 + (N - frame) // hop, or 0 where N < frame.

    Raises:
        DataError: There are more bands than the frame can tell apart.

    Reference:
        Kaldi's compute-fbank-feats (Povey et al. 2011), defaults but for dither and the number of bands.
    """
    import kaldi_native_fbank

    options = kaldi_native_fbank.FbankOptions()
    options.frame_opts.samp_freq = rate_hz
    options.frame_opts.frame_length_ms = frame_ms
    options.frame_opts.frame_shift_ms = hop_ms
    options.frame_opts.dither = 0.0
    options.mel_opts.num_bins = num_mels
    try:
        bank = kaldi_native_fbank.OnlineFbank(options)
    except ValueError as error:
        raise DataError(
            f"data.num_mels must suit frames of {frame_ms:g} ms at {rate_hz} Hz",
            value=num_mels,
            fix="Take fewer bands or longer frames.",
            key=("data", "num_mels"),
        ) from error
    bank.accept_waveform(rate_hz, samples * 32768.0)  # Kaldi's scale: 16-bit numbers
    bank.input_finished()
    frames = [bank.get_frame(index) for index in range(bank.num_frames_ready)]
    return np.stack(frames) if frames else np.zeros((0, num_mels), dtype=np.float32)


MARGIN = 2
"""Frames on either side of what is heard that are not cut."""


def heard_part(log_mels: NDArray[np.float32], decibels: float) -> slice:
    """The frames of (T, F), T >= 1, from the first to the last that is at most so many decibels below the loudest.

    Two more are kept on either side. A frame's level is the energy of all its bands.
    """
    level_T = 10 / math.log(10) * np.logaddexp.reduce(log_mels, axis=1)
    heard = np.flatnonzero(level_T >= level_T.max() - decibels)
    return slice(max(0, int(heard[0]) - MARGIN), int(heard[-1]) + 1 + MARGIN)


def cepstral(log_mels: NDArray[np.float32], coefficients: int) -> NDArray[np.float32]:
    """The first mel-frequency cepstral coefficients (T, K) of frames (T, F): their orthonormal cosine transform.

    Reference:
        Davis & Mermelstein 1980, IEEE TASSP 28(4). Deviation: orthonormal, so that the first is sqrt(F) times the mean.
    """
    from scipy.fft import dct

    return np.asarray(dct(log_mels, type=2, norm="ortho", axis=1)[:, :coefficients], dtype=np.float32)


def _damaged(where: Path | str, found: str) -> DataError:
    return DataError("the recording must be readable", value=found, fix="Replace or remove the file.", where=str(where))
