"""What the tagging adapter proposes for a user's files (`init`)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from tuner.adapters.glimpse import Glimpse, glimpse
from tuner.adapters.nlp.tagging.files import is_pair, split_of, tagged_files, tags_beside
from tuner.adapters.nlp.tagging.options import Format
from tuner.adapters.nlp.tagging.reading import CONLLU
from tuner.adapters.nlp.tagging.schemes import entities, is_scheme, scheme_of
from tuner.adapters.proposal import Fit, Line, Proposal, to_begin_with
from tuner.adapters.table import form_of, json_object
from tuner.errors import DataError

_WORDS = ("tokens", "words", "token", "word", "text_tokens")
_TAGS = ("tags", "ner_tags", "labels", "slots", "ner", "pos_tags", "upos", "pos", "slot_tags", "token_labels")
"""Keys of JSON lines, the clearest first."""
_TAG_COLUMNS = ("tag", "ner_tag", "entity", "label", *_TAGS)
"""Columns of a table with a word a row, the clearest first."""
_MOST_LINES = 20_000
_MOST_SHARE = 0.1
"""Largest number of different plain tags, as a share of the words."""
_UNENDED = 100
"""Words from which tagged ones are expected to be in several sentences."""
_SENTENCE = re.compile(r"sent(ence)?s?([ _.#-].*)?")
_MOST_OF_A_NAME = 2.5
"""Words per cell of a column that numbers sentences: "Sentence: 17"."""
_PLAIN = re.compile(r"[\w #./-]+")
_CONVERTED = (
    """python -c "import pandas as p; """
    """d=p.read_csv('{path}',sep='{separator}',keep_default_na=False,encoding='{encoding}'); """
    """d.groupby(d['{sentence}'].replace('',None).ffill(),sort=False)[['{word}','{tags}']].agg(list)"""
    """.set_axis(['tokens','tags'],axis=1).to_json('{made}',orient='records',lines=True)\""""
)
_ID = re.compile(r"\d+([-.]\d+)?")
_SCHEMES = {
    "bio": "entities: B begins one, I continues it",
    "bioes": "entities: with E at their ends, and S for single words",
    "iob1": "entities: I also begins one, B only after another of its type",
    "plain": "an independent tag for each word, no entities",
}


class Seen(NamedTuple):
    """Tagged sentences at the beginning of a file."""

    form: Format
    sentences: list[tuple[list[str], list[str]]]
    lines: list[Line]
    """Which columns or keys they are in."""


def propose_tagging(seen: Glimpse) -> Proposal | None:
    """Words with a tag each: CoNLL-U, columns, JSON lines, a pair of files, or a folder of them."""
    facts = []
    looked = seen
    if seen.is_folder:
        files = [file for file in tagged_files(seen.path) if not file.name.lower().endswith(".seq.out")]
        if not files or len(tagged_files(seen.path)) * 2 < len(seen.files):
            return None
        named = {file.name: split_of(file) for file in files}
        if any(named.values()) and None in named.values():
            return None
        looked = glimpse(next((file for file in files if named[file.name] == "train"), files[0]))
        if any(named.values()):
            facts = ["splits by the files' names: " + ", ".join(f"{name} {split}" for name, split in named.items())]
    found = tagged_sentences(looked)
    if found is None:
        _check_sentences(looked)
        return None
    tags = [sentence_tags for _, sentence_tags in found.sentences]
    scheme = scheme_of(tags)
    lines = [Line(("data", "scheme"), scheme, _SCHEMES[scheme], guessed=not looked.whole and scheme != "plain")]
    if _by_name(looked) != found.form:
        lines.insert(0, Line(("data", "format"), found.form, "by its lines, not its name"))
    sentences = len(found.sentences)
    facts += [f"{sum(map(len, tags)):,} words in {sentences:,} sentences" + ("" if looked.whole else ", and more")]
    counts = Counter(entity.type for each in tags for entity in entities(each)) if scheme != "plain" else None
    counts = counts or Counter(tag for each in tags for tag in each)
    what = "tags" if scheme == "plain" else "kinds of entities"
    most = ", ".join(f"{name} {count:,}" for name, count in counts.most_common(8))
    facts.append(f"{len(counts)} {what}: {most}" + (", ..." if len(counts) > 8 else ""))
    doubts = []
    if sentences < 100 and looked.whole:
        doubts.append(f"{sentences} sentences are few: scores will depend on single ones.")
    encoding, guessed = looked.encoding or ("utf-8", False)
    if encoding != "utf-8":
        why = "bytes that are not UTF-8; if letters are wrong, set another encoding"
        lines.append(Line(("data", "encoding"), encoding, why, guessed=guessed))
    taken_for = f"sentences with a tag per word, {_FORMS[found.form]}"
    lines += found.lines
    if scheme != "plain":
        why = "tags independently, or jointly per sentence"
        lines.append(Line(("space", "data.decoder"), ["softmax", "crf"], why))
    return Proposal(Fit.SURE, taken_for, [*lines, *to_begin_with(trials=20, epochs=15)], facts, doubts)


