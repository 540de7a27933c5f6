"""Speech recognition: recordings are read, split by speaker, and turned into features and units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tuner.adapters.base import Demands, Metric, Prepared, Split
from tuner.adapters.classification import write_facts
from tuner.adapters.described import EXAMPLES, Described, facts_of, lengths, symbols
from tuner.adapters.files import content_digest, existing, read_text
from tuner.adapters.notices import left_out, such_as
from tuner.adapters.ragged import Ragged, write_ragged
from tuner.adapters.speech.features import Item, compute_features
from tuner.adapters.speech.frames import Frames, cepstral_facts, check_speakers, write_steps
from tuner.adapters.speech.options import VARIED
from tuner.adapters.speech.recognition.arpa import LANGUAGE, NGrams
from tuner.adapters.speech.recognition.options import LEARNED, RecognitionOptions, UnitKind
from tuner.adapters.speech.recognition.proposing import propose_recognition
from tuner.adapters.speech.recognition.reading import Found, find_transcribed
from tuner.adapters.speech.recognition.scoring import Spoken, constant_answer, metrics_of, trivial_scores
from tuner.adapters.speech.recognition.units import Splitter, Units, learned, needed, normalized, spelled, splitter
from tuner.adapters.speech.sources import TRANSCRIBED
from tuner.adapters.speech.splitting import dealt_recordings
from tuner.adapters.splits import SPLITS
from tuner.errors import DataError

if TYPE_CHECKING:
    from tuner.adapters.speech.recognition.codec import RecognitionCodec
    from tuner.adapters.speech.recognition.problem import RecognitionProblem


class Recognition:
    """Recordings with a transcript each."""

    propose = staticmethod(propose_recognition)
    metrics: Sequence[Metric] = metrics_of("characters")
    defaults = {"bidirectional": True}  # noqa: RUF012 - the contract has a plain attribute; nobody writes to it
    demands = Demands(every_step=True, whole=True)
    model_files = ("facts.json", LANGUAGE)
    model_packages = ("kaldi-native-fbank", "scipy", "soundfile")

    def __init__(self, options: RecognitionOptions) -> None:
        self.options = options
        self.metrics = metrics_of(options.units)

    def fingerprint(self) -> str:
        """See `Adapter.fingerprint`."""
        options = self.options
        used = options.used({"path", "language_model_path", *VARIED, *LEARNED})
        language = self._language()
        if language is not None:
            used["language"] = content_digest([language], language.parent, {})
        if options.source is not None:
            files = TRANSCRIBED[options.source].load()(options.source).files()
            return content_digest(files, files[0].parent, used)
        path = existing(str(options.path), "path")
        found = find_transcribed(path, options)
        files = [*found.lists, *(recording.path for recording in found.recordings)]
        return content_digest(files, path if path.is_dir() else path.parent, used)

    def prepare(self, folder: Path) -> Prepared:
        """See `Adapter.prepare`."""
        options = self.options
        items, signal, notices = self._items()
        items, left = _with_words(items)
        check_speakers(items, options)
        splits, told, _ = dealt_recordings(items, options)
        split_units = splitter(options, [item.label for item in splits["train"]])
        splits["train"], too_long = self._long_enough(splits, split_units)
        names = learned((split_units(item.label) for item in splits["train"]), options.units, items[0].where)
        units, unseen = _with_unseen(splits, names, split_units, options.units)
        frames = Frames.fitted(options, splits["train"])
        spoken = {}
        for split, part in splits.items():
            steps = write_steps(folder, split, part, frames)
            numbers = [units.numbers(split_units(item.label)) for item in part]
            write_ragged(folder, f"{split}.y", numbers)  # 0 is padding
            spoken[split] = Spoken([item.label for item in part], numbers, [len(x) for x in steps], len(names))
        (folder / LANGUAGE).write_text(self._checked_language(), encoding="utf-8")
        lag = max(1, round(1000 / (options.hop_ms * options.stride)))  # a unit and its neighbours take about a second
        spread = cepstral_facts(options, splits["train"])
        sizes = {"lag": lag, "inputs": steps[0].shape[1]}
        write_facts(folder, {"units": names, "unseen": units.unseen, **sizes, **frames.facts, **spread, **signal})
        answer = constant_answer(spoken["train"], options.units)
        return Prepared(
            counts={split: len(part) for split, part in splits.items()},
            trivial=trivial_scores(spoken, options.units, len(names)),
            lag=lag,
            about={
                "name": f"always {answer!r}" if answer else "always nothing",
                "units": len(names),
                "seconds": {split: round(self._seconds(part), 1) for split, part in splits.items()},
                "speakers": {split: len({item.speaker for item in part} - {None}) for split, part in splits.items()},
                **signal,
            },
            notices=[*notices, *left, *told, *too_long, *unseen],
        )

    def described(self, folder: Path, prepared: Prepared) -> Described:
        """See `Adapter.described`."""
        facts, x, y = facts_of(folder), Ragged(folder, "train.x"), Ragged(folder, "train.y")
        kind = self.options.units
        units = Units(kind, facts["units"], facts["unseen"])
        examples = [f"{units.text(y[item].tolist())} ({len(x[item]):,} steps)" for item in range(min(EXAMPLES, len(x)))]
        hours = ", ".join(f"{seconds / 60:.1f} in {split}" for split, seconds in prepared.about["seconds"].items())
        return Described(
            [
                f"units: {symbols([spelled(name, kind) for name in facts['units']], kind)}",
                f"minutes: {hours}",
                lengths(x.lengths),
            ],
            [symbols(list(example), "characters") if len(example) > 300 else example for example in examples],
        )

    def problem(self, folder: Path) -> RecognitionProblem:
        """See `Adapter.problem`."""
        from tuner.adapters.speech.recognition.problem import RecognitionProblem  # imports torch

        return RecognitionProblem(folder, self.options)

    def codec(self, folder: Path) -> RecognitionCodec:
        """See `Adapter.codec`."""
        from tuner.adapters.speech.recognition.codec import RecognitionCodec  # imports torch

        return RecognitionCodec(folder, self.options)

    def _items(self) -> tuple[list[Item], dict[str, int], list[str]]:
        """Every recording with its normalized transcript, facts about the signal, and notices."""
        options = self.options
        if options.source is not None:
            found = Found(TRANSCRIBED[options.source].load()(options.source).read(), [], [])
        else:
            found = find_transcribed(existing(str(options.path), "path"), options)
        items, signal = compute_features(found.recordings, options, options.speeds)
        return [item._replace(label=normalized(item.label, options)) for item in items], signal, found.notices

    def _language(self) -> Path | None:
        path = self.options.language_model_path
        return None if path is None else existing(path, "language_model_path", folder=False)

    def _checked_language(self) -> str:
        """The content of the language model's file; empty without one.

        Raises:
            DataError: It cannot be read, or is damaged.
        """
        path = self._language()
        if path is None:
            return ""
        text = read_text(path)
        text = text.lower() if self.options.lower_case else text
        NGrams(text, str(path))
        return text

    def _long_enough(
        self, splits: Mapping[Split, Sequence[Item]], split_units: Splitter
    ) -> tuple[list[Item], list[str]]:
        """The training recordings with enough steps for their transcript, and notices about all others.

        Raises:
            DataError: There is none.
        """
        least = {split: [needed(split_units(item.label)) for item in part] for split, part in splits.items()}
        fits = {
            split: [count <= self._steps(item) for item, count in zip(part, least[split], strict=True)]
            for split, part in splits.items()
        }
        kept = [item for item, fit in zip(splits["train"], fits["train"], strict=True) if fit]
        if not kept:
            raise DataError(
                "at least one training recording must have as many steps as its transcript has units, and one more "
                "between equal neighbours",
                value=f"{self._steps(splits['train'][0])} steps for {splits['train'][0].label!r}",
                fix="Lower data.stride or data.hop_ms, or check that transcripts belong to their recordings.",
                where=splits["train"][0].where,
            )
        told = []
        for split, part in splits.items():
            short = [place for place, fit in enumerate(fits[split]) if not fit]
            if short:
                first, done = part[short[0]], "left out" if split == "train" else f"scored, but not in {split}/loss"
                steps = f"{self._steps(first)}, and {least[split][short[0]]} needed"
                told.append(
                    f"{len(short)} of {len(part)} {split} recordings have too few steps for their transcript, such as "
                    f"{first.where} ({steps}), and are {done}; a lower data.stride or data.hop_ms gives more steps"
                )
        return kept, told

    def _steps(self, item: Item) -> int:
        return -(-len(item.features) // self.options.stride)

    def _seconds(self, part: Sequence[Item]) -> float:
        return sum(len(item.features) for item in part) * self.options.hop_ms / 1000


def _with_words(items: Sequence[Item]) -> tuple[list[Item], list[str]]:
    """The recordings that can be used, and notices about the others.

    Raises:
        DataError: There are too few.
    """
    mute = [item for item in items if not item.label]
    short = [item for item in items if item.label and not len(item.features)]
    kept = [item for item in items if item.label and len(item.features)]
    if len(kept) < len(SPLITS):
        raise DataError(
            f"there must be at least {len(SPLITS)} recordings that have a transcript and are as long as a frame",
            value=len(kept),
            fix="Add recordings, or lower data.frame_ms.",
            where=items[0].where,
        )
    dropped = such_as("their transcript is empty", [item.where for item in mute])
    dropped |= such_as("shorter than a frame", [item.where for item in short])
    return kept, left_out("recordings", dropped, of=len(items))


def _with_unseen(
    splits: Mapping[Split, Sequence[Item]], names: Sequence[str], split_units: Splitter, kind: UnitKind
) -> tuple[Units, list[str]]:
    """All units, and notices about those that training lacks."""
    known, unseen, told = set(names), [], []
    for split in SPLITS[1:]:
        places: dict[str, str] = {}
        for item in splits[split]:
            for unit in split_units(item.label):
                if unit not in known:
                    places.setdefault(unit, item.where)
        if places:
            unit, where = next(iter(places.items()))
            told.append(
                f"{kind} of {split} that no training transcript has: {len(places)}, such as {spelled(unit, kind)!r} at "
                f"{where}; each counts as an error"
            )
        unseen += [unit for unit in sorted(places) if unit not in unseen]
    return Units(kind, names, unseen), told
