"""A real terminal, tmux's, of a size of its own: what a command shows there."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.program import Program

MISSING = "" if shutil.which("tmux") else "tmux is not installed"
"""Why there is no terminal."""


class Screen:
    """A window of tmux that nothing but a program of ours prints on.

    Args:
        socket: Of the server of its own.
    """

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    def tmux(self, *arguments: str) -> str:
        """What a command of tmux prints."""
        command = ["tmux", "-u", "-S", str(self._socket), "-f", "/dev/null", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def run(self, folder: Path, *arguments: str) -> int:
        """Run `python -m tuner` on it to its end; its status."""
        program = Program(folder, *arguments, output=Path(self.tmux("display", "-p", "#{pane_tty}").strip()))
        program.wait(120)
        status = program.poll()
        assert status is not None
        return status

    def lines(self) -> list[str]:
        """All that was printed; a line that the terminal had to break is one line here."""
        shown = self.tmux("capture-pane", "-p", "-J", "-S", "-")
        return [line.rstrip() for line in shown.rstrip().splitlines()]


@contextmanager
def screen(width: int, height: int) -> Iterator[Screen]:
    """A terminal of so many columns and rows."""
    with tempfile.TemporaryDirectory() as folder:
        shown = Screen(Path(folder) / "tmux")
        size = ("-x", str(width), "-y", str(height))
        shown.tmux("set", "-g", "history-limit", "5000", ";", "new-session", "-d", *size, "stty -echo; cat")
        try:
            yield shown
        finally:
            shown.tmux("kill-server")