_FORMS = {
    "conllu": "in CoNLL-U",
    "columns": "a word a line",
    "jsonl": "in JSON lines",
    "pairs": "in one file, and their tags in another",
}


def _check_sentences(seen: Glimpse) -> None:
    """Refuse words with tags that do not say where a sentence ends, or say so in a table.

    Raises:
        DataError: The file holds such words; its fix says how they are written.
    """
    if unended(seen):
        fix = "Write an empty line after the last word of each sentence."
        raise DataError("words with tags must be in several sentences", value="one", fix=fix, where=str(seen.path))
    if not (names := tagged_rows(seen)):
        return
    assert seen.table is not None
    fix = "Write a word a line, tags behind a tab, and an empty line after each sentence."
    if all(_PLAIN.fullmatch(name) for name in (*names, str(seen.path))):
        sentence, word, tags = names
        command = _CONVERTED.format(
            path=seen.path,
            separator={"\t": "\\t"}.get(seen.table.dialect.separator, seen.table.dialect.separator),
            encoding=(seen.encoding or ("utf-8", False))[0],
            sentence=sentence,
            word=word,
            tags=tags,
            made=seen.path.with_suffix(".jsonl"),
        )
        fix = f"Write a sentence a line: {command}"
    raise DataError("tagged words must not be in a table", value="a word a row", fix=fix, where=str(seen.path))


def unended(seen: Glimpse) -> bool:
    """Whether a file holds words with tags of entities, a word a line, but no empty line that ends a sentence."""
    if seen.is_folder or seen.text is None or seen.suffix in (".csv", ".ts", ".tsv", ".jsonl", ".ndjson", ".json"):
        return False
    rows = [line.split() for line in seen.text.strip().split("\n")[:_MOST_LINES]]
    if len(rows) < _UNENDED or len(rows[0]) < 2 or any(len(row) != len(rows[0]) for row in rows):
        return False
    return is_scheme(row[-1] for row in rows)


def tagged_rows(seen: Glimpse) -> tuple[str, str, str] | tuple[()]:
    """The columns of sentence, word and tag in a table with a word a row; () if it is none."""
    table = seen.table
    if table is None or table.form != "csv" or not table.headed:
        return ()
    names = {column.name.lower(): column for column in table.columns}
    word = next((names[name] for name in _WORDS if name in names), None)
    tags = next((names[name] for name in _TAG_COLUMNS if name in names), None)
    sentence = next((column for name, column in names.items() if _SENTENCE.fullmatch(name)), None)
    if word is None or tags is None or sentence is None or word.words > 1.5 or sentence.words > _MOST_OF_A_NAME:
        return ()
    return sentence.name, word.name, tags.name


def tagged_sentences(seen: Glimpse) -> Seen | None:
    """The tagged sentences at the beginning of a file; None if there are none."""
    if seen.is_folder or seen.text is None:
        return None
    if is_pair(seen.path):
        return _pair(seen)
    if form_of(seen.path) == "jsonl":
        return _json(seen)
    return _conllu(seen.text) or _columns(seen)


def _by_name(seen: Glimpse) -> Format:
    if is_pair(seen.path):
        return "pairs"
    if seen.suffix in (".conllu", ".conllup"):
        return "conllu"
    return "jsonl" if form_of(seen.path) == "jsonl" else "columns"


def _blocks(text: str, width: int, tab: str | None) -> list[list[list[str]]] | None:
    """The cells of each sentence; None if the number of columns varies, or no sentence ends."""
    blocks: list[list[list[str]]] = [[]]
    lines = text.split("\n")[:_MOST_LINES]
    for line in (line.rstrip("\r") for line in lines):
        if not line.strip():
            blocks += [[]] if blocks[-1] else []
            continue
        cells = line.split(tab)
        if len(cells) != width and line.startswith("#"):
            continue
        if len(cells) != width:
            return None
        if not line.startswith("-DOCSTART-"):
            blocks[-1].append(cells)
    blocks = [block for block in blocks if block]
    return blocks if len(blocks) > 1 else None


