"""Broken task files and data sets, each with the one line that `tuner run` must answer; "…" stands for any text."""

from __future__ import annotations

import io
import wave
from collections.abc import Mapping
from dataclasses import dataclass, field

WIDE = "label,a,b\n" + "slow,1,2\nfast,3,4\n" * 10
"""Sound items of time_series/classification: a header and lines 2 to 21."""
DAYS = "day,load\n" + "".join(f"2024-01-{day:02d},{day}\n" for day in range(1, 31))
"""A sound series of time_series/forecasting: a header and lines 2 to 31."""

WAVES = "adapter: time_series/classification\ndata: {path: waves.csv}\n"
SPACE = f"{WAVES}search_space:\n"
FORECAST = "adapter: time_series/forecasting\ndata: {path: days.csv, time: day, horizon: 2}\n"
TEXTS = "adapter: nlp/classification\ndata: {path: texts.csv}\n"
SPEECH = "adapter: speech/classification\ndata: {path: words}\n"

TOP_LEVEL = "the top level must have known keys only"
SOUND = {"waves.csv": WIDE, "days.csv": DAYS}
"""Files that stand beside every task file unless a case brings its own."""

Content = str | bytes


@dataclass(frozen=True)
class Case:
    """A task file that must be refused.

    Args:
        name: The test's name.
        task: The task file's content; None leaves it out.
        line: The answer.
        files: Files beside the task file.
        options: Options of the command.
    """

    name: str
    task: Content | None
    line: str
    files: Mapping[str, Content] = field(default_factory=dict)
    options: tuple[str, ...] = ()


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
    """Four recordings of each of two words; `others` replaces those of the word "yes" by number ("n2")."""
    said = {f"words/{word}/n{number}.wav": recording(samples) for word in ("no", "yes") for number in range(4)}
    return {**said, **{f"words/yes/{name}.wav": content for name, content in others.items()}}


def bomb() -> str:
    """Ten lists, each of nine times the one before: nine to the tenth values in 400 bytes."""
    names = "abcdefghij"
    lists = [
        f"{name}: &{name} [{', '.join(['*' + before] * 9)}]" for before, name in zip(names, names[1:], strict=False)
    ]
    return "\n".join(["a: &a [x, x, x, x, x, x, x, x, x]", *lists])


TYPES = [
    Case("trials", f"{WAVES}budget: {{trials: many}}", "task.yaml:3: budget.trials must be a whole number, but got 'many'."),
    Case("quoted", f'{WAVES}budget: {{trials: "5"}}', "task.yaml:3: budget.trials must be a whole number, but got '5'. Remove the quotes."),
    Case("epochs", f"{WAVES}budget:\n  trials: 5\n  epochs: 0", "task.yaml:5: budget.epochs must be >= 1, but got 0."),
    Case("timeout", f"{WAVES}budget: {{timeout: soon}}", "task.yaml:3: budget.timeout must be seconds, or text such as \"90s\", …, but got 'soon'."),
    Case("seed", f"{WAVES}sampler: {{seed: -1}}", "task.yaml:3: sampler.seed must be >= 0, but got -1."),
    Case("workers", f"{WAVES}resources: {{workers: zero}}", "task.yaml:3: resources.workers must be 'auto' or a whole number, but got 'zero'. Known: auto."),
    Case("empty section", f"{WAVES}budget:", "task.yaml:3: budget must be a mapping, but got None. Fill it in, or remove the key."),
    Case("bare off", f"{WAVES}diagnostics: {{level: off}}", "task.yaml:3: a word that is true or false in some YAML readers must not stand alone, but got 'off'. Write true or false, or \"off\" in quotes."),
    Case("device", f"{WAVES}device: gpu", "task.yaml:3: device must be auto, cpu, cuda, cuda:N or mps, but got 'gpu'."),
    Case("share", "adapter: time_series/classification\ndata:\n  path: waves.csv\n  val: 1.5", "task.yaml:4: data.val must be < 1, but got 1.5."),
    Case("path traversal", f"{WAVES}name: ../x", "task.yaml:3: name must be 1 to 64 letters, digits, …, but got '../x'."),
    Case("ray address", f"{WAVES}ray: {{address: nonsense}}", "task.yaml:3: ray.address must be local, auto, in-process, host:port or ray://host:port, but got 'nonsense'."),
    Case("folder for MLflow", f"{WAVES}tracking: {{uri: file:./mlruns}}", "task.yaml:3: tracking.uri must not be a folder of files, which MLflow has given up, but got 'file:./mlruns'. Use sqlite:///mlflow.db, …"),
    Case("password", f"{WAVES}tracking: {{uri: ftp://me:secret@host}}", "task.yaml:3: tracking.uri must be a SQLite file, a database or a tracking server, but got 'ftp://…'. Use …"),
    Case("storage as URL", f"{WAVES}storage: http://host/studies", "task.yaml:3: storage must be a folder of this machine: URLs are not supported yet, but got 'http://host/studies'."),
    Case("storage in a file", f"{WAVES}storage: waves.csv/studies/mine", "…/waves.csv/studies/prepared: the folder of prepared data must be writable, but got 'Not a directory'. It stands beside the one that `storage` names; name another."),
    Case("storage is a file", f"{WAVES}storage: waves.csv", "…/waves.csv/task: the study's folder must be writable, but got 'Not a directory'. Name another folder in `storage`."),
]  # fmt: skip

