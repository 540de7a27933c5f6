"""The differences between two search spaces, as lines of text."""

from __future__ import annotations

from tuner.space.domains import Choices, Constant, Domain, shown
from tuner.space.space import Space


def diff(old: Space, new: Space) -> list[str]:
    """The changes that lead from one space to another, in the order of the new one; none for equal spaces.

    Lines read "cell: + gru", "learning_rate (optimizer=adamw): 1e-4..3e-2 log -> 1e-3..1e-2 log",
    "+ clip_norm: 1" or "- dropout.input".
    """
    before = {str(each): each.domain for each in old.definitions}
    after = {str(each): each.domain for each in new.definitions}
    lines = []
    for name, domain in after.items():
        if name not in before:
            lines.append(f"+ {name}: {domain}")
        elif before[name].to_json() != domain.to_json():
            lines.append(f"{name}: {_change(before[name], domain)}")
    return lines + [f"- {name}" for name in before if name not in after]


def _change(old: Domain, new: Domain) -> str:
    if isinstance(old, Constant | Choices) and isinstance(new, Constant | Choices):
        added = [f"+ {shown(value)}" for value in new.values() if not old.contains(value)]
        removed = [f"- {shown(value)}" for value in old.values() if not new.contains(value)]
        if added + removed and not isinstance(old, Constant) | isinstance(new, Constant):
            return ", ".join(added + removed)
    return f"{old} -> {new}"
