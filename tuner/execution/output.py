"""A worker's prints, kept per run and capped: a small process that reads them from a pipe into a file.

A process of its own, as a trial may print from native code that holds Python's lock, so that no thread of the
worker's could empty the pipe. It imports nothing but the standard library and `redaction`, and is started by its path.

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

if __name__ == "__main__":  # isolated: no folder of packages is known
    sys.path.append(str(Path(__file__).parents[2]))

from tuner.redaction import redacted

OUTPUT = "output.txt"
"""File in a run's folder with what it printed last."""
EARLIER = "output.1.txt"
_BLOCK = 65536
_PATIENCE_SECONDS = 5.0


class Output:
    """The worker's end: standard output and error of this process go to the file of the attempt that runs."""

    def __init__(self) -> None:
        read, write = os.pipe()
        self._control, theirs = socket.socketpair()
        self._control.settimeout(_PATIENCE_SECONDS)
        subprocess.run(  # it goes on as no child of this process, where a child is something that a trial has left
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
        """From now on keep what is printed in a run's folder, at most `cap` bytes of it."""
        with suppress(OSError):  # the reader is gone: prints are lost, the trial goes on
            sys.stdout.flush()
            sys.stderr.flush()
            self._control.sendall(json.dumps([str(folder), cap]).encode() + b"\n")
            self._control.recv(1)


class Capped:
    """The last bytes printed, in two files that take turns; nothing is made before there is a byte."""

    def __init__(self, folder: str, cap: int) -> None:
        self._folder, self._half = folder, max(1, cap // 2)
        self._begun = b""  # a line without its end

    def write(self, data: bytes) -> None:
        """Append whole lines, of a long one what there is; what the disk does not take is lost."""
        whole = (self._begun + data).rpartition(b"\n")
        self._begun = whole[2]
        self._append(whole[0] + whole[1])
        if len(self._begun) > _BLOCK:
            self.end()

    def end(self) -> None:
        """Append the line that was begun."""
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
        """Write what the current file has room for, or begin another; returns the rest."""
        path = os.path.join(self._folder, OUTPUT)
        with open(path, "ab", buffering=0) as file:
            if (room := self._half - file.tell()) > 0:
                return data[file.write(data[:room]) :]
        os.replace(path, os.path.join(self._folder, EARLIER))
        return data


def main() -> None:
    """Read until the worker is gone; the process that was started ends at once, a copy of it goes on."""
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
    """Take what the pipe holds, at most as much as it can hold; False when nobody can print any more."""
    with suppress(BlockingIOError):
        for _ in range(16):
            if not (data := os.read(prints, _BLOCK)):
                return False
            if file is not None:
                file.write(data)
    return True


if __name__ == "__main__":
    main()
