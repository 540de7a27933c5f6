"""The adapters and their ready sources, by name. Free of torch, numpy and pandas; nothing here reads data."""

from __future__ import annotations

from collections.abc import Mapping

from tuner.adapters.memory.options import ProbeOptions
from tuner.adapters.nlp.options import LanguageModellingOptions
from tuner.adapters.nlp.sources import CORPORA, TAGGED
from tuner.adapters.nlp.sources import SOURCES as TEXT_SOURCES
from tuner.adapters.nlp.tagging.options import TaggingOptions
from tuner.adapters.nlp.text_options import TextClassificationOptions, TextRegressionOptions
from tuner.adapters.speech.options import SpeechClassificationOptions
from tuner.adapters.speech.recognition.options import RecognitionOptions
from tuner.adapters.speech.sources import SOURCES as SPEECH_SOURCES
from tuner.adapters.speech.sources import TAGGED as TAGGED_RECORDINGS
from tuner.adapters.speech.sources import TRANSCRIBED
from tuner.adapters.speech.tagging.options import TaggingOptions as SpeechTaggingOptions
from tuner.adapters.time_series.item_options import ClassificationOptions, LabellingOptions, RegressionOptions
from tuner.adapters.time_series.options import ForecastingOptions
from tuner.adapters.time_series.sources import (
    CLASSIFICATION_SOURCES,
    FORECASTING_SOURCES,
    LABELLING_SOURCES,
    REGRESSION_SOURCES,
)
from tuner.registry import Catalog, Entry

ADAPTERS = Catalog(
    "adapter",
    {
        "memory/probe": Entry(
            "tuner.adapters.memory.probe:MemoryProbe",
            "synthetic tasks that need long memory: adding, copy, delayed recall, digits pixel by pixel",
            "Hochreiter & Schmidhuber 1997; Bai et al. 2018, arXiv:1803.01271",
            ProbeOptions,
        ),
        "nlp/classification": Entry(
            "tuner.adapters.nlp.classification:TextClassification",
            "labelled texts to classes, through subwords",
            "byte-pair encoding, Sennrich et al. 2016, arXiv:1508.07909",
            TextClassificationOptions,
        ),
        "nlp/language_modelling": Entry(
            "tuner.adapters.nlp.language_modelling:LanguageModelling",
            "a running text to its next character, subword or word",
            "Mikolov et al. 2010, Recurrent neural network based language model, Interspeech",
            LanguageModellingOptions,
        ),
        "nlp/regression": Entry(
            "tuner.adapters.nlp.regression:TextRegression",
            "texts, or pairs of texts, to a number, through subwords",
            "byte-pair encoding, Sennrich et al. 2016, arXiv:1508.07909",
            TextRegressionOptions,
        ),
        "nlp/tagging": Entry(
            "tuner.adapters.nlp.tagging.adapter:Tagging",
            "sentences to a tag per word: entities, parts of speech",
            "Lample et al. 2016, Neural architectures for named entity recognition, arXiv:1603.01360",
            TaggingOptions,
        ),
        "speech/classification": Entry(
            "tuner.adapters.speech.classification:SpeechClassification",
            "labelled recordings to classes, through log-mel features",
            "features of Kaldi, Povey et al. 2011, IEEE ASRU",
            SpeechClassificationOptions,
        ),
        "speech/recognition": Entry(
            "tuner.adapters.speech.recognition.adapter:Recognition",
            "recordings to their transcripts, by CTC over log-mel features",
            "Graves et al. 2006, Connectionist temporal classification, ICML",
            RecognitionOptions,
        ),
        "speech/tagging": Entry(
            "tuner.adapters.speech.tagging.adapter:SpeechTagging",
            "recordings to a class for every stretch of time: voice activity, keywords, events",
            "segmentation, Lea et al. 2017, arXiv:1611.05267; features of Kaldi, Povey et al. 2011, IEEE ASRU",
            SpeechTaggingOptions,
        ),
        "time_series/classification": Entry(
            "tuner.adapters.time_series.classification:SeriesClassification",
            "labelled sequences of numbers to classes",
            "ours",
            ClassificationOptions,
        ),
        "time_series/forecasting": Entry(
            "tuner.adapters.time_series.forecasting:Forecasting",
            "forecasts of the next steps of time series, all at once",
            "direct multi-step forecasts, Ben Taieb et al. 2012, arXiv:1108.3259",
            ForecastingOptions,
        ),
        "time_series/labelling": Entry(
            "tuner.adapters.time_series.labelling:SeriesLabelling",
            "sequences of numbers to a class per step: events, activities, faults",
            "segmentation of actions, Lea et al. 2017, arXiv:1611.05267",
            LabellingOptions,
        ),
        "time_series/regression": Entry(
            "tuner.adapters.time_series.regression:SeriesRegression",
            "sequences of numbers to one or several numbers: a score, a remaining life",
            "time series extrinsic regression, Tan et al. 2021, doi:10.1007/s10618-021-00745-9",
            RegressionOptions,
        ),
    },
    entry_point="tuner.adapters",
)

SOURCES: Mapping[str, Catalog] = {
    "nlp/classification": TEXT_SOURCES,
    "nlp/language_modelling": CORPORA,
    "nlp/tagging": TAGGED,
    "speech/classification": SPEECH_SOURCES,
    "speech/recognition": TRANSCRIBED,
    "speech/tagging": TAGGED_RECORDINGS,
    "time_series/classification": CLASSIFICATION_SOURCES,
    "time_series/forecasting": FORECASTING_SOURCES,
    "time_series/labelling": LABELLING_SOURCES,
    "time_series/regression": REGRESSION_SOURCES,
}
"""Ready sources of each adapter: the values of `data.source`. An entry's target is called with the
source's name; it has `files()`, the files that the data depend on, and `read()`, the data."""
