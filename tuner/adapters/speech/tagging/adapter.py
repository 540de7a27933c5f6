"""Speech tagging: recordings are read, split by speaker, and turned into features with a class per step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.base import Demands, Metric, Prepared, Split
from tuner.adapters.classification import write_facts
from tuner.adapters.described import EXAMPLES, Described, facts_of, lengths, numbers
from tuner.adapters.files import content_digest, existing
from tuner.adapters.labelling import TRIVIAL, trivial_scores
from tuner.adapters.learned_options import LEARNED
from tuner.adapters.notices import left_out, such_as
from tuner.adapters.ragged import Ragged, write_ragged
from tuner.adapters.segments import METRICS, segments
from tuner.adapters.speech.features import Item, compute_features
from tuner.adapters.speech.frames import Frames, cepstral_facts, check_speakers, write_steps
from tuner.adapters.speech.options import VARIED
from tuner.adapters.speech.sources import TAGGED
from tuner.adapters.speech.splitting import dealt_recordings
from tuner.adapters.speech.tagging.loudness import NAME, loudness_scores
from tuner.adapters.speech.tagging.options import TaggingOptions
from tuner.adapters.speech.tagging.proposing import propose_tagging
from tuner.adapters.speech.tagging.segments import (
    Found,
    Segment,
    check_within,
    find_tagged,
    step_centers,
    step_labels,
)
from tuner.adapters.splits import SPLITS
from tuner.errors import DataError

if TYPE_CHECKING:
    from tuner.adapters.speech.tagging.codec import TaggingCodec
    from tuner.adapters.speech.tagging.problem import TaggingProblem


class SpeechTagging:
    """Recordings with labelled segments: voice activity, keywords, events."""

    propose = staticmethod(propose_tagging)
    metrics: Sequence[Metric] = METRICS
    defaults = {"bidirectional": True}  # noqa: RUF012 - the contract has a plain attribute; nobody writes to it
    demands = Demands(every_step=True)
    model_files = ("facts.json",)
    model_packages = ("kaldi-native-fbank", "scipy", "soundfile")

    def __init__(self, options: TaggingOptions) -> None:
        self.options = options

    def fingerprint(self) -> str:
        """See `Adapter.fingerprint`."""
        options = self.options
        used = options.used({"path", *LEARNED, *VARIED})
        if options.source is not None:
            files = TAGGED[options.source].load()(options.source).files()
            return content_digest(files, files[0].parent, used)
        path = existing(str(options.path), "path")
        found = find_tagged(path, options)
        files = [*found.lists, *(each.path for each in found.tagged if each.path is not None)]
        return content_digest(files, path if path.is_dir() else path.parent, used)

    def prepare(self, folder: Path) -> Prepared:
        """See `Adapter.prepare`."""
        options = self.options
        items, said, signal, notices = self._items()
        check_speakers(items, options)
        splits, told, _ = dealt_recordings(items, options)
        classes, background = self._classes(splits["train"], said)
        frames = Frames.fitted(options, splits["train"])
        known = {name: number for number, name in enumerate(classes)}
        labels: dict[Split, list[NDArray[np.int64]]] = {}
        for split, part in splits.items():
            steps = write_steps(folder, split, part, frames)
            unseen = sorted({segment.label for item in part for segment in said[item.label]} - known.keys())
            numbered = known | dict.fromkeys(unseen, len(classes))
            numbered.setdefault(options.background, len(classes))
            labels[split] = [self._labels(item, said, numbered) for item in part]
            write_ragged(folder, f"{split}.y", [item.astype(np.int32) + np.int32(1) for item in labels[split]])
            if unseen:
                names = ", ".join(unseen)
                told.append(f"classes of {split} that no training recording has: {names}; they count as wrong")
        spread = cepstral_facts(options, splits["train"])
        sizes = {"inputs": steps[0].shape[1], "background": background}
        write_facts(folder, {"classes": classes, **sizes, **frames.facts, **spread, **signal})
        return Prepared(
            counts={split: len(part) for split, part in splits.items()},
            trivial={
                split: trivial_scores(labels["train"], labels[split], len(classes), background) for split in SPLITS[1:]
            },
            lag=max(1, round(1000 / (options.hop_ms * options.stride))),  # a label shows in about a second around it
            about={
                "name": TRIVIAL,
                "classes": classes,
                "seconds": {
                    split: round(sum(len(item.features) for item in part) * options.hop_ms / 1000, 1)
                    for split, part in splits.items()
                },
                "segments": {split: sum(len(segments(it, background)) for it in its) for split, its in labels.items()},
                "speakers": {split: len({item.speaker for item in part} - {None}) for split, part in splits.items()},
                **signal,
            },
            notices=[*notices, *told, *self._lost(items, said)],
            floors={NAME: loudness_scores(splits, labels, options, len(classes), background)},
        )

    def described(self, folder: Path, prepared: Prepared) -> Described:
        """See `Adapter.described`."""
        items, labels, facts = Ragged(folder, "train.x"), Ragged(folder, "train.y"), facts_of(folder)
        every_N = np.concatenate([labels[at] for at in range(len(labels))]).astype(np.int64)
        count_K = np.bincount(every_N - 1, minlength=len(facts["classes"]))
        shares = ", ".join(
            f"{name} {share:.0%}" for name, share in zip(facts["classes"], count_K / count_K.sum(), strict=True)
        )
        told = f"{prepared.about['segments']['train']} segments in the training split; steps: {shares}"
        hours = ", ".join(f"{seconds / 60:.1f} in {split}" for split, seconds in prepared.about["seconds"].items())
        shown = [numbers(items[at]) for at in range(min(EXAMPLES, len(items)))]
        return Described([told, f"minutes: {hours}", lengths(items.lengths)], shown)

    def problem(self, folder: Path) -> TaggingProblem:
        """See `Adapter.problem`."""
        from tuner.adapters.speech.tagging.problem import TaggingProblem  # imports torch

        return TaggingProblem(folder, self.options)

    def codec(self, folder: Path) -> TaggingCodec:
        """See `Adapter.codec`."""
        from tuner.adapters.speech.tagging.codec import TaggingCodec  # imports torch

        return TaggingCodec(folder, self.options)

    def _items(self) -> tuple[list[Item], dict[str, Sequence[Segment]], dict[str, int], list[str]]:
        """Every recording with a frame, the segments of each by its label, facts about the signal, and notices."""
        options = self.options
        if options.source is not None:
            found = Found(TAGGED[options.source].load()(options.source).read(), [], [])
        else:
            found = find_tagged(existing(str(options.path), "path"), options)
        for each in found.tagged:
            check_within(each)
        computed, signal = compute_features([each.recording for each in found.tagged], options)
        said = [str([segment[:3] for segment in each.segments]) for each in found.tagged]
        items = [item._replace(label=told) for item, told in zip(computed, said, strict=True) if len(item.features)]
        if len(items) < len(SPLITS):
            raise DataError(
                f"there must be at least {len(SPLITS)} recordings that have labels and are as long as a frame",
                value=len(items),
                fix="Add recordings, or lower data.frame_ms.",
                where=computed[0].where,
            )
        missed = such_as("shorter than a frame", [item.where for item in computed if not len(item.features)])
        by_label = {told: each.segments for told, each in zip(said, found.tagged, strict=True)}
        return items, by_label, signal, [*found.notices, *left_out("recordings", missed, of=len(computed))]

    def _steps(self, item: Item) -> int:
        return -(-len(item.features) // self.options.stride)

    def _labels(self, item: Item, said: Mapping[str, Sequence[Segment]], known: Mapping[str, int]) -> NDArray[np.int64]:
        return step_labels(said[item.label], item, self._steps(item), self.options, known)

    def _classes(self, train: Sequence[Item], said: Mapping[str, Sequence[Segment]]) -> tuple[list[str], int]:
        """The classes of the training steps, and the number of the background among them, -1 without any.

        Raises:
            DataError: There are fewer than two.
        """
        background = self.options.background
        names = sorted({segment.label for item in train for segment in said[item.label]} | {background})
        known = {name: number for number, name in enumerate(names)}
        if not any((self._labels(item, said, known) == known[background]).any() for item in train):
            names.remove(background)
        if len(names) < 2:
            raise DataError(
                "the training recordings must have at least two classes, the background among them",
                value=names,
                fix="Check that segments have labels, and that data.background is not the only one.",
                where=train[0].where,
            )
        return names, names.index(background) if background in names else -1

    def _lost(self, items: Sequence[Item], said: Mapping[str, Sequence[Segment]]) -> list[str]:
        """A notice about segments in which no step lies."""
        lost = total = 0
        for item in items:
            center_S = step_centers(self._steps(item), self.options, item.cut)
            for segment in said[item.label]:
                total += 1
                lost += not ((center_S >= segment.start) & (center_S < segment.end)).any()
        reason = f"shorter than a step of {self.options.stride * self.options.hop_ms:g} ms (data.stride), or cut off"
        return left_out("segments", {reason: lost}, of=total)
