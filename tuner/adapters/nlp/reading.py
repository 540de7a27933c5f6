"""Labelled texts as they come: a table, JSON lines, plain lines, or a folder per label."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tuner.adapters.files import Encoding, read_text
from tuner.adapters.nlp.options import TextClassificationOptions
from tuner.adapters.table import form_of, read_rows
from tuner.errors import DataError


class Document(NamedTuple):
    """One labelled text and the place it was read from."""

    text: str
    label: str
    where: str


def text_files(path: Path) -> list[Path]:
    """The files that hold the texts of `path`, in the order they are read."""
    return sorted(path.glob("[!.]*/[!.]*.txt")) if path.is_dir() else [path]


def read_documents(path: Path, options: TextClassificationOptions) -> list[Document]:
    """Read every labelled text of a file, or of a folder of folders.

    Raises:
        DataError: Nothing is there; a line or a file is damaged; a column or a label is missing.
    """
    form = options.format
    if form == "auto":
        form = "folder" if path.is_dir() else form_of(path) or "lines"
    if path.is_dir() != (form == "folder"):
        raise DataError(
            f"data.format {form} must name a {'folder' if form == 'folder' else 'file'}",
            value=str(path),
            fix="Leave data.format out, or mend the path.",
            key=("data", "format"),
        )
    if form == "folder":
        documents = list(_from_folder(path, options.encoding))
    elif form == "lines":
        documents = list(_from_lines(path, options.encoding))
    else:
        rows = read_rows(path, form, (options.text, options.label), encoding=options.encoding)
        documents = [Document(cells[options.text], cells[options.label].strip(), where) for cells, where in rows]
    if not documents:
        raise DataError(
            "the data must hold at least one labelled text",
            fix="A folder must have a folder of .txt files per label." if path.is_dir() else "It is empty.",
            where=str(path),
        )
    for document in documents:
        if document.label.lower() in ("", "nan"):
            raise DataError(
                "a label must not be empty",
                value=document.label,
                fix="Fill it in, or delete the row.",
                where=document.where,
            )
    return documents


def _from_folder(path: Path, encoding: Encoding) -> Iterator[Document]:
    for file in text_files(path):
        yield Document(read_text(file, encoding), file.parent.name, str(file))


def _from_lines(path: Path, encoding: Encoding) -> Iterator[Document]:
    tabbed: bool | None = None
    for number, line in enumerate(read_text(path, encoding).split("\n"), start=1):
        if not line.strip():
            continue
        if tabbed is None:
            tabbed = "\t" in line
        label, parted, text = line.partition("\t" if tabbed else " ")
        coarse, colon, _ = label.partition(":")
        if not parted or not (tabbed or colon):
            raise DataError(
                f"the line must read `{'label<TAB>text' if tabbed else 'LABEL:sub text'}` like the first",
                value=line.strip(),
                fix="Both forms are known; a file keeps to one.",
                where=f"{path}:{number}",
            )
        yield Document(text, (label if tabbed else coarse).strip(), f"{path}:{number}")
