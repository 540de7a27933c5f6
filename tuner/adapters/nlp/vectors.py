"""Pretrained word vectors: those of a vocabulary are read from a file, and stored to initialize an embedding.

Letters of shapes: F words of the vocabulary that the file has, D numbers of a vector.

Reference:
    The text formats of word2vec (Mikolov et al. 2013) and fastText (Bojanowski et al. 2017): a line of two counts, then
    a word and its numbers per line, separated by spaces; and GloVe's (Pennington et al. 2014) without the first line.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.files import check_plain, content_digest, existing
from tuner.adapters.learned_options import VectorOptions
from tuner.disk import regular
from tuner.errors import DataError

VALUES, NUMBERS = "vectors.npy", "vectors.numbers.npy"
"""Files of a prepared folder: float32 (F, D), and the words' numbers, (F,)."""
_LONGEST = 1 << 20
"""Largest number of bytes of a line."""
_MOST = 4096
"""Largest size of a vector."""
_FORM = "One word and its numbers per line, separated by single spaces."


class Vectors(NamedTuple):
    """The vectors of words.

    Args:
        values: float32, (F, D).
        numbers: The numbers of their words, (F,).
    """

    values: NDArray[np.float32]
    numbers: NDArray[np.int64]


def read_vectors(path: Path, wanted: Mapping[str, int], *, folded: bool) -> Vectors:
    """The vectors of some words; no others are kept in memory.

    Args:
        path: The file.
        wanted: Word -> its number.
        folded: Whether these words are lowercased: the file's word with capitals is used if it has no lowercase one.

    Raises:
        DataError: A line is damaged, or none of the words is in the file.
    """
    found: dict[int, NDArray[np.float32]] = {}
    as_written: set[int] = set()
    size = 0
    for number, line in enumerate(_lines(path), start=1):
        cells = line.split(b" ")
        if number == 1 and len(cells) == 2 and all(cell.isdigit() for cell in cells):
            size = int(cells[1])
            continue
        size = size or len(cells) - 1
        if not 1 <= size <= _MOST or len(cells) <= size:
            raise _damaged(
                f"have a word and {size} numbers" if size else "have a word and its numbers", line, path, number
            )
        word = b" ".join(cells[:-size]).decode("utf-8", errors="replace")
        at = wanted.get(word)
        if at is None and folded:
            at = wanted.get(unicodedata.normalize("NFC", word).lower())
            if at in found:
                continue
        elif at in as_written:  # the first one is the most frequent
            continue
        elif at is not None:
            as_written.add(at)
        if at is not None:
            found[at] = _numbers(cells[-size:], path, number)
    if not found:
        raise DataError(
            "the vectors must be of words of the data",
            value=f"none of {len(wanted):,} words is among them",
            fix="Check language and case, or leave data.vectors out.",
            where=str(path),
        )
    numbers = sorted(found)
    return Vectors(np.stack([found[at] for at in numbers]), np.asarray(numbers, dtype=np.int64))


def write_vectors(
    folder: Path, path: str, wanted: Mapping[str, int], counts_V: NDArray[np.int64], *, folded: bool
) -> tuple[int, str]:
    """Store the vectors of `data.vectors` for a vocabulary.

    Args:
        folder: Of prepared data.
        path: The option.
        wanted: See `read_vectors`.
        counts_V: How often each number occurs in the training data.
        folded: See `read_vectors`.

    Returns:
        D, and a notice about the share of the vocabulary that they cover.
    """
    vectors = read_vectors(existing(path, "vectors", folder=False), wanted, folded=folded)
    np.save(folder / VALUES, vectors.values)
    np.save(folder / NUMBERS, vectors.numbers)
    size, there = vectors.values.shape[1], len(vectors.numbers)
    of_words = counts_V[vectors.numbers].sum() / max(counts_V[list(wanted.values())].sum(), 1)
    return size, (
        f"{Path(path).name} has vectors of {size} numbers for {there:,} of {len(wanted):,} words of the vocabulary "
        f"({there / len(wanted):.0%}), {of_words:.0%} of their occurrences in training; the others start at random"
    )


def vectors_digest(options: VectorOptions) -> str:
    """A string that changes with the content of the file; empty without a file."""
    if options.vectors is None:
        return ""
    path = existing(options.vectors, "vectors", folder=False)
    return content_digest([path], path, {})


def vectors_of(folder: Path) -> Vectors | None:
    """What `write_vectors` has stored; None if nothing, as in a model's folder, whose weights contain the vectors."""
    if not (folder / VALUES).exists():
        return None
    return Vectors(np.load(folder / VALUES), np.load(folder / NUMBERS))


def _lines(path: Path) -> Iterator[bytes]:
    """The lines of a file without their ends."""
    try:
        with regular.open_bytes(path) as file:
            first = file.peek(64)
            check_plain(first, path)
            number = 0
            while line := file.readline(_LONGEST):
                number += 1
                if b"\0" in line or len(line) == _LONGEST:
                    what = "bytes of a binary file" if b"\0" in line else "a longer line"
                    raise DataError(
                        f"a line of vectors must be text of at most {_LONGEST:,} bytes",
                        value=what,
                        fix="Save them in word2vec's text format.",
                        where=f"{path}:{number}",
                    )
                stripped = line.rstrip(b" \r\n")
                if number == 1:
                    stripped = stripped.removeprefix(b"\xef\xbb\xbf")
                if not stripped:
                    raise DataError("a line must not be empty", fix=_FORM, where=f"{path}:{number}")
                yield stripped.replace(b"\t", b" ")
    except OSError as error:
        raise DataError("the file must be readable", value=error.strerror, where=str(path)) from error


def _numbers(cells: Sequence[bytes], path: Path, number: int) -> NDArray[np.float32]:
    try:
        values = np.asarray([float(cell) for cell in cells], dtype=np.float32)
    except ValueError:
        raise _damaged(f"have {len(cells)} numbers after its word", b" ".join(cells), path, number) from None
    if not np.isfinite(values).all():
        raise _damaged("have finite numbers", b" ".join(cells), path, number)
    return values


def _damaged(rule: str, line: bytes, path: Path, number: int) -> DataError:
    return DataError(
        f"the line must {rule}", value=line[:80].decode("utf-8", errors="replace"), fix=_FORM, where=f"{path}:{number}"
    )