def _conllu(text: str) -> Seen | None:
    blocks = _blocks(text, len(CONLLU), "\t")
    if blocks is None or not all(_ID.fullmatch(row[0]) for block in blocks for row in block):
        return None
    blocks = [[row for row in block if row[0].isdigit()] for block in blocks]
    there = [name for place, name in enumerate(CONLLU) if any(row[place] != "_" for block in blocks for row in block)]
    tags = next((name for name in ("upos", "xpos", "deprel", "misc") if name in there), None)
    if tags is None:
        return None
    others = [name for name in ("xpos", "feats", "deprel", "misc") if name in there and name != tags]
    why = "the first column of tags that is filled" + (f"; others are {', '.join(others)}" if others else "")
    place = CONLLU.index(tags)
    sentences = [([row[1] for row in block], [row[place] for row in block]) for block in blocks]
    return Seen("conllu", sentences, [Line(("data", "tags"), tags, why, guessed=bool(others))])


def _columns(seen: Glimpse) -> Seen | None:
    assert seen.text is not None
    if seen.suffix in (".csv", ".ts"):
        return None
    lines = [line for line in seen.text.split("\n")[:_MOST_LINES] if line.strip()]
    lines = [line for line in lines if not line.startswith(("# ", "-DOCSTART-"))]
    tab = "\t" if lines and "\t" in lines[0] else None
    width = len(lines[0].rstrip("\r").split(tab)) if lines else 0
    if width < 2:
        return None
    blocks = _blocks(seen.text, width, tab)
    if blocks is None:
        return None
    sentences = [([row[0] for row in block], [row[-1] for row in block]) for block in blocks]
    if not _look_tagged(sentences):
        return None
    more = [] if width == 2 else [Line(("data", "tags"), "-1", f"the last of {width} columns", guessed=True)]
    return Seen("columns", sentences, more)


def _look_tagged(sentences: Sequence[tuple[list[str], list[str]]]) -> bool:
    """Whether the last cells of lines are tags: of entities, or few different ones, no numbers, for many words."""
    tags = Counter(tag for _, tags in sentences for tag in tags)
    words = Counter(word for words, _ in sentences for word in words)
    if is_scheme(tags):
        return True
    few = 2 <= len(tags) <= max(2, _MOST_SHARE * tags.total()) and len(words) > len(tags)
    return few and not any(re.fullmatch(r"[-+.,\d]+(e[-+]?\d+)?", tag) for tag in tags if tag not in ".,-")


def _json(seen: Glimpse) -> Seen | None:
    rows = []
    assert seen.text is not None
    for line in seen.text.split("\n")[:_MOST_LINES]:
        if not line.strip():
            continue
        try:
            rows.append(json_object(line, ""))
        except DataError:
            return None
    if not rows:
        return None
    lists = [key for key in rows[0] if all(isinstance(row.get(key), list) for row in rows)]
    texts = [key for key in lists if all(isinstance(each, str) for row in rows for each in row[key])]
    words = next((key for key in _WORDS if key in texts), None)
    if words is None:
        return None
    fitting = [key for key in lists if key != words and all(len(row[key]) == len(row[words]) for row in rows)]
    fitting = sorted(fitting, key=lambda key: _TAGS.index(key) if key in _TAGS else len(_TAGS))
    if not fitting:
        return None
    tags, others = fitting[0], fitting[1:]
    why = "a list as long as that of the words" + (f"; others are {', '.join(others)}" if others else "")
    sentences = [(row[words], [str(tag) for tag in row[tags]]) for row in rows]
    said = [
        Line(("data", "words"), words, "a list of texts, by its name"),
        Line(("data", "tags"), tags, why, guessed=bool(others)),
    ]
    return Seen("jsonl", [pair for pair in sentences if pair[0]], said)


def _pair(seen: Glimpse) -> Seen | None:
    beside = tags_beside(seen.path)
    if not beside.is_file() or seen.text is None:
        return None
    text = glimpse(beside).text
    if text is None:
        return None
    pairs = [(one.split(), other.split()) for one, other in zip(seen.text.split("\n"), text.split("\n"), strict=False)]
    pairs = [(words, tags) for words, tags in pairs if words]
    return Seen("pairs", pairs, []) if all(len(words) == len(tags) for words, tags in pairs) else None
