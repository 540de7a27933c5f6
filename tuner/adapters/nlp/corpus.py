"""Reads running texts: a file, or the files of a folder one after the other."""

from __future__ import annotations

import unicodedata
from pathlib import Path

from tuner.adapters.files import Encoding, read_text


def corpus_files(path: Path) -> list[Path]:
    """The files with the text of `path`, in reading order, without hidden files."""
    if not path.is_dir():
        return [path]
    found = (file for ending in ("txt", "md") for file in path.rglob(f"*.{ending}"))
    return sorted(file for file in found if not any(part.startswith(".") for part in file.relative_to(path).parts))


def corpus_text(path: Path, encoding: Encoding) -> str:
    """The text of a file, or of a folder's files, one after the other."""
    return "\n".join(normalised_lines(read_text(file, encoding)) for file in corpus_files(path))


def normalised_lines(text: str) -> str:
    """The text in Unicode form NFC, with line feeds as line ends."""
    return unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n")
