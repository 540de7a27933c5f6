"""Reads texts with their labels or numbers: a table, JSON lines, plain lines, or a folder per label."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from tuner.adapters.base import Split
from tuner.adapters.files import Encoding, read_text
from tuner.adapters.nlp.text_options import TextOptions
from tuner.adapters.splits import WORDS, split_named
from tuner.adapters.table import Form, form_of, read_rows
from tuner.errors import DataError

SAID = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False, "": False}
"""Allowed cells of a column that is a label."""
_FOLDERS = "Splits are folders train, val and test that hold the folders of the labels."


class Document(NamedTuple):
    """A text, its label or number, the place it was read from, and if given its group, its split and a second
    text."""  # noqa: D205, D209 - one sentence

    text: str
    label: str
    where: str
    group: str | None = None
    split: Split | None = None
    pair: str | None = None

    @property
    def unlabelled(self) -> bool:
        """Whether its label or number is missing; not for several labels, of which a text may have none."""
        return self.label.lower() in ("", "nan")


def text_files(path: Path) -> list[Path]:
    """The files with the texts of `path`, in reading order."""
    if not path.is_dir():
        return [path]
    return sorted(path.glob("[!.]*/[!.]*/[!.]*.txt" if split_folders(path) else "[!.]*/[!.]*.txt"))


def split_folders(path: Path) -> bool:
    """Whether a folder holds only folders of splits, which hold the folders of the labels."""
    inner = [entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith(".")]
    named = [WORDS.get(entry.name.lower()) for entry in inner]
    return "train" in named and len(named) > 1 and None not in named and any(path.glob("[!.]*/[!.]*/[!.]*.txt"))


def read_documents(path: Path, options: TextOptions, *, held: bool = False) -> list[Document]:
    """Read every labelled text of a file, or of a folder of folders.

    Args:
        path: The file or folder.
        options: How it is read.
        held: Whether these are test texts, which need no split.

    Raises:
        DataError: There are no texts; a line or a file is damaged; a column or a label is missing.
    """
    form = options.format
    if form == "auto":
        form = "folder" if path.is_dir() else form_of(path) or "lines"
    if path.is_dir() != (form == "folder"):
        raise DataError(
            f"data.format {form} must name a {'folder' if form == 'folder' else 'file'}",
            value=str(path),
            fix="Leave data.format out, or correct the path.",
            key=("data", "format"),
        )
    for name in ("group", "split", "text_pair"):
        if form in ("folder", "lines") and (given := getattr(options, name)) is not None:
            raise DataError(
                f"data.{name} must be left out where texts are in {'a folder' if form == 'folder' else 'lines'}",
                value=given,
                fix=_FOLDERS if form == "folder" and name == "split" else "It names a column of CSV or JSON lines.",
                key=("data", name),
            )
    if form == "folder":
        documents = list(_from_folder(path, options.encoding))
    elif form == "lines":
        documents = list(_from_lines(path, options))
    else:
        documents = list(_from_rows(path, form, options, held=held))
    if not documents:
        raise DataError(
            "the data must hold at least one labelled text",
            fix="A folder must have a folder of .txt files per label." if path.is_dir() else "It is empty.",
            where=str(path),
        )
    if not options.parts and all(document.unlabelled for document in documents):
        raise DataError(
            f"at least one text must have {'a number' if options.numbers else 'a label'}",
            fix=f"Check that data.{'target' if options.numbers else 'label'} names the right column.",
            where=documents[0].where,
        )
    return documents


def _from_rows(path: Path, form: Form, options: TextOptions, *, held: bool) -> Iterator[Document]:
    group, split = options.group, None if held else options.split
    told = [name for name in (group, split) if name is not None]
    lists = {name: options.parts for name in options.told if options.parts}
    for cells, where in read_rows(path, form, (*options.read, *options.told, *told), (), options.encoding, lists):
        if group is not None and cells[group].strip().lower() in ("", "nan"):
            raise DataError(f"{group} must not be empty", fix="Fill it in, or delete the row.", where=where)
        yield Document(
            cells[options.text],
            _label(cells, options, where),
            where,
            cells[group].strip() if group is not None else None,
            split_named(cells[split], where, split) if split is not None else None,
            cells[options.text_pair] if options.text_pair is not None else None,
        )


def _label(cells: Mapping[str, str], options: TextOptions, where: str) -> str:
    """The label or number of a row; several labels in the order of their names, see `several`."""
    if not options.parts:
        return cells[options.told[0]].strip()
    if not options.ticked:
        return several(cells[options.told[0]], options.parts)
    chosen = []
    for name in options.told:
        cell = plain(cells[name])
        if cell not in SAID:
            raise DataError(f"{name} must be 1 or 0", value=cells[name], fix="Its column is a label.", where=where)
        if SAID[cell]:
            chosen.append(name)
    return options.parts.join(sorted(chosen))


def plain(cell: str) -> str:
    """A cell as `SAID` has it: "1" of "1.0", "true" of " True"."""
    return cell.strip().lower().removesuffix(".0")


def several(cell: str, separator: str) -> str:
    """The labels of a cell, each once, in the order of their names."""
    return separator.join(sorted({label for part in cell.split(separator) if (label := part.strip())}))


def _from_folder(path: Path, encoding: Encoding) -> Iterator[Document]:
    parted = split_folders(path)
    for file in text_files(path):
        split = WORDS[file.parts[-3].lower()] if parted else None
        yield Document(read_text(file, encoding), file.parent.name, str(file), split=split)


def _from_lines(path: Path, options: TextOptions) -> Iterator[Document]:
    tabbed: bool | None = None
    for number, line in enumerate(read_text(path, options.encoding).split("\n"), start=1):
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
                fix="Both forms can be read, but a file must use only one.",
                where=f"{path}:{number}",
            )
        said = (label if tabbed else coarse).strip()
        yield Document(text, several(said, options.parts) if options.parts else said, f"{path}:{number}")
