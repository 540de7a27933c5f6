"""Speech classification: recordings are read, split by speaker, and turned into standardized features."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tuner.adapters.base import Demands, Metric, Prepared, Split
from tuner.adapters.classification import (
    METRICS,
    check_kept,
    check_labels,
    metrics_of,
    numbered,
    trivial_name,
    trivial_of,
    write_facts,
    write_labels,
)
from tuner.adapters.described import Described, numbers, of_classes
from tuner.adapters.files import content_digest, existing
from tuner.adapters.folds import write_folds
from tuner.adapters.learned_options import LEARNED
from tuner.adapters.notices import left_out, such_as
from tuner.adapters.ragged_problem import lag_of
from tuner.adapters.speech.features import Item, compute_features, read_features
from tuner.adapters.speech.frames import Frames, cepstral_facts, check_speakers, write_steps
from tuner.adapters.speech.options import VARIED, SpeechClassificationOptions
from tuner.adapters.speech.proposing import propose_recordings
from tuner.adapters.speech.recordings import find_recordings, labelled, unread_files
from tuner.adapters.speech.sources import SOURCES
from tuner.adapters.speech.splitting import DealtRecordings, dealt_recordings
from tuner.adapters.splits import unused_split
from tuner.errors import DataError

if TYPE_CHECKING:
    from tuner.adapters.speech.codec import SpeechClassCodec
    from tuner.adapters.speech.problem import SpeechClassificationProblem


class SpeechClassification:
    """Labelled recordings, one label each."""

    propose = staticmethod(propose_recordings)
    metrics: Sequence[Metric] = METRICS
    edition = "\n3"
    """Earlier editions had fewer trivial scores and, before that, split speakers without regard to their labels."""
    defaults = {"pooling": "mean"}  # noqa: RUF012 - the contract has a plain attribute; nobody writes to it
    demands = Demands()
    model_files = ("facts.json",)
    model_packages = ("kaldi-native-fbank", "scipy", "soundfile")

    def __init__(self, options: SpeechClassificationOptions) -> None:
        self.options = options
        self.metrics = metrics_of(options)

    def fingerprint(self) -> str:
        """See `Adapter.fingerprint`."""
        options = self.options
        used = options.used({"path", *LEARNED, *VARIED})
        if options.source is not None:
            files = SOURCES[options.source].load()(options.source).files()
            return content_digest(files, files[0].parent, used)
        path = self._path()
        files = [] if path.is_dir() else [path]
        if not options.features:
            found = find_recordings(path, options.pattern, options.group, options.split)
            files += [recording.path for recording in found]
        return content_digest(files, path if path.is_dir() else path.parent, used)

    def prepare(self, folder: Path) -> Prepared:
        """See `Adapter.prepare`."""
        items, facts, unlabelled = self._items()
        kept = [item for item in items if len(item.features)]
        short = [item.where for item in items if not len(item.features)]
        if not kept:
            raise DataError(
                "at least one recording must be as long as a frame",
                fix="Lower data.frame_ms, or bring longer recordings.",
                where=items[0].where,
            )
        check_kept([item.label for item in items], [item.label for item in kept], [item.where for item in items],
                   "shorter than a frame", "Lower data.frame_ms, or bring longer recordings.")  # fmt: skip
        check_speakers(kept, self.options)
        splits, told, fold_N = self._split(kept)
        write_folds(folder, fold_N)
        classes = sorted({item.label for item in splits["train"]})
        frames = Frames.fitted(self.options, splits["train"])
        labels, lengths = {}, {}
        for split, its in splits.items():
            labels[split] = numbered((item.label for item in its), classes)
            steps = write_steps(folder, split, its, frames)
            lengths[split] = [len(item) for item in steps]
            write_labels(folder, split, labels[split].tolist())
        channels = kept[0].features.shape[1]
        sizes = {"channels": channels, "inputs": steps[0].shape[1]}
        spread = cepstral_facts(self.options, splits["train"])
        write_facts(folder, {"classes": classes, **sizes, **frames.facts, **spread, **facts})
        return Prepared(
            counts={split: len(its) for split, its in splits.items()},
            trivial=trivial_of(labels, classes, self.options, fold_N),
            lag=lag_of(np.asarray(lengths["train"])),
            about={
                "name": trivial_name(labels["train"], classes, self.options),
                "classes": classes,
                "channels": channels,
                "speakers": _speakers(splits),
                **facts,
                "dropped": {"shorter than a frame": len(short)} if short else {},
            },
            notices=[
                *self._unread(),
                *unlabelled,
                *left_out("recordings", such_as("shorter than a frame", short), of=len(items)),
                *told,
            ],
        )

    def described(self, folder: Path, prepared: Prepared) -> Described:  # noqa: ARG002 - the contract's
        """See `Adapter.described`."""
        return of_classes(folder, numbers)

    def problem(self, folder: Path) -> SpeechClassificationProblem:
        """See `Adapter.problem`."""
        from tuner.adapters.speech.problem import SpeechClassificationProblem  # imports torch

        return SpeechClassificationProblem(folder, self.options)

    def codec(self, folder: Path) -> SpeechClassCodec:
        """See `Adapter.codec`."""
        from tuner.adapters.speech.codec import SpeechClassCodec  # imports torch

        return SpeechClassCodec(folder, self.options)

    def _path(self) -> Path:
        assert self.options.path is not None
        return existing(self.options.path, "path")

    def _items(self) -> tuple[list[Item], dict[str, int], list[str]]:
        """Every item with a label, facts about the signal if there is one, and notices about the others."""
        options = self.options
        found: Any
        told: list[str] = []
        if options.source is not None:
            found = SOURCES[options.source].load()(options.source).read()
        elif options.features:
            found, told = labelled(read_features(self._path(), options.group, options.split))
        else:
            found, told = labelled(find_recordings(self._path(), options.pattern, options.group, options.split))
        items, facts = (found, {}) if options.features else compute_features(found, options, options.speeds)
        return items, facts, told

    def _unread(self) -> list[str]:
        """Notices about other files among the recordings, and about given splits that are not used."""
        if self.options.source is not None or self.options.features:
            return []
        path = self._path()
        return [*unread_files(path), *(unused_split(path) if self.options.split is None else ())]

    def _split(self, items: Sequence[Item]) -> DealtRecordings:
        """The items by split, each class in all of them."""
        options, labels = self.options, [item.label for item in items]
        places = [item.where for item in items]
        check_labels(labels, places, num_splits=1 if options.split or options.val_groups or options.test_groups else 3)
        return dealt_recordings(items, options, labels, options.folds)


def _speakers(splits: dict[Split, list[Item]]) -> dict[Split, int]:
    return {split: len({item.speaker for item in items} - {None}) for split, items in splits.items()}