NAMES = [
    Case("top level", f"{WAVES}bugdet: {{trials: 5}}", f"task.yaml:3: {TOP_LEVEL}, but got 'bugdet'. Did you mean 'budget'? Known: adapter, …"),
    Case("nested", f"{WAVES}budget: {{trails: 5}}", "task.yaml:3: budget must have known keys only, but got 'trails'. Did you mean 'trials'? Known: epochs, timeout, trials."),
    Case("data", "adapter: time_series/classification\ndata: {path: waves.csv, lable: x}", "task.yaml:2: data must have known keys only, but got 'lable'. Did you mean 'label'? Known: …"),
    Case("sampler's option", f"{WAVES}sampler: {{name: tpe, candidate: 3}}", "task.yaml:3: sampler must have known keys only, but got 'candidate'. Did you mean 'candidates'? Known: …"),
    Case("adapter", "adapter: time_series/clasification", "task.yaml:1: adapter must be a known name, but got 'time_series/clasification'. Did you mean 'time_series/classification'? Known: …"),
    Case("own adapter", "adapter: nowhere.adapters:Mine", "task.yaml:1: nowhere.adapters:Mine must be importable, but got \"No module named 'nowhere'\". Install its package or mend the name."),
    Case("no adapter", "data: {path: waves.csv}", "task.yaml:1: adapter must be given. Add `adapter:` to the top level."),
    Case("sampler", f"{WAVES}sampler: {{name: tpee}}", "task.yaml:3: sampler must be a known name, but got 'tpee'. Did you mean 'tpe'? Known: …"),
    Case("pruner", f"{WAVES}pruner: {{name: ahsa}}", "task.yaml:3: pruner must be a known name, but got 'ahsa'. Did you mean 'asha'? Known: …"),
    Case("source", "adapter: time_series/classification\ndata: {source: aeon/GunPoin}", "task.yaml:2: source must be a known name, but got 'aeon/GunPoin'. Did you mean 'aeon/GunPoint'? Known: …"),
    Case("source and path", "adapter: speech/classification\ndata: {source: espeak/digits, path: x}", "task.yaml:2: exactly one of source and path must be given. Give the path of your own data, or one of the sources …"),
    Case("metric", f"{WAVES}objective: {{metric: val/acuracy}}", "task.yaml:3: objective.metric must be a validation metric of the adapter, but got 'val/acuracy'. Did you mean 'val/accuracy'? Known: …"),
    Case("test metric", f"{WAVES}objective: {{metric: test/accuracy}}", "task.yaml:3: objective.metric must be a score on the validation split, such as val/accuracy, but got 'test/accuracy'."),
    Case("direction", f"{WAVES}objective:\n  metric: val/accuracy\n  direction: minimize", "task.yaml:5: objective.direction must be maximize for val/accuracy, but got 'minimize'. Leave it out: the metric knows."),
    Case("set without value", WAVES, "--set: --set must be key=value, but got 'budget.trials'. For example: --set budget.trials=10.", options=("--set", "budget.trials")),
    Case("set of an unknown key", WAVES, f"--set budgte.trials=5: {TOP_LEVEL}, but got 'budgte'. Did you mean 'budget'? Known: …", options=("--set", "budgte.trials=5")),
    Case("set to a wrong value", WAVES, "--set budget.trials=none: budget.trials must be a whole number, but got 'none'.", options=("--set", "budget.trials=none")),
]  # fmt: skip

