"""What the adapter of speech tagging proposes for a user's files (`init`)."""

from __future__ import annotations

from pathlib import Path

from tuner.adapters.glimpse import Glimpse
from tuner.adapters.glimpsed_roles import split_column
from tuner.adapters.proposal import Fit, Line, Proposal, to_begin_with
from tuner.adapters.speech.formats import is_recording
from tuner.adapters.speech.recognition.proposing import SEGMENTS, by_speaker, tracked
from tuner.adapters.speech.recognition.reading import AUDIO, SPEAKERS

_BUDGET = to_begin_with(trials=20, epochs=15)


def propose_tagging(seen: Glimpse) -> Proposal | None:
    """A table of segments of recordings, or a folder of recordings with label tracks."""
    if seen.is_folder:
        recordings = {path.with_suffix("") for path in seen.files if is_recording(path)}
        texts = {path.with_suffix("") for path in seen.files if path.suffix.lower() == ".txt"}
        if len(recordings & texts) * 2 <= len(recordings) or not tracked(seen):
            return None
        return Proposal(Fit.SURE, "recordings beside label tracks of the same name", _BUDGET)
    table = seen.table
    if table is None or table.form is None:
        return None
    sound = [column for column in table.columns if column.counts and all(is_recording(Path(c)) for c in column.counts)]
    names = {column.name for column in table.columns}
    if not sound or not names.issuperset(SEGMENTS):
        return None
    lines = []
    if sound[0].name not in AUDIO:
        lines.append(Line(("data", "audio"), sound[0].name, "its cells are names of recordings"))
    if names.intersection(SPEAKERS):
        lines.append(by_speaker())
    others = [column for column in table.columns if column.name not in (sound[0].name, *SEGMENTS)]
    if split := split_column(others):
        lines.append(split)
    return Proposal(Fit.SURE, "segments of recordings, with start, end and label", [*lines, *_BUDGET])
