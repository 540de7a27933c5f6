"""Reads tagged sentences: CoNLL-U, columns, JSON lines, or a file of sentences and one of tags.

Reference:
    https://universaldependencies.org/format.html and, for `# global.columns`, .../ext-format.html (CoNLL-U Plus).
    Deviation: multiword tokens (1-2) and empty nodes (1.1) are left out, as their words have no tag of their own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tuner.adapters.base import Split
from tuner.adapters.files import read_text
from tuner.adapters.nlp.tagging.files import (
    OUT,
    SUFFIXES,
    format_of,
    intents_beside,
    split_of,
    tagged_files,
    tags_beside,
)
from tuner.adapters.nlp.tagging.options import Format, TaggingOptions
from tuner.adapters.table import json_object
from tuner.errors import DataError, is_text, nearest

CONLLU = ("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")
_DOCUMENT = "-DOCSTART-"
_GLOBAL = "# global.columns ="
_PLAIN_NUMBER = re.compile(r"\d+")
_RANGE = re.compile(r"\d+[-.]\d+")
_PER_LINE = "One token per line, a blank line between sentences."


class Sentence(NamedTuple):
    """Words, their tags if known, their place in the file, and the split if the file gives it."""

    words: list[str]
    tags: list[str]
    where: str
    lines: Sequence[int] = ()
    """The line of each word; empty where all are in one."""
    split: Split | None = None
    intent: str = ""
    """The label of the whole sentence; empty if none is read."""

    def place(self, word: int) -> str:
        """Where a word was read."""
        return f"{self.where.rpartition(':')[0]}:{self.lines[word]}" if self.lines else self.where


def read_tagged(path: Path, options: TaggingOptions) -> list[Sentence]:
    """Every tagged sentence of a file, or of the files of a folder; some may be empty.

    Raises:
        DataError: There are no sentences, a line is damaged, or a column is missing.
    """
    if not path.is_dir():
        sentences = list(sentences_of(path, options, tagged=True))
    else:
        files = [file for file in tagged_files(path) if not file.name.lower().endswith(OUT)]
        named = [split_of(file) for file in files]
        if any(named) and None in named:
            raise DataError(
                "either all files of the folder must name their split, train, val or test, or none",
                value=files[named.index(None)].name,
                fix="Rename it, move it away, or name the files by data.path, val_path and test_path.",
                where=str(path),
            )
        sentences = [
            sentence._replace(split=split)
            for file, split in zip(files, named, strict=True)
            for sentence in sentences_of(file, options, tagged=True)
        ]
    if not any(sentence.words for sentence in sentences):
        endings = f" that end in {', '.join(SUFFIXES)}" if path.is_dir() else ""
        raise DataError(f"the data must hold tagged sentences{endings}", value="none", where=str(path))
    return sentences


def sentences_of(path: Path, options: TaggingOptions, *, tagged: bool) -> Iterator[Sentence]:
    """The sentences of a file.

    Args:
        path: The file.
        options: How it is read.
        tagged: Whether tags are required; else they are not read.

    Raises:
        DataError: A line is damaged, or a column is missing.
    """
    return _READERS[format_of(path, options)](path, options, tagged)


class _Column(NamedTuple):
    """Position and name of a column."""

    place: int
    name: str


def _conllu(path: Path, options: TaggingOptions, tagged: bool) -> Iterator[Sentence]:
    text = read_text(path, options.encoding)
    names: Sequence[str] = CONLLU
    first = text.partition("\n")[0]
    if first.lower().startswith(_GLOBAL):
        names = tuple(name.lower().rpartition(":")[2] for name in first[len(_GLOBAL) :].split())
    wanted = [(options.words or "form", "words"), *([(options.tags or "upos", "tags")] if tagged else [])]
    columns = []
    for name, option in wanted:
        if name.lower() not in names:
            raise DataError(
                f"data.{option} must name a column of the file", value=name, fix=nearest(name, names), where=f"{path}:1"
            )
        columns.append(_Column(names.index(name.lower()), name.lower()))
    at_id = names.index("id") if "id" in names else None
    for block in _blocks(text, lambda line: line.startswith("#")):
        rows = []
        for number, line in block.lines:
            cells = line.split("\t")
            if len(cells) != len(names):
                raise _width_error(len(names), len(cells), f"{path}:{number}", "separated by tabs")
            if at_id is not None and not _PLAIN_NUMBER.fullmatch(cells[at_id]):
                if _RANGE.fullmatch(cells[at_id]):
                    continue
                raise DataError(
                    "the column id must be a whole number, a range or a decimal",
                    value=cells[at_id],
                    where=f"{path}:{number}",
                )
            rows.append((number, cells))
        yield _sentence(path, block, rows, columns, options.intent if tagged else None)


def _columns(path: Path, options: TaggingOptions, tagged: bool) -> Iterator[Sentence]:
    text = read_text(path, options.encoding)
    lines = [line for line in text.split("\n") if line.strip() and not line.startswith(("# ", _DOCUMENT))]
    tab = "\t" if lines and "\t" in lines[0] else None
    width = len(lines[0].rstrip("\r").split(tab)) if lines else 0

    def is_comment(line: str) -> bool:
        if line.startswith(_DOCUMENT) or _said(line, options.intent):
            return True
        return line.startswith("# ") and len(line.split(tab)) != width

    if lines:
        columns = [_numbered(options.words or "1", "words", width, path)]
        if tagged:
            columns.append(_numbered(options.tags or "-1", "tags", width, path))
            if columns[0].place == columns[1].place:
                raise DataError(
                    "a line must hold a word and its tag, in two columns separated by tabs or spaces",
                    value=lines[0],
                    fix=f"{_PER_LINE} Or set the format by data.format.",
                    where=str(path),
                )
    for block in _blocks(text, is_comment):
        rows = []
        for number, line in block.lines:
            cells = line.split(tab)
            if len(cells) != width:
                raise _width_error(width, len(cells), f"{path}:{number}", "like the first line")
            rows.append((number, cells))
        yield _sentence(path, block, rows, columns, options.intent if tagged else None)


def _numbered(said: str, option: str, width: int, path: Path) -> _Column:
    """A column by its number, from 1, or from the end."""
    try:
        number = int(said)
    except ValueError:
        number = 0
    if not 1 <= abs(number) <= width:
        raise DataError(
            f"data.{option} must be the number of a column, 1 to {width}, or -1 to -{width} from the end",
            value=said,
            fix="Only CoNLL-U has names of columns: data.format: conllu.",
            where=str(path),
        )
    return _Column(number - 1 if number > 0 else width + number, said)


class _Block(NamedTuple):
    """The lines of a sentence with their numbers, and the comments before or among them."""

    lines: list[tuple[int, str]]
    comments: list[str]


def _blocks(text: str, is_comment: Callable[[str], bool]) -> Iterator[_Block]:
    """The lines of each sentence."""
    block = _Block([], [])
    for number, line in enumerate(text.split("\n"), start=1):
        line = line.rstrip("\r")
        if not line.strip():
            if block.lines:
                yield block
            block = _Block([], [])
        elif is_comment(line):
            block.comments.append(line)
        else:
            block.lines.append((number, line))
    if block.lines:
        yield block


def _sentence(
    path: Path,
    block: _Block,
    rows: Sequence[tuple[int, Sequence[str]]],
    columns: Sequence[_Column],
    intent: str | None,
) -> Sentence:
    for number, cells in rows:
        for column in columns:
            if not cells[column.place].strip():
                raise DataError(
                    f"the column {column.name} must not be empty", value=cells[column.place], where=f"{path}:{number}"
                )
    taken = [[cells[column.place].strip() for _, cells in rows] for column in columns]
    tags, where = taken[1] if len(taken) > 1 else [], f"{path}:{block.lines[0][0]}"
    said = "" if intent is None else _commented(block.comments, intent, where)
    return Sentence(taken[0], tags, where, [number for number, _ in rows], intent=said)


def _commented(comments: Sequence[str], name: str, where: str) -> str:
    """The value of the comment with a name."""
    for comment in comments:
        if said := _said(comment, name):
            return said
    raise DataError(
        f"there must be a comment `# {name} = ...` before the sentence",
        value=list(comments),
        fix="It gives the sentence's intent, which data.intent asks for.",
        where=where,
    )


def _said(line: str, name: str | None) -> str:
    """The value of a line `# name = value` or `# name: value`; empty if it is none."""
    found = None if name is None else re.fullmatch(rf"#\s*{re.escape(name)}\s*[=:]\s*(\S.*)", line)
    return "" if found is None else found[1].strip()


def _width_error(width: int, found: int, where: str, how: str) -> DataError:
    return DataError(f"a line must have {width} columns {how}", value=found, fix=_PER_LINE, where=where)


def _json_lines(path: Path, options: TaggingOptions, tagged: bool) -> Iterator[Sentence]:
    keys = (options.words or "tokens", *([options.tags or "tags"] if tagged else []))
    for number, line in enumerate(read_text(path, options.encoding).split("\n"), start=1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        row = json_object(line, where)
        for key in keys:
            if key not in row:
                raise DataError(f"there must be a key {key!r}", fix=nearest(key, list(row)), where=where)
        words = _texts(row[keys[0]], keys[0], where)
        tags = _texts(row[keys[1]], keys[1], where, numbers=True) if tagged else []
        if tagged and len(words) != len(tags):
            raise _count_error(len(words), len(tags), where, keys[1])
        yield Sentence(words, tags, where, intent=_text(row, options.intent, where) if tagged else "")


def _text(row: Mapping[str, object], key: str | None, where: str) -> str:
    """The text of a key; empty if none is asked for."""
    if key is None:
        return ""
    value = row.get(key)
    if not isinstance(value, str) or not value.strip() or not is_text(value):
        rule = "be a text that is not empty" if key in row else "be there"
        raise DataError(f"the key {key!r} must {rule}", value=value, fix=nearest(key, list(row)), where=where)
    return value.strip()


def _texts(value: object, key: str, where: str, *, numbers: bool = False) -> list[str]:
    """A list of texts; tags may be numbers, which are read as texts."""
    fits = isinstance(value, list) and all(
        isinstance(each, str) or (numbers and isinstance(each, int) and not isinstance(each, bool)) for each in value
    )
    if not fits:
        raise DataError(f"{key} must be a list of texts", value=value, fix='For example ["a", "word"].', where=where)
    assert isinstance(value, list)
    texts = [str(each).strip() for each in value]
    for text in texts:
        if not text or not is_text(text):
            rule = "have no empty text" if not text else "have no half of a surrogate pair"
            raise DataError(f"{key} must {rule}", value=value, where=where)
    return texts


def _pairs(path: Path, options: TaggingOptions, tagged: bool) -> Iterator[Sentence]:
    lines = _whole_lines(path, options)
    if not tagged:
        for number, line in enumerate(lines, start=1):
            yield Sentence(line.split(), [], f"{path}:{number}")
        return
    tag_lines = _lines_beside(path, tags_beside(path), len(lines), "tags", "space-separated tags of its words", options)
    intents = [""] * len(lines)
    if options.intent is not None:
        beside = intents_beside(path, options.intent)
        intents = _lines_beside(path, beside, len(lines), "intents", "its intent", options)
    for number, (line, tag_line, intent) in enumerate(zip(lines, tag_lines, intents, strict=True), start=1):
        words, tags = line.split(), tag_line.split()
        if len(words) != len(tags):
            raise _count_error(len(words), len(tags), f"{tags_beside(path)}:{number}", "the line")
        if options.intent is not None and words and not intent.strip():
            raise DataError("the line must have the sentence's intent", value=intent, where=f"{beside}:{number}")
        yield Sentence(words, tags, f"{path}:{number}", intent=intent.strip())


def _lines_beside(path: Path, beside: Path, wanted: int, what: str, line: str, options: TaggingOptions) -> list[str]:
    """The lines of a file that belongs to one of sentences, which must be as many."""
    if not beside.is_file():
        raise DataError(
            f"beside {path.name} there must be a file of its {what}, {beside.name}",
            fix=f"A line per sentence, {line}.",
            where=str(path),
        )
    lines = _whole_lines(beside, options)
    if len(lines) != wanted:
        raise DataError(
            f"{beside.name} must have as many lines as {path.name}, {wanted}",
            value=len(lines),
            fix="A line of one belongs to the same line of the other.",
            where=str(beside),
        )
    return lines


def _whole_lines(path: Path, options: TaggingOptions) -> list[str]:
    lines = read_text(path, options.encoding).split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    return lines


def _count_error(words: int, tags: int, where: str, what: str) -> DataError:
    return DataError(
        f"{what} must have a tag per word, {words}", value=tags, fix="Correct the line, or remove the sentence.",
        where=where,
    )  # fmt: skip


_READERS: Mapping[Format, Callable[[Path, TaggingOptions, bool], Iterator[Sentence]]] = {
    "conllu": _conllu,
    "columns": _columns,
    "jsonl": _json_lines,
    "pairs": _pairs,
}