SPACES = [
    Case("ready space", f"{WAVES}search_space: quik", "task.yaml:3: search_space must be a ready search space or the path of a .yaml file, but got 'quik'. Did you mean 'quick'? Known: …"),
    Case("space file", f"{WAVES}search_space: spaces/mine.yaml", "task.yaml:3: search_space must name an existing file, but got 'spaces/mine.yaml'. Mend the path."),
    Case("low above high", f"{SPACE}  hidden_size: {{low: 64, high: 8}}", "task.yaml:4: hidden_size.high must be > low (64), but got 8. Write a single value without a range."),
    Case("log from 0", f"{SPACE}  learning_rate: {{low: 0, high: 0.1, log: true}}", "task.yaml:4: learning_rate.low must be > 0 on a log scale, but got 0."),
    Case("step with log", f"{SPACE}  hidden_size: {{low: 8, high: 64, log: true, step: 8}}", "task.yaml:4: hidden_size.step must not stand beside log, but got 8. Remove one of the two."),
    Case("no high", f"{SPACE}  hidden_size: {{low: 8}}", "task.yaml:4: hidden_size must have `high`, but got {'low': 8}. A range has both low and high."),
    Case("no choice", f"{SPACE}  cell: []", "task.yaml:4: cell must have at least one choice, but got []."),
    Case("choice twice", f"{SPACE}  cell: [gru, lstm, gru]", "task.yaml:4: cell[2] must differ from the choices before it, but got 'gru'."),
    Case("unknown choice", f"{SPACE}  cell: [gru, lstn]", "task.yaml:4: cell must be a known name, but got 'lstn'. Did you mean 'lstm'? Known: …"),
    Case("unknown parameter", f"{SPACE}  cell: gru\n  hiden_size: 8", "task.yaml:5: hiden_size must be a known parameter. Did you mean 'hidden_size'? Known: …"),
    Case("unknown option of the data", f"{SPACE}  data.vall: 0.1", "task.yaml:4: data.vall must be an option of the adapter. Did you mean 'val'? Known: …"),
    Case("option of the data out of range", f"{SPEECH}space:\n  data.num_mels: [20, 1]", "task.yaml:4: data.num_mels must be >= …, but got 1.", words()),
    Case("forget bias of a GRU", f"{SPACE}  cell: gru\n  forget_bias: {{low: 0, high: 3}}", "task.yaml:5: forget_bias acts only with cell …, but got 'gru'. Give it `when: {cell: […]}`."),
    Case("between one layer", f"{SPACE}  layers: 1\n  dropout.between: 0.5", "task.yaml:5: dropout.between acts only with layers: {low: 2}. Give it `when: {layers: {low: 2}}`."),
    Case("decay of Adam", f"{SPACE}  optimizer: adam\n  weight_decay: 0.1", "task.yaml:5: weight_decay acts only with optimizer …, but got 'adam'. Give it `when: {optimizer: […]}`."),
    Case("no units", f"{SPACE}  hidden_size: {{low: 0, high: 8}}", "task.yaml:4: space.hidden_size must be >= 1, but got 0."),
    Case("dropout of all", f"{SPACE}  dropout.output: 1.5", "task.yaml:4: space.dropout.output must be < 1, but got 1.5."),
    Case("negative rate", f"{SPACE}  learning_rate: -1", "task.yaml:4: space.learning_rate must be > 0, but got -1."),
    Case("searched seed", f"{SPACE}  seed: [1, 2]", "task.yaml:4: seed must not be in a search space, but got 'seed'. The confirmation trains on fresh seeds; …"),
    Case("grid of a range", f"{WAVES}search_space: quick\nsampler: {{name: grid}}", "task.yaml:4: sampler grid needs a space of choices and stepped ranges, but got 'a continuous range'. Give every range a step, or choose another sampler."),
    Case("loop of conditions", f"{SPACE}  layers: {{value: 2, when: {{hidden_size: 8}}}}\n  hidden_size: {{choices: [8, 16], when: {{layers: 2}}}}", "task.yaml:4: conditions must not form a loop, but got 'layers <- hidden_size <- layers'."),
    Case("condition on nothing", f"{SPACE}  cell: [gru, lstm]\n  forget_bias: {{value: 1, when: {{cel: lstm}}}}", "task.yaml:5: the condition of forget_bias must ask for a parameter of the search space, but got 'cel'. Did you mean 'cell'? Known: cell, forget_bias."),
    Case("dropping nothing", f"{WAVES}space: {{forget_bais: null}}", "task.yaml:3: null must drop a parameter of the search space, but got 'forget_bais'. Did you mean 'forget_bias'? Known: …"),
    Case("baseline", f"{WAVES}baseline: {{cell: gru, forget_bias: 1}}", "task.yaml:3: forget_bias acts only with cell …, but got 'gru'. Give it …"),
]  # fmt: skip

