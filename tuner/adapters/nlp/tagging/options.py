"""The options of `nlp/tagging`. Free of torch, numpy and pandas: the catalog imports it."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from tuner.adapters.files import Encoding, check_left_out, check_origin, check_shares
from tuner.adapters.learned_options import SymbolOptions
from tuner.adapters.nlp.sources import TAGGED
from tuner.adapters.nlp.word_options import WordOptions

Scheme = Literal["plain", "bio", "bioes", "iob1"]
Format = Literal["conllu", "columns", "jsonl", "pairs"]
Decoder = Literal["softmax", "crf"]


class TaggingOptions(SymbolOptions, WordOptions):
    """Tagged sentences: where they are, what their tags mean, and how words become numbers."""

    source: str | None = None
    """Name of a ready source, such as turkish-treebanks/web; null when `path` is given."""
    path: str | None = None
    """File with tagged sentences, or a folder of such files; null when `source` is given. Files whose names contain
    train, val (valid, dev) or test are those splits."""
    val_path: str | None = None
    """File with the validation sentences; null: those of the folder, else a share `val` of the sentences."""
    test_path: str | None = None
    """File with the test sentences; null: those of the folder, else a share `test` of the sentences."""
    format: Literal["auto"] | Format = "auto"
    """conllu: ten columns separated by tabs, or those that `# global.columns` names. columns: one token per line,
    separated by tabs or blanks, as in CoNLL-2003. jsonl: one object per line. pairs: X.seq.in and X.seq.out, one
    sentence per line, separated by blanks. In conllu and columns a blank line ends a sentence. auto: by extension."""
    encoding: Encoding = "utf-8"
    """Encoding of the files, such as cp1252; a byte-order mark at their beginning overrides it."""
    words: str | None = None
    """Column or key of the words: the name of a column (conllu), its number from 1 or from the end as -1 (columns), or
    a key (jsonl). Null: form, 1, tokens."""
    tags: str | None = None
    """Column or key of the tags, in the same form as `words`. Null: upos, -1, tags."""
    scheme: Literal["auto"] | Scheme = "auto"
    """Tagging scheme. plain: each word has its own tag, such as a part of speech. bio, bioes, iob1: entities, such as
    B-city I-city; BILOU is read as bioes. auto: recognized from the tags."""
    learned_scheme: Literal["bio", "bioes"] = "bio"
    """Scheme in which the network learns entities. Searchable as data.learned_scheme."""
    val: float = Field(default=0.1, gt=0, lt=1)
    """Share of the sentences used for validation, in (0, 1)."""
    test: float = Field(default=0.1, gt=0, lt=1)
    """Share of the sentences used for the test, in (0, 1)."""
    split_seed: int = Field(default=0, ge=0)
    """Seed of the split, >= 0."""
    vocabulary: int = Field(default=30_000, ge=2, le=1_000_000)
    """Largest number of lowercased words, in [2, 1000000]; rarer ones are unknown. Searchable as data.vocabulary."""
    embedding_size: int = Field(default=100, ge=1, le=4096)
    """Features of a word's embedding, in [1, 4096]; 100 after Lample et al. 2016. Searchable as data.embedding_size."""
    decoder: Decoder = "softmax"
    """How tags are chosen: softmax, each separately, or crf, those of a sentence jointly (Lafferty et al. 2001; Lample
    et al. 2016). Tags of entities are always a valid sequence of the scheme. Searchable as data.decoder."""

    intent: str | None = None
    """Location of the intent, a label of the whole sentence that is learned together with the tags: the extension of a
    file beside X.seq.in, as label for X.label (pairs); a key (jsonl); the name of a comment before the sentence, as
    intent for `# intent = flight` (conllu, columns). Null: no intent."""
    intent_weight: float = Field(default=1.0, gt=0, le=100)
    """Weight of the intent's loss (nats per sentence) in the training loss, where that of the tags has weight 1, in
    (0, 100]. Searchable as data.intent_weight."""

    later: ClassVar[tuple[str, ...]] = ("intent", "vectors")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        check_origin(self.source, self.path, TAGGED)
        if self.source is not None:
            own = ("val_path", "test_path", "format", "encoding", "words", "tags", "scheme", "intent")
            check_left_out(self, own, when="with a ready source", fix="It applies to files of data.path.")
        if self.intent is None:
            check_left_out(self, ("intent_weight",), when="without data.intent", fix="No intent is learned.")
        for name in ("val", "test"):
            if getattr(self, f"{name}_path") is not None:
                check_left_out(self, (name,), when=f"with {name}_path", fix="That file has all of its sentences.")
        if self.scheme == "plain":
            fix = "Plain tags are learned unchanged."
            check_left_out(self, ("learned_scheme",), when="with scheme plain", fix=fix)
        if self.decoder == "crf":
            fix = "It applies to tags that are predicted independently."
            check_left_out(self, ("label_smoothing",), when="with decoder crf", fix=fix)
        check_shares(self.val, self.test)
        return self


LEARNED = ("embedding_size", "decoder", "intent_weight")
"""Options that preparation does not use, beside those of words and of `learned_options`."""
