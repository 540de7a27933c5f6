"""A worker's printed output, kept per run and capped: a small process copies it from a pipe into a file.

It is a separate process because a trial may print from native code that holds Python's lock, when no thread of the
worker could empty the pipe. It imports nothing but the standard library and `redaction`, and is started by its path.

A second connection brings a line of JSON per attempt: the folder to write to from now on, and a cap in bytes; a byte
comes back when everything printed before is written. The last `cap` bytes are kept: `output.txt`, and before it
`output.1.txt`, each of at most half of them. Secrets are left out, line by line.
"""

from __future__ import annotations

import json
import os
import selectors
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

if __name__ == "__main__":  # isolated mode: packages are not on the path
    sys.path.append(str(Path(__file__).parents[2]))

from tuner.redaction import redacted

OUTPUT = "output.txt"
"""File in a run's folder with its last printed output."""
EARLIER = "output.1.txt"
_BLOCK = 65536
_PATIENCE_SECONDS = 5.0


class Output:
    """The worker's side: redirects standard output and error of this process to the file of the running attempt."""

    def __init__(self) -> None:
        read, write = os.pipe()
        self._control, theirs = socket.socketpair()
        self._control.settimeout(_PATIENCE_SECONDS)
        subprocess.run(  # detached, as children of this process are taken for leftovers of a trial
            [sys.executable, "-I", "-S", __file__, str(read), str(theirs.fileno())],
            pass_fds=(read, theirs.fileno()),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            check=True,
        )
        os.close(read)
        theirs.close()
        sys.stdout.flush()
        sys.stderr.flush()
        for standard in (1, 2):
            os.dup2(write, standard)
        os.close(write)
        sys.stdout = os.fdopen(os.dup(1), "w", buffering=1)
        sys.stderr = os.fdopen(os.dup(2), "w", buffering=1)

    def into(self, folder: Path, cap: int) -> None:
        """From now on keep the output in a run's folder, at most `cap` bytes of it."""
        with suppress(OSError):  # the reader is gone: output is lost, the trial continues
            sys.stdout.flush()
            sys.stderr.flush()
            self._control.sendall(json.dumps([str(folder), cap]).encode() + b"\n")
            self._control.recv(1)


class Capped:
    """Keeps the last bytes in two alternating files, which are created at the first byte."""

    def __init__(self, folder: str, cap: int) -> None:
        self._folder, self._half = folder, max(1, cap // 2)
        self._begun = b""  # a line without its end

    def write(self, data: bytes) -> None:
        """Append whole lines (and parts of very long ones); what the disk cannot hold is lost."""
        whole = (self._begun + data).rpartition(b"\n")
        self._begun = whole[2]
        self._append(whole[0] + whole[1])
        if len(self._begun) > _BLOCK:
            self.end()

    def end(self) -> None:
        """Append the incomplete last line."""
        begun, self._begun = self._begun, b""
        self._append(begun)

    def _append(self, data: bytes) -> None:
        text = data.decode(errors="surrogateescape")
        data = redacted(text).encode(errors="surrogateescape")
        with suppress(OSError):
            while data:
                os.makedirs(self._folder, exist_ok=True)
                data = self._some(data)

    def _some(self, data: bytes) -> bytes:
        """Write what fits into the current file, or begin another; returns the rest."""
        path = os.path.join(self._folder, OUTPUT)
        with open(path, "ab", buffering=0) as file:
            if (room := self._half - file.tell()) > 0:
                return data[file.write(data[:room]) :]
        os.replace(path, os.path.join(self._folder, EARLIER))
        return data


def main() -> None:
    """Read until the worker is gone; the started process ends at once, its fork continues."""
    if os.fork():
        os._exit(0)
    prints, control = int(sys.argv[1]), socket.socket(fileno=int(sys.argv[2]))
    os.set_blocking(prints, False)
    file: Capped | None = None
    order = b""
    with selectors.DefaultSelector() as selector:
        selector.register(prints, selectors.EVENT_READ)
        selector.register(control, selectors.EVENT_READ)
        while True:
            ready = {key.fileobj for key, _ in selector.select()}
            if not _drain(prints, file) and prints in ready:
                selector.unregister(prints)
            if control not in ready:
                continue
            if file is not None:
                file.end()
            if not (data := control.recv(_BLOCK)):
                return
            order += data
            if order.endswith(b"\n"):
                file, order = Capped(*json.loads(order)), b""
                control.sendall(b".")


def _drain(prints: int, file: Capped | None) -> bool:
    """Read the pipe's content, at most its capacity; False if nobody can write to it any more."""
    with suppress(BlockingIOError):
        for _ in range(16):
            if not (data := os.read(prints, _BLOCK)):
                return False
            if file is not None:
                file.write(data)
    return True


if __name__ == "__main__":
    main()
