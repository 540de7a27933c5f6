"""Files and classes of the package stay of a size that is read at a sitting."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "tuner"
LINES_OF_A_FILE = 400
LINES_OF_A_CLASS = 200


def too_long(folder: Path) -> Iterator[str]:
    """The files and classes that are longer than they may be, with their lines."""
    for path in sorted(folder.rglob("*.py")):
        text, name = path.read_text(), path.relative_to(folder)
        if (lines := len(text.splitlines())) > LINES_OF_A_FILE:
            yield f"{name}: {lines}"
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ClassDef):
                lines = (node.end_lineno or 0) - node.lineno + 1
                if lines > LINES_OF_A_CLASS:
                    yield f"{name}:{node.name}: {lines}"


def test_no_file_and_no_class_is_too_long() -> None:
    """What grows beyond it has two things to do, and is parted where they meet."""
    assert list(too_long(PACKAGE)) == []


@pytest.mark.parametrize(
    ("lines", "found"),
    [(199, []), (200, ["grown.py:Big: 201"]), (400, ["grown.py: 401", "grown.py:Big: 401"])],
)
def test_what_is_too_long_is_seen(lines: int, found: list[str], tmp_path: Path) -> None:
    """A class one line above its limit, and a file."""
    (tmp_path / "grown.py").write_text("class Big:\n" + "    x = 0\n" * lines)
    assert list(too_long(tmp_path)) == found
