"""What the text adapters propose for a user's files (`init`)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable

from tuner.adapters.glimpse import Glimpse, glimpse, size_of
from tuner.adapters.glimpsed_roles import Chosen, balance, group_column, label_column, listed, said_column, split_column
from tuner.adapters.glimpsed_table import GlimpsedColumn, GlimpsedTable
from tuner.adapters.nlp.proposed_labels import many_labels
from tuner.adapters.nlp.tagging.proposing import tagged_rows, tagged_sentences, unended
from tuner.adapters.proposal import Fit, Line, Proposal, to_begin_with
from tuner.adapters.splits import WORDS
from tuner.errors import DataError
from tuner.words import first_few

_TEXTS = (
    "text", "sentence", "review", "document", "content", "body", "message", "question", "utterance", "tweet", "comment",
    "title", "query", "description", "abstract", "headline", "texte", "satz",
)  # fmt: skip
"""Names of columns that hold texts, the clearest first."""
_NUMBERS = frozenset(("target", "score", "rating", "value", "similarity"))
"""Names of columns with a number to predict from a text."""
_WORDS = 3.0
"""Mean number of words per cell from which a column without such a name is taken for texts."""
_TEXT_FILES = (".txt", ".md")
_LISTED = (
    """Write an object per line: python -c "import pandas as p; p.read_json('{path}').to_json('{stem}.lines.jsonl', """
    """orient='records', lines=True)\""""
)
_MOST_LINES = 20_000
_TREC = re.compile(r"[A-Za-z_]+:\S+ +\S.*")
_SHORT = 40
"""Mean words of a text up to which whole words are proposed."""
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
"""Letters of Thai, Lao, Burmese, Khmer, Japanese and Chinese."""
_APART, _ATTACHED = re.compile(r"(?<=\s)[.,;:!?](?=\s)"), re.compile(r"(?<=\w)[.,;:!?](?=\s)")
"""Signs with a space before them, and without."""
_LARGE = 5_000_000
"""Characters beyond which an epoch of a running text takes long."""
_FEW_FILES = 3
"""A folder with fewer texts is not taken for a label."""
_BUDGET = to_begin_with(trials=20, epochs=10)


def propose_classification(seen: Glimpse) -> Proposal | None:
    """Labelled texts: a folder per label, a table with a text and a label, or lines of both."""
    if seen.is_folder:
        return _label_folders(seen)
    table = seen.table
    if table is not None and table.form is None:
        _check_no_texts(seen, table)
        return None
    if seen.text is None or tagged_sentences(seen) is not None:
        return None
    if table is not None and (table.headed or table.form == "jsonl") and (found := _in_table(seen, table)):
        return found
    return _in_lines(seen)


def propose_regression(seen: Glimpse) -> Proposal | None:
    """Texts with a number each: a table whose column of numbers is set, or has such a name and holds no classes."""
    table = seen.table
    if seen.is_folder or seen.text is None or table is None or table.form is None:
        return None
    text, said = _text_column(seen, table), seen.said.get("target")
    if text is None or tagged_sentences(seen) is not None:
        return None
    others = [column for column in table.columns if column is not text.column and column.is_number]
    found = [column for column in others if column.name.lower() in _NUMBERS and len(column.counts) * 2 > table.rows]
    if not said and not found:
        return None
    target = said_column(table, "target", said) if said else Chosen(found[0], "by its name and many values", True)
    lines = [
        *_encoded(seen),
        Line(("data", "text"), text.column.name, text.why, text.guessed),
        Line(("data", "target"), target.column.name, target.why, target.guessed),
        *_unit(text.column.counts),
    ]
    fit = Fit.SURE if said else Fit.LIKELY
    what = f"texts with a number each, in {'a table' if table.form == 'csv' else 'JSON lines'}"
    return Proposal(fit, what, [*lines, *_BUDGET], [_length(text.column)])


def propose_language_modelling(seen: Glimpse) -> Proposal | None:
    """A running text: a file that holds no table, or a folder of .txt and .md files."""
    if seen.is_folder:
        files = [path for path in seen.files if path.suffix.lower() in _TEXT_FILES]
        if len(files) * 2 < len(seen.files) or not files:
            return None
        what = f"running text in {len(files)} .txt and .md files, in the order of their names"
        return Proposal(Fit.LIKELY, what, _running(sum(map(size_of, files))), doubts=_nearly_labelled(seen))
    if seen.text is None or (seen.suffix not in _TEXT_FILES and seen.table is not None):
        return None
    if seen.suffix in (".json", ".jsonl", ".ndjson") and seen.text.lstrip()[:1] == "[":
        raise DataError(
            "a line must be a JSON object",
            value="a list of all rows",
            fix=_LISTED.format(path=seen.path, stem=seen.path.with_suffix("")),
            where=str(seen.path),
        )
    sample = "".join(seen.text[:100_000].split())
    if len(seen.text.split()) < 20 or sum(map(str.isalpha, sample)) * 2 < len(sample):
        return None  # too short, or numbers
    if tagged_sentences(seen) is not None or unended(seen):
        return None
    lines = seen.text.count("\n") + 1
    size = len(seen.text) if seen.whole else size_of(seen.path)
    fit = Fit.LIKELY if seen.suffix in _TEXT_FILES else Fit.POSSIBLE
    what = f"running text, about {size:,} characters" + (f" in {lines:,} lines" if seen.whole else "")
    return Proposal(fit, what, [*_encoded(seen), *_running(size, seen.text)])