FILES = [
    Case("missing", None, "task.yaml: a YAML file must be there, but got 'nothing that can be read'. Check the path."),
    Case("folder", None, "task.yaml: a YAML file must be there, but got 'a folder'. Check the path.", {"task.yaml/x": ""}),
    Case("empty", "", "task.yaml: a YAML value must be there, but got 'nothing'."),
    Case("list", "- adapter\n- data", "task.yaml:1: the file must hold a mapping, but got ['adapter', 'data']. Write `key: value` lines."),
    Case("tab", f"{WAVES}budget:\n\ttrials: 5", "task.yaml:4:1: the file must be YAML, but got …. Indent with spaces, not with tabs."),
    Case("open quote", f'{WAVES}name: "open', "task.yaml:3:…: the file must be YAML, but got 'found unexpected end of stream'."),
    Case("key twice", f"{WAVES}budget: {{trials: 5}}\nbudget: {{trials: 6}}", "task.yaml:4: a key must occur once in its mapping, but got 'budget'. Remove one of the two."),
    Case("two documents", f"{WAVES}---\nname: b", "task.yaml:3:1: the file must hold one document. Remove the second `---`."),
    Case("code", f"{WAVES}name: !!python/object/apply:os.system [touch canary]", "task.yaml:3: a value must carry no tag, but got 'tag:yaml.org,2002:python/object/apply:os.system'. Remove the tag: files hold plain values only."),
    Case("bomb", bomb(), "task.yaml:1: the file must have at most 20000 values, aliases expanded. Use fewer aliases."),
    Case("recursion", f"{WAVES}space: &s\n  cell: *s", "task.yaml:…: an alias must not contain itself."),
    Case("depth", f"{WAVES}space: {'[' * 10_000}", "task.yaml:3:57: the file must be YAML, but got 'found more than 50 levels'. Put data into files of its own."),
    Case("size", f"{WAVES}# {'x' * 1_000_000}", "task.yaml: the file must have at most 1000000 bytes. Put data into files of its own."),
    Case("encoding", f"{WAVES}name: café".encode("latin-1"), "task.yaml:3: the file must be UTF-8 text, but got b'\\xe9'. Save it as UTF-8."),
]  # fmt: skip

