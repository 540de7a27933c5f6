"""Why an attempt failed, in one line: from its exception, or from the note of a dead worker."""

from __future__ import annotations

import os
import re
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tuner.errors import Key, TaskFileError, TunerError, UserError
from tuner.own_code import PACKAGE

MEMORY_ADVICE = "lower batch_size, hidden_size or layers in the search space, or resources.workers"
EXITED = "os._exit"
"""First word of the note that a worker writes if its trial ends the process."""
_FATAL = "Fatal Python error: "
_ALLOCATORS = ("can't allocate memory", "not enough memory", "out of memory", "cannot allocate memory")
"""Messages of torch's allocators: the CPU's in a RuntimeError, a GPU's in an OutOfMemoryError."""
_PACKAGE = str(PACKAGE) + os.sep
_FRAME = re.compile(r'^\s+File "(?P<file>.+)", line (?P<line>\d+)', re.MULTILINE)


def failure_reason(error: BaseException) -> str:
    """One line: the exception and the innermost frame of the user's own code, else of this package.

    >>> try:
    ...     {}["wav"]
    ... except KeyError as error:
    ...     failure_reason(error).startswith("KeyError: 'wav' (")
    True
    """
    if isinstance(error, TunerError):
        return str(error)
    frames = [(frame.filename, frame.lineno or 0) for frame in traceback.extract_tb(error.__traceback__)]
    place = _place(frames[::-1])
    text = " ".join(str(error).split())[:300]
    if is_out_of_memory(error):
        return f"out of memory: {type(error).__name__} {text}{place}; {MEMORY_ADVICE}"
    return f"{type(error).__name__}: {text}{place}"


@contextmanager
def in_one_line(rule: str, kind: type[UserError] = TaskFileError, *, key: Key = ()) -> Iterator[None]:
    """Whatever is raised inside becomes an error in one line: cells and adapters of one's own may raise anything.

    Args:
        rule: What must hold: "the baseline must train".
        kind: Of the error.
        key: The option at fault, if one is.

    Raises:
        UserError: As it was raised, or with `failure_reason`.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        raise kind(f"{rule}, but it failed: {failure_reason(error).rstrip('.')}", key=key) from error


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception means that the machine or a GPU was out of memory.

    >>> is_out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"))
    True
    """
    if isinstance(error, MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in _ALLOCATORS)


def crash_reason(left: str) -> str:
    """One line from a dead worker's stacks file; "" if it did not die by its own trial.

    Args:
        left: The file's text: by `faulthandler` after a fatal signal, or the note of an `os._exit`.
    """
    frames = [(found["file"], int(found["line"])) for found in _FRAME.finditer(left)]
    if left.startswith(EXITED):
        return f"the trial ended its worker's process by {left.partition(chr(10))[0]}{_place(frames[::-1])}"
    if (at := left.find(_FATAL)) >= 0:
        signal = left[at + len(_FATAL) :].partition("\n")[0]
        return f"the trial crashed its worker's process: {signal}{_place(frames)}"
    return ""


def _place(innermost_first: Sequence[tuple[str, int]]) -> str:
    """` (file.py:12)`: the place in the user's code, else in this package's, else ""."""
    frames = [frame for frame in innermost_first if "<frozen" not in frame[0]]
    users = [frame for frame in frames if "site-packages" not in frame[0] and not _of_python(frame[0])]
    own = [frame for frame in users if not frame[0].startswith(_PACKAGE)] or users
    return f" ({os.path.basename(own[0][0])}:{own[0][1]})" if own else ""


def _of_python(file: str) -> bool:
    return file.startswith((_LIBRARY, "<"))


_LIBRARY = str(Path(os.__file__).parent) + os.sep