def _nearly_labelled(seen: Glimpse) -> list[str]:
    """A warning that nearly all files lie in folders that may be labels, with one that does not."""
    inside = [path.relative_to(seen.path).parts for path in seen.files if path.suffix == ".txt"]
    counts = Counter(parts[0] for parts in inside if len(parts) == 2)
    others = [parts for parts in inside if len(parts) != 2 or counts[parts[0]] < _FEW_FILES]
    if sum(count >= _FEW_FILES for count in counts.values()) < 2 or not 0 < len(others) * 10 <= len(inside):
        return []
    return [
        f"folders such as {counts.most_common(1)[0][0]!r} may be labels of the texts in them, but for "
        f"{first_few(['/'.join(parts) for parts in others], 2)}: if so, move that away, and run init again"
    ]


def _running(size: int, sample: str = "") -> list[Line]:
    apart = len(_APART.findall(sample))
    if apart >= 20 and apart > 10 * len(_ATTACHED.findall(sample)):
        why = (
            "signs have spaces before them, as in texts made for models of words; char and subword spell out all words"
        )
        lines = [Line(("data", "unit"), "word", why, guessed=True)]
    else:
        why = "characters need no vocabulary and no spaces between words; subword or word make steps longer"
        lines = [Line(("data", "unit"), "char", why, guessed=True)]
    if size > _LARGE:
        why = f"of about {size:,}: enough to begin with; leave it out to use all"
        lines.append(Line(("data", "characters"), _LARGE, why, guessed=True))
    return [*lines, *to_begin_with(trials=10, epochs=6)]


def _unit(texts: Collection[str]) -> list[Line]:
    """The line for the unit of a step, where the texts speak for another one than subwords."""
    if _unspaced(texts):
        why = "words are not separated by spaces; subword makes fewer, longer steps"
        return [Line(("data", "unit"), "char", why, guessed=True)]
    words = sum(len(text.split()) for text in texts) / len(texts)
    if words <= _SHORT:
        why = f"short texts, {words:.0f} words on average: a word tells more than its pieces, subword"
        return [Line(("data", "unit"), "word", why, guessed=True)]
    return []


def _unspaced(texts: Iterable[str]) -> bool:
    """Whether most letters are of a script that does not separate words by spaces."""
    letters = "".join(texts)
    return 2 * len(_UNSPACED.findall(letters)) > sum(map(str.isalpha, letters))


def _encoded(seen: Glimpse) -> list[Line]:
    """The line for an encoding other than UTF-8."""
    encoding, guessed = seen.encoding or ("utf-8", False)
    if encoding == "utf-8":
        return []
    why = "bytes that are not UTF-8; if letters are wrong, set another encoding" if guessed else "by its NUL bytes"
    return [Line(("data", "encoding"), encoding, why, guessed=guessed)]


def _check_no_texts(seen: Glimpse, table: GlimpsedTable) -> None:
    """Refuse a Parquet file of texts, and say how it is converted."""
    if _text_column(seen, table) is not None:
        raise DataError(
            "texts must be in CSV or JSON lines",
            value="a Parquet file",
            fix="Save it as JSON lines: pandas.read_parquet(path).to_json(out, orient='records', lines=True).",
            where=str(seen.path),
        )


def _in_table(seen: Glimpse, table: GlimpsedTable) -> Proposal | None:
    """A column of texts, and one of labels."""
    text = _text_column(seen, table)
    if text is None:
        return None
    columns = [column for column in table.columns if column is not text.column]
    others = [column for column in columns if column.empty < len(column.cells) or column.lists]
    many, said = many_labels(seen, table, others), seen.said.get("label")
    label = said_column(table, "label", said) if said else label_column(others, table.rows)
    if label is None and many is None:
        if text.guessed:
            return None
        raise DataError(
            f"texts in the column {text.column.name!r} must have a label to learn, in a column with few values",
            value=[column.name for column in table.columns],
            fix="Add one, or name it by --set data.label=COLUMN.",
            where=str(seen.path),
        )
    assert table.form is not None
    if many is not None:
        labels, told, (facts, doubts) = many.columns, many.lines, (many.facts, many.doubts)
    else:
        assert label is not None
        if not label.column.counts:
            fix = "Name another by --set data.label=COLUMN."
            raise DataError(f"the column {label.column.name!r} must hold labels", fix=fix, where=str(seen.path))
        labels, told = [label.column], [Line(("data", "label"), label.column.name, label.why, label.guessed)]
        facts, doubts = balance(label.column.counts, what="texts", whole=seen.whole and table.whole)
    rest = [column for column in others if column not in labels]
    lines = [*_encoded(seen), Line(("data", "text"), text.column.name, text.why, text.guessed), *told]
    lines += [line for line in (group_column(rest, table.rows), split_column(rest)) if line is not None]
    lines += _unit(text.column.counts)
    facts.append(_length(text.column))
    form = {"csv": "a table", "jsonl": "JSON lines"}[table.form]
    taken = [line.value for line in lines]
    if unused := [column.name for column in rest if column.name not in taken]:
        facts.append(f"columns that are not read: {listed(unused)}")
    return Proposal(
        Fit.SURE,
        f"{'labelled texts' if many is None else 'texts with several labels'}, a row each, in {form}",
        [*lines, *_BUDGET],
        facts,
        doubts,
    )


