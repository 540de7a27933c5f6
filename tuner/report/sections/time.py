"""Where the time went: which worker trained what, when."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from tuner.disk.events import RunRecord
from tuner.report.plot import OPEN, Frame, legend, state_class
from tuner.report.section import Section
from tuner.report.study import ReportedStudy
from tuner.report.svg import Linear, tag
from tuner.report.templates import filled
from tuner.words import called

LANE, MOST_LANES = 26, 40
"""Height of a worker; largest number of workers that are drawn."""
_ASIDE = {
    "confirm": "confirmation",
    "refit": "refit on training and validation data",
    "test": "scoring on test data",
}
"""Kind of a run other than a search trial -> its description."""


@dataclass(frozen=True)
class Piece:
    """One attempt.

    Args:
        run: What was trained.
        worker: Where.
        start: When its training began, in seconds since the first was sent out.
        end: When it was over, in seconds since the first was sent out.
        shape: Class of its state; other runs than search trials have their own.
    """

    run: RunRecord
    worker: str
    start: float
    end: float
    shape: str


def time(study: ReportedStudy) -> Section | None:
    """A lane per worker."""
    pieces = _pieces(study)
    if not pieces:
        return None
    by_worker: dict[str, list[Piece]] = defaultdict(list)
    for piece in pieces:
        by_worker[piece.worker].append(piece)
    length = max(piece.end for piece in pieces)
    trained: Counter[str] = Counter()
    for piece in pieces:
        trained[_ASIDE.get(piece.run.kind, "search")] += piece.end - piece.start  # type: ignore[assignment]
    shapes = list(dict.fromkeys(piece.shape for piece in pieces))
    body = filled(
        "time.html",
        picture=_picture(by_worker, length),
        legend=legend(
            [(f"bar {shape}", _ASIDE.get(shape, "not over" if shape == OPEN else shape)) for shape in shapes]
        ),
        workers=len(by_worker),
        hidden=max(0, len(by_worker) - MOST_LANES),
        length=duration(length),
        together=duration(length * len(by_worker)),
        busy=sum(trained.values()) / (length * len(by_worker)) if length else 0.0,
        trained=[(kind, duration(seconds)) for kind, seconds in trained.most_common()],
        saved=_saved(study),
    )
    return Section("time", "Where did the time go?", "Time", body)


def duration(seconds: float) -> str:
    """A duration in a suitable unit: `48 s`, `12 min`, `3.4 h`."""
    if seconds < 100:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.3g} min" if seconds < 6000 else f"{seconds / 3600:.3g} h"


def _pieces(study: ReportedStudy) -> list[Piece]:
    runs = [*study.trials, *study.confirmed, *study.aside]
    began = min((stint.began for one in runs for stint in one.stints), default=0.0)
    return [
        Piece(
            one,
            stint.worker or "worker",
            max(0.0, stint.trained - began),
            max(0.0, stint.last - began),
            one.kind if one.kind in _ASIDE else state_class(one.state) if stint is one.stints[-1] else OPEN,
        )
        for one in runs
        for stint in one.stints
    ]


def _picture(by_worker: dict[str, list[Piece]], length: float) -> Markup:
    names = sorted(by_worker, key=lambda name: min(piece.start for piece in by_worker[name]))[:MOST_LANES]
    frame = Frame.of(980, LANE * len(names) + 62, left=96)
    minutes = length > 600
    unit = 60 if minutes else 1
    x = Linear(0, max(length, 1e-3) / unit, frame.left, frame.right)
    parts = []
    for lane, name in enumerate(names):
        top = frame.top + LANE * lane
        short = name if len(name) <= 13 else f"worker {lane + 1}"
        parts.append(tag("text", tag("title", name), short, x=frame.left - 8, y=top + LANE / 2 + 4, class_="tick end"))
        for piece in by_worker[name]:
            start = x.place(piece.start / unit)
            width = max(1.2, x.place(piece.end / unit) - start - 0.8)
            what = "" if piece.run.kind == "test" else f"{called(piece.run.number)}, "
            what += _ASIDE.get(piece.run.kind, "search")
            trial = piece.run.number if piece.run.kind == "trial" else None
            title = None if trial is not None else tag("title", f"{what}: {duration(piece.end - piece.start)}")
            parts.append(
                tag(
                    "rect",
                    title or "",
                    x=start,
                    y=top + 4,
                    width=width,
                    height=LANE - 8.0,
                    class_=f"bar {piece.shape}",
                    data_t=trial,
                )
            )
            if width > 26 and piece.run.number >= 0:
                parts.append(
                    tag("text", piece.run.number, x=start + width / 2, y=top + LANE / 2 + 4, class_="onbar middle")
                )
    label = f"what each of {len(by_worker)} workers trained, over time"
    return frame.draw(
        label, x, None, parts, x_title="minutes since the start" if minutes else "seconds since the start"
    )


def _saved(study: ReportedStudy) -> str:
    """The training time saved by pruning and rules, at each trial's own pace."""
    full = study.about.epochs
    left: Sequence[tuple[RunRecord, int]] = [
        (one, full - max(one.epochs))
        for one in study.trials
        if state_class(one.state) in ("pruned", "hopeless") and one.epochs and one.seconds
    ]
    spared = sum(one.seconds / len(one.epochs) * more for one, more in left if more > 0)
    return duration(spared) if spared > 0 else ""