SERIES = [
    Case("no file", "adapter: time_series/classification\ndata:\n  path: nowhere.csv", "task.yaml:3: data.path must name an existing file, but got 'nowhere.csv'. Mend the path; …"),
    Case("a folder", "adapter: time_series/classification\ndata: {path: .}", "task.yaml:2: data.path must name an existing file, but got '.'. Mend the path; …"),
    Case("a device", "adapter: time_series/classification\ndata: {path: /dev/zero}", "task.yaml:2: data.path must name an existing file, but got '/dev/zero'. Mend the path; …"),
    Case("ending", "adapter: time_series/classification\ndata: {path: waves.xlsx}", "task.yaml:2: the file's ending must be one of .ts .npz .csv .tsv .parquet, but got 'waves.xlsx'. Convert the file, …", {"waves.xlsx": b"PK"}),
    Case("empty table", WAVES, "waves.csv: the table must have a header line and rows, but got 'an empty file'. Add data.", {"waves.csv": ""}),
    Case("header alone", WAVES, "waves.csv: the table must have rows, but got 0. Add data below the header.", {"waves.csv": "label,a,b\n"}),
    Case("binary", WAVES, "waves.csv:2: the text must be utf-8, but got b'\\x80'. Check that it is a text file; …", {"waves.csv": bytes(range(256)) * 8}),
    Case("short row", WAVES, "waves.csv:22: a row must have 3 cells like the header, but got 2. Put cells that contain the delimiter in double quotes.", {"waves.csv": f"{WIDE}slow,1\n"}),
    Case("text in a number", WAVES, "waves.csv:22: b must be a finite number, but got 'high'. Fill the gap or delete the row; …", {"waves.csv": f"{WIDE}slow,1,high\n"}),
    Case("label column", "adapter: time_series/classification\ndata: {path: waves.csv, label: lable}", "waves.csv: there must be a column 'lable'. Did you mean 'label'? Known: a, b, label."),
    Case("label seen once", WAVES, "waves.csv:22: label 'rare' must occur at least 3 times, once per split, but got 1. Add items of that label, or remove it.", {"waves.csv": f"{WIDE}rare,1,2\n"}),
    Case("one class", WAVES, "waves.csv: there must be at least two different labels, but got ['slow']. Check which column, pattern or folder gives the label.", {"waves.csv": WIDE.replace("fast", "slow")}),
    Case("no steps", WAVES, "waves.csv:2: at least one item must have steps, but got 0.", {"waves.csv": "label\n" + "slow\nfast\n" * 5}),
    Case("row of a .ts file", "adapter: time_series/classification\ndata: {path: waves.ts}", "waves.ts:4: a value must be a finite number, but got 'x'. Fill the gap, or delete the item.", {"waves.ts": "@classLabel true a b\n@data\n1,2:a\n1,x:b\n"}),
    Case("pickles", "adapter: time_series/classification\ndata: {path: waves.npz}", "waves.npz: the file must be a readable .npz of plain arrays, but got …. Save it by numpy.savez without objects.", {"waves.npz": b"\x80\x04K\x01."}),
    Case("not a number", FORECAST, "days.csv:32: load must be a finite number, but got 'nan'. Fill the gap or delete the row; …", {"days.csv": f"{DAYS}2024-01-31,nan\n"}),
    Case("same time twice", FORECAST, "days.csv:32: day must differ from row to row, but got '2024-01-07'. Delete the repeated row, or …", {"days.csv": f"{DAYS}2024-01-07,3\n"}),
    Case("another form of date", FORECAST, "days.csv:32: day must be a number or a date written as ISO8601, but got '31.01.2024'. Mend the cell, …", {"days.csv": f"{DAYS}31.01.2024,3\n"}),
    Case("window", "adapter: time_series/forecasting\ndata:\n  path: days.csv\n  time: day\n  horizon: 2\n  window: 400", "task.yaml:6: data.window must be <= 16: with a horizon of 2 it must fit into the training part, but got 400. Lower data.window or data.horizon."),
    Case("horizon", "adapter: time_series/forecasting\ndata: {path: days.csv, time: day, horizon: 24}", "days.csv: a series must have at least 73 rows: …, but got 30. Lower data.horizon, data.val or data.test, or bring a longer series."),
    Case("target", "adapter: time_series/forecasting\ndata: {path: days.csv, time: day, targets: [laod]}", "days.csv: there must be a column 'laod'. Did you mean 'load'? Known: day, load."),
]  # fmt: skip

