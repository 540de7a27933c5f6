"""Files of tagged sentences by their names: which are read, in which format, as which split, with which others."""

from __future__ import annotations

import re
from pathlib import Path

from tuner.adapters.base import Split
from tuner.adapters.nlp.tagging.options import Format, TaggingOptions
from tuner.adapters.splits import WORDS
from tuner.adapters.table import form_of

IN, OUT = ".seq.in", ".seq.out"
SUFFIXES = (
    ".conllu", ".conllup", ".conll", ".conll03", ".bio", ".iob", ".iob2", ".bioes", ".ner", ".pos", ".tsv", ".txt",
    ".jsonl", ".ndjson", IN,
)  # fmt: skip
"""Endings of files in a folder that hold sentences."""


def tagged_files(path: Path) -> list[Path]:
    """The files with the sentences of `path`, including those of tags."""
    files = [path]
    if path.is_dir():
        files = [file for file in sorted(path.iterdir()) if file.name.lower().endswith(SUFFIXES)]
        files = [file for file in files if file.is_file() and not file.name.startswith(".")]
    return [each for file in files for each in (file, *([tags_beside(file)] if is_pair(file) else []))]


def is_pair(path: Path) -> bool:
    """Whether a file, by its name, has its tags in a second file."""
    return path.name.lower().endswith(IN)


def tags_beside(path: Path) -> Path:
    """X.seq.out for X.seq.in; for another name, the name with .out appended."""
    return path.with_name(path.name[: -len(IN)] + OUT) if is_pair(path) else path.with_name(path.name + ".out")


def intents_beside(path: Path, ending: str) -> Path:
    """The file of intents: X and the ending for X.seq.in; for another name, the name and the ending."""
    name = path.name[: -len(IN)] if is_pair(path) else path.name
    return path.with_name(f"{name}.{ending.removeprefix('.')}")


def files_read(path: Path, options: TaggingOptions) -> list[Path]:
    """All files that `read_tagged` reads of `path`."""
    files = tagged_files(path)
    if options.intent is not None:
        pairs = [file for file in files if file.is_file() and format_of(file, options) == "pairs"]
        files += [intents_beside(file, options.intent) for file in pairs if not file.name.lower().endswith(OUT)]
    return [file for file in files if file.exists()]


def split_of(path: Path) -> Split | None:
    """The split in a file's name; None if it has none, or several."""
    found = {WORDS[word] for word in re.split(r"[^a-z]+", path.name.lower()) if word in WORDS}
    return found.pop() if len(found) == 1 else None


def format_of(path: Path, options: TaggingOptions) -> Format:
    """How a file is read, by the option or its name."""
    if options.format != "auto":
        return options.format
    name = path.name.lower()
    if name.endswith((".conllu", ".conllup")):
        return "conllu"
    if is_pair(path):
        return "pairs"
    return "jsonl" if form_of(path) == "jsonl" else "columns"