def _text_column(seen: Glimpse, table: GlimpsedTable) -> Chosen | None:
    if name := seen.said.get("text"):
        return said_column(table, "text", name)
    words = [column for column in table.columns if not column.is_number and not column.timed and column.counts]
    named = [column for column in words if column.name.lower() in _TEXTS and column.words > 1]
    if named:
        column = min(named, key=lambda column: _TEXTS.index(column.name.lower()))
        return Chosen(column, f"by its name; {column.words:.0f} words a cell", guessed=False)
    free = [column for column in words if column.words >= _WORDS and len(column.counts) * 2 > len(column.cells)]
    if not free:
        return None
    column = max(free, key=lambda column: column.words)
    only = len(free) == 1
    why = f"{'the only column' if only else 'of several, the column'} with sentences, {column.words:.0f} words a cell"
    return Chosen(column, why + ("" if only else "; set data.text to change that"), guessed=not only)


def _in_lines(seen: Glimpse) -> Proposal | None:
    """`label<TAB>text` or `LABEL:sub text` in every line."""
    assert seen.text is not None
    if tagged_rows(seen):
        return None
    lines = [line for line in seen.text.split("\n")[:_MOST_LINES] if line.strip()]
    if len(lines) < 4 or seen.suffix in (".ts", ".jsonl", ".ndjson", ".json", ".csv"):
        return None
    pairs = [line.split("\t", 1) for line in lines if "\t" in line]
    if len(pairs) == len(lines):
        counts = Counter(label.strip() for label, _ in pairs)
        form, texts = "label<TAB>text", [text for _, text in pairs]
        single = sum(len(text.split()) for text in texts) < 1.5 * len(texts) and not _unspaced(texts)
        if len(counts) > max(2, len(lines) // 2) or single or max(map(len, counts)) > 80 or "" in counts:
            return None
        if all(re.fullmatch(r"[-+.,\deE\t ]+", text.strip()) for text in texts[:100]):
            return None  # numbers: a series, not a text
    elif all(_TREC.fullmatch(line.strip()) for line in lines):
        counts = Counter(line.partition(":")[0] for line in lines)
        if len(counts) > max(2, len(lines) // 2):
            return None
        form, texts = "LABEL:sub text", [line.strip().partition(" ")[2] for line in lines]
    else:
        return None
    proposed = [
        Line(("data", "format"), "lines", f"every line read so far has the form `{form}`"),
        *_encoded(seen),
        *_unit(texts),
    ]
    facts, doubts = balance(counts, what="texts", whole=seen.whole and len(lines) < _MOST_LINES)
    return Proposal(
        Fit.SURE,
        f"labelled texts, a line each, `{form}`",
        [*proposed, *_BUDGET],
        facts,
        doubts,
    )


def _label_folders(seen: Glimpse) -> Proposal | None:
    """A folder of .txt files per label, possibly in folders of splits."""
    inside = [path.relative_to(seen.path).parts for path in seen.files if path.suffix == ".txt"]
    if len(inside) * 2 < len(seen.files):
        return None
    parted = bool(inside) and all(len(parts) == 3 and parts[0].lower() in WORDS for parts in inside)
    labelled = [parts for parts in inside if len(parts) == (3 if parted else 2)]
    counts = Counter(parts[-2] for parts in labelled)
    if len(counts) < 2 or len(labelled) < len(inside) or min(counts.values()) < (1 if parted else _FEW_FILES):
        return None
    facts, doubts = balance(counts, what="texts", whole=seen.whole)
    if parted:
        splits = Counter(WORDS[parts[0].lower()] for parts in labelled)
        facts.append("splits by their folders: " + ", ".join(f"{count} {name}" for name, count in splits.items()))
    why = f"{len(counts)} folders with only .txt files, each named by its label"
    lines = [Line(("data", "format"), "folder", why), *_folder_encoding(seen), *_BUDGET]
    return Proposal(Fit.SURE, "labelled texts, a file each in a folder per label", lines, facts, doubts)


def _folder_encoding(seen: Glimpse) -> list[Line]:
    """The encoding of the first few files that are not UTF-8."""
    for path in [path for path in seen.files if path.suffix == ".txt"][:50]:
        if size_of(path) and (found := _encoded(glimpse(path))):
            return found
    return []


def _length(column: GlimpsedColumn) -> str:
    lengths = sorted(len(cell.split()) for cell in column.cells)
    return f"texts of {lengths[0]} to {lengths[-1]} words, half of them up to {lengths[len(lengths) // 2]}"
