"""Data sets that no model can be trained on, each with the one line that `tuner run` must answer."""

from __future__ import annotations

import io
import wave

from tests.support.broken_tasks import DAYS, SPEECH, WAVES, WIDE, Case, Content

FORECAST = "adapter: time_series/forecasting\ndata: {path: days.csv, time: day, horizon: 2}\n"
TEXTS = "adapter: nlp/classification\ndata: {path: texts.csv}\n"


def recording(samples: int) -> bytes:
    """A WAV file of 8 kHz, 16 bit."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(8000)
        writer.writeframes(b"\1\0" * samples)
    return file.getvalue()


def words(samples: int = 1600, **others: bytes) -> dict[str, Content]:
    """Four recordings, n0 to n3, of each of two words; `others` replaces those of "yes" by name."""
    said = {f"words/{word}/n{number}.wav": recording(samples) for word in ("no", "yes") for number in range(4)}
    return {**said, **{f"words/yes/{name}.wav": content for name, content in others.items()}}


SERIES = [
    Case(
        "no file",
        "adapter: time_series/classification\ndata:\n  path: nowhere.csv",
        "task.yaml:3: data.path must name an existing file, but got 'nowhere.csv'. Correct the path; …",
    ),
    Case(
        "a folder",
        "adapter: time_series/classification\ndata: {path: .}",
        "task.yaml:2: data.path must name an existing file, but got '.'. Correct the path; …",
    ),
    Case(
        "a device",
        "adapter: time_series/classification\ndata: {path: /dev/zero}",
        "task.yaml:2: data.path must name an existing file, but got '/dev/zero'. Correct the path; …",
    ),
    Case(
        "a file of the kernel's",
        "adapter: time_series/classification\ndata: {path: /proc/kmsg}",
        "task.yaml:2: data.path must name an existing file, but got '/proc/kmsg'. Correct the path; …",
    ),
    Case(
        "ending",
        "adapter: time_series/classification\ndata: {path: waves.xlsx}",
        "task.yaml:2: the file's ending must be one of .ts .npz .csv .tsv .parquet "
        ".jsonl .ndjson .json, but got 'waves.xlsx'. Save the sheet as CSV …",
        {"waves.xlsx": b"PK"},
    ),
    Case(
        "empty table",
        WAVES,
        "waves.csv: the table must have a header line and rows, but got 'an empty file'. Add data.",
        {"waves.csv": ""},
    ),
    Case(
        "header alone",
        WAVES,
        "waves.csv: the table must have rows, but got 0. Add data below the header.",
        {"waves.csv": "label,a,b\n"},
    ),
    Case(
        "binary",
        WAVES,
        "waves.csv:2: the text must be utf-8, but got b'\\x80'. Check that it is a text file; …",
        {"waves.csv": bytes(range(256)) * 8},
    ),
    Case(
        "short row",
        WAVES,
        "waves.csv:22: a row must have 3 cells like the header, but got 2. "
        "Put cells that contain commas in double quotes. "
        "If the separator is another character, name it in data.separator.",
        {"waves.csv": f"{WIDE}slow,1\n"},
    ),
    Case(
        "text in a number",
        WAVES,
        "waves.csv:22: b must be a finite number, but got 'high'. Fill the gap or delete the row; …",
        {"waves.csv": f"{WIDE}slow,1,high\n"},
    ),
    Case(
        "label column",
        "adapter: time_series/classification\ndata: {path: waves.csv, label: lable}",
        "waves.csv: there must be a column 'lable'. Did you mean 'label'? Known: a, b, label.",
    ),
    Case(
        "label seen once",
        WAVES,
        "waves.csv:22: label 'rare' must occur at least 3 times, once per split, but got 1. "
        "Add items of that label, or remove it.",
        {"waves.csv": f"{WIDE}rare,1,2\n"},
    ),
    Case(
        "one class",
        WAVES,
        "waves.csv: there must be at least two different labels, but got ['slow']. "
        "Check which column, pattern or folder gives the label.",
        {"waves.csv": WIDE.replace("fast", "slow")},
    ),
    Case(
        "no steps",
        WAVES,
        "waves.csv: the table must have a column of values, but got ['label']. Add one.",
        {"waves.csv": "label\n" + "slow\nfast\n" * 5},
    ),
    Case(
        "row of a .ts file",
        "adapter: time_series/classification\ndata: {path: waves.ts}",
        "waves.ts:4: a value must be a finite number, but got 'x'. Correct it, or delete the item.",
        {"waves.ts": "@classLabel true a b\n@data\n1,2:a\n1,x:b\n"},
    ),
    Case(
        "pickles",
        "adapter: time_series/classification\ndata: {path: waves.npz}",
        "waves.npz: the file must be a readable .npz of plain arrays, but got …. "
        "Save it by numpy.savez or savez_compressed, without objects.",
        {"waves.npz": b"\x80\x04K\x01."},
    ),
    Case(
        "not a number",
        FORECAST,
        "days.csv:32: load must be a finite number, but got 'rain'. Fill the gap or delete the row; …",
        {"days.csv": f"{DAYS}2024-01-31,rain\n"},
    ),
    Case(
        "same time twice",
        FORECAST,
        "days.csv:32: day must differ from row to row, but got '2024-01-07'. Delete the repeated row, or …",
        {"days.csv": f"{DAYS}2024-01-07,3\n"},
    ),
    Case(
        "another form of date",
        FORECAST,
        "days.csv:32: day must be a number or a date written like the first, '2024-01-01', but got …",
        {"days.csv": f"{DAYS}31.01.2024,3\n"},
    ),
    Case(
        "window",
        "adapter: time_series/forecasting\ndata:\n  path: days.csv\n  time: day\n  horizon: 2\n  window: 400",
        "task.yaml:6: data.window must be <= 16: with a horizon of 2 it must fit into the training part"
        ", but got 400. Lower data.window or data.horizon.",
    ),
    Case(
        "horizon",
        "adapter: time_series/forecasting\ndata: {path: days.csv, time: day, horizon: 24}",
        "days.csv: a series must have at least 73 rows: …, but got 30. "
        "Lower data.horizon, data.val or data.test, or bring a longer series.",
    ),
    Case(
        "target",
        "adapter: time_series/forecasting\ndata: {path: days.csv, time: day, targets: [laod]}",
        "days.csv: there must be a column 'laod'. Did you mean 'load'? Known: day, load.",
    ),
]

TEXTS_AND_SPEECH = [
    Case(
        "no text",
        TEXTS,
        "texts.csv:2: at least one text must not be empty. Check that data.text names the right column.",
        {"texts.csv": 'text,label\n"  ",a\n" ",b\n'},
    ),
    Case(
        "text column",
        TEXTS,
        "texts.csv:1: there must be a column 'text'. Did you mean 'texts'? Known: label, texts.",
        {"texts.csv": "texts,label\nhi,a\n"},
    ),
    Case(
        "empty label",
        TEXTS,
        "texts.csv:2: at least one text must have a label. Check that data.label names the right column.",
        {"texts.csv": "text,label\nhi,\n"},
    ),
    Case(
        "quote in a table",
        TEXTS,
        "texts.csv:3: the row must be well-formed CSV, but got 'unexpected end of data'. …",
        {"texts.csv": 'text,label\nhi,a\n"open,b\n'},
    ),
    Case(
        "encoding of texts",
        TEXTS,
        "texts.csv:3: the text must be utf-8, but got b'\\xff'. …",
        {"texts.csv": b"text,label\nhi,a\n\xff,b\n"},
    ),
    Case(
        "line of JSON",
        TEXTS.replace(".csv", ".jsonl"),
        "texts.jsonl:2: the line must be valid JSON, but got 'Expecting …'. …",
        {"texts.jsonl": '{"text": "hi", "label": "a"}\n{"text": "ho",\n'},
    ),
    Case(
        "rare label of texts",
        TEXTS,
        "texts.csv:6: label 'b' must occur at least 3 times, once per split, but got 1. …",
        {"texts.csv": "text,label\nu,a\nv,a\nw,a\nx,a\ny,b\n"},
    ),
    Case(
        "folder of texts",
        TEXTS.replace("texts.csv", "texts"),
        "texts: the data must hold at least one labelled text. A folder must have a folder of .txt files per label.",
        {"texts/a/x.md": "hi"},
    ),
    Case(
        "cut off recording",
        SPEECH,
        "words/yes/n2.wav: the recording must be readable, but got '956 of 3200 bytes'. Replace or remove the file.",
        words(n2=recording(1600)[:1000]),
    ),
    Case(
        "no recording",
        SPEECH,
        "words/yes/n1.wav: the recording must be readable, but got 'Format not recognised.'. "
        "Replace or remove the file.",
        words(n1=b"not a recording"),
    ),
    Case(
        "silence without samples",
        SPEECH,
        "words/no/n0.wav: at least one recording must not be empty. Check that the files are whole.",
        words(0),
    ),
    Case(
        "shorter than a frame",
        SPEECH,
        "words/no/n0.wav: at least one recording must be as long as a frame. "
        "Lower data.frame_ms, or bring longer recordings.",
        words(10),
    ),
    Case(
        "other format",
        SPEECH,
        "words: there must be at least one recording (…), but got '1 file (1 .m4a) not read: convert them to WAV or "
        "FLAC'. Check the path, or convert the recordings.",
        {"words/yes/n1.m4a": b"x"},
    ),
    Case(
        "names of recordings",
        SPEECH.replace("words", "words, pattern: '{label}_{speaker}'"),
        "words/no/n0.wav: the name must match data.pattern {label}_{speaker}, but got 'no/n0.wav'. "
        "Rename the file, or set data.pattern.",
        words(),
    ),
    Case(
        "listed recording",
        SPEECH.replace("words", "words.csv"),
        "words.csv:2: a listed recording must be a file, but got 'x.wav'. Paths are relative to the manifest's folder.",
        {"words.csv": "path,label\nx.wav,a\n"},
    ),
    Case(
        "too few speakers",
        SPEECH.replace("words", "words.csv"),
        "words.csv:2: the data must have at least 3 groups (speaker), one per split, but got 2. Add more groups; …",
        {"x.wav": recording(1600), "words.csv": "path,label,speaker\n" + "x.wav,a,s1\nx.wav,b,s2\n" * 3},
    ),
]

DATA = [*SERIES, *TEXTS_AND_SPEECH]
