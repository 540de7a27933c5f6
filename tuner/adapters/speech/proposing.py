"""What the adapter of speech classification proposes for a user's files (`init`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tuner.adapters.glimpse import Glimpse
from tuner.adapters.glimpsed_roles import balance, split_column
from tuner.adapters.proposal import Fit, Line, Proposal, to_begin_with
from tuner.adapters.speech.formats import is_recording
from tuner.adapters.speech.recognition.proposing import SEGMENTS, by_speaker, tracked, transcribed
from tuner.adapters.speech.recognition.reading import TEXT
from tuner.adapters.splits import WORDS
from tuner.errors import DataError

_MOST_LABELS = 0.34
"""Distinct values of a part of names, per file, above which it identifies files, not labels."""
_BUDGET = to_begin_with(trials=20, epochs=15)


def propose_recordings(seen: Glimpse) -> Proposal | None:
    """A folder of recordings whose names contain the label, a manifest of them, or features of recordings."""
    if seen.is_folder:
        return _folder(seen)
    if seen.suffix == ".npz":
        return _features(seen)
    return _manifest(seen)


def _folder(seen: Glimpse) -> Proposal | None:
    files = [path.relative_to(seen.path) for path in seen.files if is_recording(path)]
    if not files or len(files) * 2 < len(seen.files) or transcribed(seen) or tracked(seen):
        return None
    pattern, told, guessed = _pattern(files, seen.path)
    why = f"{told}; {{label}} is what is learned" + ("; correct the names of the fields if they are wrong" * guessed)
    lines = [Line(("data", "pattern"), pattern, why, guessed)]
    depth, place = pattern.count("/") + 1, _label_place(pattern)
    counts = Counter(_fields(file, depth)[place] for file in files if len(_fields(file, depth)) > place)
    if "{split}" in pattern:
        lines.append(Line(("data", "split"), "split", "the first folders are called train, val or test"))
    if "{speaker}" in pattern:
        note = "whole speakers are kept in one split, so that scores are for unseen voices"
        lines += [Line(("data", "group"), "speaker", note, guessed), by_speaker(guessed=guessed)]
    facts, doubts = balance(counts, what="recordings", whole=seen.whole)
    what = f"labelled recordings, {len(files)} of them in a folder"
    return Proposal(Fit.SURE, what, [*lines, *_BUDGET], facts, doubts)


def _pattern(files: Sequence[Path], folder: Path) -> tuple[str, str, bool]:
    """The pattern of label and speaker in names, its reason, and whether it is a guess."""
    depths = {len(file.parts) for file in files}
    if len(depths) == 1 and 3 in depths and {file.parts[0].lower() for file in files} <= WORDS.keys():
        return "{split}/{label}/{file}", "folders of splits that hold folders", False
    if depths == {1}:
        return _in_names([file.stem for file in files], folder)
    labels = Counter(file.parent.name for file in files)
    speaker = _speaker_in_names(files)
    tail = speaker or "{file}"
    more = "; beginnings of names that recur in several folders are speakers" if speaker else ""
    return f"{{label}}/{tail}", f"{len(labels)} folders that hold recordings{more}", bool(speaker)


def _in_names(stems: Sequence[str], folder: Path) -> tuple[str, str, bool]:
    """A label, possibly a speaker and a number in the names of the files themselves."""
    for mark in "_-":
        parts = [stem.split(mark) for stem in stems]
        width = len(parts[0])
        if width < 2 or any(len(part) != width for part in parts):
            continue
        distinct = [len({part[place] for part in parts}) for place in range(width)]
        may = [place for place in range(width) if 2 <= distinct[place] <= max(2, _MOST_LABELS * len(stems))]
        if not may:
            continue
        numbers = {place for place in may if all(part[place].isdigit() for part in parts)}
        last = width - 1
        label = next((place for place in may if place != last or place not in numbers or len(may) == 1), may[0])
        rest = [place for place in may if place not in (label, last) and place not in numbers]
        names = [f"{{part{place}}}" for place in range(width)]
        names[label] = "{label}"
        if rest and distinct[rest[0]] >= 3:
            names[rest[0]] = "{speaker}"
        if last not in (label, *rest[:1]):
            names[last] = "{index}"
        seen = ", ".join(f"{count} values" for count in distinct)
        return mark.join(names), f"names of {width} parts with {seen}", True
    raise DataError(
        "the names of recordings, or of their folders, must contain the label",
        value=stems[0],
        fix="Put them into a folder per label, or write a manifest with the columns path, label and speaker.",
        where=str(folder),
    )


def _speaker_in_names(files: Sequence[Path]) -> str:
    """`{speaker}_{index}` if the first parts of names recur in several folders."""
    for mark in "_-":
        parts = [file.stem.split(mark) for file in files]
        if any(len(part) != len(parts[0]) for part in parts) or len(parts[0]) < 2:
            continue
        folders: dict[str, set[str]] = {}
        for file, part in zip(files, parts, strict=True):
            folders.setdefault(part[0], set()).add(file.parent.name)
        across = sum(len(found) > 1 for found in folders.values())
        if len(folders) >= 3 and across * 2 > len(folders) and len(folders) * 3 <= len(files):
            rest = [f"{{part{place}}}" for place in range(2, len(parts[0]))]
            return mark.join(["{speaker}", *rest, "{index}"])
    return ""


def _fields(file: Path, depth: int) -> list[str]:
    """The parts of a name that are separated by folders, up to that depth, and by the marks between fields."""
    inside = file.with_suffix("").parts[-depth:]
    last = inside[-1]
    mark = "_" if "_" in last else "-"
    return [*inside[:-1], *(last.split(mark) if depth == 1 else [last])]


def _label_place(pattern: str) -> int:
    folders = pattern.split("/")
    if len(folders) > 1:
        return folders.index("{label}")
    mark = "_" if "_" in pattern else "-"
    return pattern.split(mark).index("{label}")


def _manifest(seen: Glimpse) -> Proposal | None:
    table = seen.table
    if table is None or table.form is None:
        return None
    sound = [column for column in table.columns if column.counts and all(is_recording(Path(c)) for c in column.counts)]
    if not sound:
        return None
    names = {column.name for column in table.columns}
    if ("label" not in names and names.intersection(TEXT)) or names.issuperset(SEGMENTS):
        return None  # transcripts, or segments
    for name in ("path", "label"):
        if name not in names:
            raise DataError(
                f"a manifest of recordings must have the columns path and label, and where known speaker: {name!r} is "
                "missing",
                value=sorted(names),
                fix=f"Rename the column {sound[0].name!r} to path." if name == "path" else "Rename a column to label.",
                where=f"{seen.path}:1",
            )
    lines = []
    if "speaker" in names:
        why = "the column speaker: whole speakers are kept in one split"
        lines += [Line(("data", "group"), "speaker", why), by_speaker()]
    others = [column for column in table.columns if column.name not in ("path", "label", "speaker")]
    if split := split_column(others):
        lines.append(split)
    label = table.column("label")
    assert label is not None
    facts, doubts = balance(label.counts, what="recordings", whole=seen.whole and table.whole)
    what = "labelled recordings, listed by a manifest with the columns path and label"
    return Proposal(Fit.SURE, what, [*lines, *_BUDGET], facts, doubts)


def _features(seen: Glimpse) -> Proposal | None:
    from tuner.adapters.arrays import array_shapes

    shapes = array_shapes(seen.path)
    if not {"X", "lengths", "y"} <= shapes.keys() or len(shapes["X"]) != 2:
        return None
    lines = []
    if "speaker" in shapes:
        why = "the array speaker: whole speakers are kept in one split"
        lines += [Line(("data", "group"), "speaker", why), by_speaker()]
    fit = Fit.LIKELY if "speaker" in shapes else Fit.POSSIBLE
    what = f"features of {shapes['lengths'][0]} recordings, {shapes['X'][1]} per frame"
    return Proposal(fit, what, [*lines, *_BUDGET])