LANGUAGE = [
    Case("no text", TEXTS, "texts.csv:2: at least one text must not be empty. Check that data.text names the right column.", {"texts.csv": 'text,label\n"  ",a\n" ",b\n'}),
    Case("text column", TEXTS, "texts.csv:1: there must be a column 'text'. Did you mean 'texts'? Known: label, texts.", {"texts.csv": "texts,label\nhi,a\n"}),
    Case("empty label", TEXTS, "texts.csv:2: a label must not be empty, but got ''. Fill it in, or delete the row.", {"texts.csv": "text,label\nhi,\n"}),
    Case("quote in a table", TEXTS, "texts.csv:3: the row must be well-formed CSV, but got 'unexpected end of data'.", {"texts.csv": 'text,label\nhi,a\n"open,b\n'}),
    Case("encoding of texts", TEXTS, "texts.csv:3: the text must be utf-8, but got b'\\xff'. …", {"texts.csv": b"text,label\nhi,a\n\xff,b\n"}),
    Case("line of JSON", TEXTS.replace(".csv", ".jsonl"), "texts.jsonl:2: the line must be valid JSON, but got 'Expecting …'.", {"texts.jsonl": '{"text": "hi", "label": "a"}\n{"text": "ho",\n'}),
    Case("rare label of texts", TEXTS, "texts.csv:6: label 'b' must occur at least 3 times, once per split, but got 1. …", {"texts.csv": "text,label\nu,a\nv,a\nw,a\nx,a\ny,b\n"}),
    Case("folder of texts", TEXTS.replace("texts.csv", "texts"), "texts: the data must hold at least one labelled text. A folder must have a folder of .txt files per label.", {"texts/a/x.md": "hi"}),
    Case("cut off recording", SPEECH, "words/yes/n2.wav: the recording must be readable, but got '956 of 3200 bytes'. Replace or remove the file.", words(n2=recording(1600)[:1000])),
    Case("no recording", SPEECH, "words/yes/n1.wav: the recording must be readable, but got 'Format not recognised.'. Replace or remove the file.", words(n1=b"not a recording")),
    Case("silence without samples", SPEECH, "words/no/n0.wav: at least one recording must not be empty. Check that the files are whole.", words(0)),
    Case("shorter than a frame", SPEECH, "words/no/n0.wav: at least one recording must be as long as a frame. Lower data.frame_ms, or bring longer recordings.", words(10)),
    Case("other format", SPEECH, "words: there must be at least one recording (…). Check the path, or convert the recordings.", {"words/yes/n1.mp3": b"x"}),
    Case("names of recordings", SPEECH.replace("words", "words, pattern: '{label}_{speaker}'"), "words/no/n0.wav: the name must match data.pattern {label}_{speaker}, but got 'no/n0.wav'. Rename the file, or set data.pattern.", words()),
    Case("listed recording", SPEECH.replace("words", "words.csv"), "words.csv:2: a listed recording must be a file, but got 'x.wav'. Paths are relative to the manifest's folder.", {"words.csv": "path,label\nx.wav,a\n"}),
    Case("too few speakers", SPEECH.replace("words", "words.csv"), "words.csv:2: the data must have at least 3 groups, one per split, but got 2. Leave the group column out, or …", {"x.wav": recording(1600), "words.csv": "path,label,speaker\n" + "x.wav,a,s1\nx.wav,b,s2\n" * 3}),
]  # fmt: skip

CASES = [*TYPES, *NAMES, *SPACES, *FILES, *SERIES, *LANGUAGE]
