"""Which files are recordings, by the endings of their names, and notices about the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from pathlib import Path

from tuner.errors import DataError

ENDINGS = {
    "AIFF": (".aiff", ".aif", ".aifc"),
    "AU": (".au", ".snd"),
    "AVR": (".avr",),
    "CAF": (".caf",),
    "FLAC": (".flac",),
    "IRCAM": (".ircam",),
    "MP3": (".mp3", ".mp2", ".mp1", ".mpga"),
    "MPC2K": (".mpc2k",),
    "NIST": (".nist", ".sph"),
    "OGG": (".ogg", ".oga", ".opus"),
    "PAF": (".paf",),
    "PVF": (".pvf",),
    "RF64": (".rf64",),
    "SD2": (".sd2",),
    "SDS": (".sds",),
    "SVX": (".svx", ".8svx"),
    "VOC": (".voc",),
    "W64": (".w64",),
    "WAV": (".wav", ".wave", ".bwf"),
    "WVE": (".wve",),
}
"""Formats that libsndfile decodes -> their unambiguous endings. HTK, MAT4, MAT5, XI and files without a header are read
only if a manifest lists them, as other kinds of files have the same endings."""

SUFFIXES = frozenset(ending for endings in ENDINGS.values() for ending in endings)

_UNREAD = """
    3ga 3gp 3gpp aac ac3 alac amr ape awb dff dsf dss dts eac3 flv gsm m4a m4b m4p m4r m4v mka mkv mov mp4 mpc oma pcm
    qcp ra ram raw rm shn spx tak tta vox weba webm wma wmv wv
"""
UNREAD = frozenset(f".{ending}" for ending in _UNREAD.split())
"""Endings of audio formats that are not decoded here."""

_SHOWN = 5


def visible_files(folder: Path) -> list[Path]:
    """The files below a folder, sorted by name, without those that are hidden or in a hidden folder."""
    return [
        path
        for path in sorted(folder.rglob("*"))
        if not any(part.startswith(".") for part in path.relative_to(folder).parts) and not path.is_dir()
    ]


def is_recording(path: Path) -> bool:
    """Whether the name's ending is that of a format that is decoded here."""
    return path.suffix.lower() in SUFFIXES


def left_over(files: Collection[Path]) -> list[str]:
    """Notices about files that are not read: one for audio that cannot be decoded, one for other files."""
    sound = Counter(path.suffix.lower() for path in files if path.suffix.lower() in UNREAD)
    other = Counter(path.suffix.lower() or "without an ending" for path in files if not is_recording(path)) - sound
    sentences = []
    if sound:
        sentences.append(f"{_counted(sound)} not read: convert them to WAV or FLAC")
    if other:
        sentences.append(f"{_counted(other)} not read: by their endings they are no recordings")
    return sentences


def check_whole_classes(unread: Collection[tuple[str, Path]], labels: Collection[str]) -> None:
    """Check that each class has recordings that can be read.

    Args:
        unread: Label and file of each recording that is not decoded here.
        labels: Labels of those that are.

    Raises:
        DataError: A class has none.
    """
    for label in sorted({label for label, _ in unread} - set(labels)):
        files = [path for name, path in unread if name == label]
        raise DataError(
            f"class {label!r} must have recordings that can be read",
            value=_counted(Counter(path.suffix.lower() for path in files)),
            fix="Convert them to WAV or FLAC, or remove the class.",
            where=str(files[0]),
        )


def _counted(endings: Counter[str]) -> str:
    """The number of files, in total and by ending: 7 files (5 .m4a, 2 .wma)."""
    total = endings.total()
    shown = endings.most_common(_SHOWN)
    rest = total - sum(count for _, count in shown)
    listed = ", ".join([*(f"{count} {ending}" for ending, count in shown), *([f"{rest} others"] if rest else [])])
    return f"{total} file{'s' if total > 1 else ''} ({listed})"
