import json
import random
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.spaces import BASE, Enumerator, override, space, spaces
from tuner.config import load_task_file, read_yaml, ready_search_spaces
from tuner.errors import TaskFileError
from tuner.space import Space, Suggester, check, diff, task_space
from tuner.space.domains import Constant


@settings(deadline=None, max_examples=50)
@given(spaces(), st.integers())
def test_suggestions_lie_inside(drawn: Space, seed: int) -> None:
    """What a space suggests it also contains; anything missing, added or changed it does not."""
    for params in drawn.samples(random.Random(seed), 20):
        resolved = drawn.resolve(params)
        assert resolved is not None
        assert {name: value for name, (_, value) in resolved.items()}.items() <= params.items()
        assert set(resolved) <= set(drawn.searched)
        assert set(drawn.constants.items()) <= set(params.items())
        assert not drawn.contains({**params, "stranger": 1})
        for name in params:
            assert not drawn.contains({other: value for other, value in params.items() if other != name})
            assert not drawn.contains({**params, name: "no such value"})


@settings(deadline=None, max_examples=50)
@given(spaces())
def test_json_round_trip(drawn: Space) -> None:
    """A space comes back equal from JSON text, with the same names in the study and nothing to report."""
    again = Space.from_json(json.loads(json.dumps(drawn.to_json())))
    assert again == drawn
    assert again.to_json() == drawn.to_json()
    assert [each.key for each in again.definitions] == [each.key for each in drawn.definitions]
    assert diff(drawn, again) == []


@settings(deadline=None, max_examples=50)
@given(spaces())
def test_parents_come_first(drawn: Space) -> None:
    """Every parameter stands after all definitions of those it depends on."""
    names = [each.name for each in drawn.definitions]
    for index, each in enumerate(drawn.definitions):
        assert not {condition.parent for condition in each.conditions} & set(names[index:])


@settings(deadline=None, max_examples=50)
@given(spaces())
def test_size_counts_all_configurations(drawn: Space) -> None:
    """The size is the number of configurations found by going through all of them; dense ranges have none."""
    if any(each.domain.values() is None for each in drawn.definitions):
        assert drawn.size() is None
    elif (size := drawn.size()) is not None and size <= 2_000:
        found = [repr(sorted(params.items())) for params in Enumerator().configurations(drawn)]
        assert len(found) == len(set(found)) == size


def test_size_of_a_conditional_space() -> None:
    """By hand: (2 lstm biases + 1 gru) * (1 + 2 * 3 dropouts); a dense range cannot be counted."""
    text = "cell: [lstm, gru]\nbias: {choices: [0, 1], when: {cell: lstm}}\nlayers: {low: 1, high: 3}\n"
    text += "between: {low: 0.0, high: 0.2, step: 0.1, when: {layers: {low: 2}}}"
    assert space(text).size() == 3 * 7
    assert space(BASE).size() is None
    assert space("\n".join(f"a{i}: [1, 2]" for i in range(90))).size() == 2**90
    every = [f"a{i}: {{low: 1, high: 900}}" for i in range(20)]
    five = f"b: {{value: 1, when: {{{', '.join(f'a{i}: 1' for i in range(5))}}}}}"
    assert space("\n".join([*every[:5], five])).size() == 900**5
    twenty = f"b: {{value: 1, when: {{{', '.join(f'a{i}: 1' for i in range(20))}}}}}"
    assert space("\n".join([*every, twenty])).size() is None


def test_optuna_trials_are_suggesters() -> None:
    """Optuna's trials answer a space: a fixed one gives back what it was given, a study stays inside."""
    whole = space(BASE)
    params = whole.samples(random.Random(0), 1)[0]
    resolved = whole.resolve(params)
    assert resolved is not None
    fixed: Suggester = optuna.trial.FixedTrial(dict(resolved.values()))
    assert whole.suggest(fixed) == params
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(30):
        trial = study.ask()
        suggested = whole.suggest(trial)
        assert whole.contains(suggested)
        located = whole.resolve(suggested)
        assert located is not None
        assert dict(located.values()) == trial.params
        study.tell(trial, 0.0)


def test_samples_cover() -> None:
    """Few samples meet every choice and both ends of every range."""
    samples = space(BASE).samples(random.Random(0), 60)
    met: dict[str, set[Any]] = {
        "cell": {"lstm", "gru"},
        "layers": {1, 3},
        "forget_bias": {0.0, 3.0},
        "learning_rate": {1e-4, 3e-2, 1e-2, 1.0},
        "momentum": {0.0, 0.9},
    }
    for name, values in met.items():
        assert values <= {params[name] for params in samples if name in params}


OVERRIDES = {
    "cell: [gru, rnn]": ["cell: + rnn, - lstm", "- forget_bias (cell=lstm)"],
    "cell: gru": ["cell: [lstm, gru] -> gru", "- forget_bias (cell=lstm)"],
    "cell: [lstm]": ["cell: [lstm, gru] -> lstm"],
    "layers: 1": ["layers: 1..3 -> 1", "- dropout.between (layers>=2)"],
    "layers: {low: 2, high: 3}": ["layers: 1..3 -> 2..3"],
    "optimizer: [adamw, adam]": [
        "optimizer: - sgd",
        "- learning_rate (optimizer=sgd)",
        "- momentum (optimizer=sgd)",
    ],
    "optimizer: {sgd: {learning_rate: 0.1}}": [
        "optimizer: [adamw, sgd, adam] -> sgd",
        "learning_rate (optimizer=sgd): 1e-2..1 log -> 0.1",
        "- learning_rate (optimizer=adamw)",
        "- weight_decay (optimizer=adamw)",
        "- momentum (optimizer=sgd)",
    ],
    "learning_rate: {low: 1e-3, high: 1e-2, log: true}": [
        "learning_rate (optimizer=adamw): 1e-4..3e-2 log -> 1e-3..1e-2 log",
        "learning_rate (optimizer=sgd): 1e-2..1 log -> 1e-3..1e-2 log",
    ],
    "weight_decay: 1e-2\noptimizer: adamw": [
        "optimizer: [adamw, sgd, adam] -> adamw",
        "weight_decay (optimizer=adamw): 1e-6..0.1 log -> 0.01",
        "- learning_rate (optimizer=sgd)",
        "- momentum (optimizer=sgd)",
    ],
    "weight_decay: 0.1\noptimizer: {adamw: {weight_decay: 0.2}}": [
        "optimizer: [adamw, sgd, adam] -> adamw",
        "weight_decay (optimizer=adamw): 1e-6..0.1 log -> 0.1",
        "- learning_rate (optimizer=adamw)",
        "- learning_rate (optimizer=sgd)",
        "- momentum (optimizer=sgd)",
    ],
    "dropout.input: null": ["- dropout.input"],
    "optimizer: null": [
        "- optimizer",
        "- learning_rate (optimizer=adamw)",
        "- learning_rate (optimizer=sgd)",
        "- weight_decay (optimizer=adamw)",
        "- momentum (optimizer=sgd)",
    ],
    "clip_norm: 1.0": ["+ clip_norm: 1"],
    "zoneout: {low: 0.1, high: 0.5, when: {cell: lstm}}": ["+ zoneout (cell=lstm): 0.1..0.5"],
    "batch_size: {choices: [16, 32], when: {cell: gru}}": [
        "+ batch_size (cell=gru): [16, 32]",
        "- batch_size",
    ],
    "dropout.input: [{value: 0, when: {cell: gru}}, {value: 1, when: {cell: lstm}}]": [
        "+ dropout.input (cell=gru): 0",
        "+ dropout.input (cell=lstm): 1",
        "- dropout.input",
    ],
}


@pytest.mark.parametrize("text", OVERRIDES)
def test_override(text: str) -> None:
    """Changes replace, narrow, add and drop entries, and take along what depends on them."""
    old = space(BASE)
    new = override(old, text)
    assert sorted(diff(old, new)) == sorted(OVERRIDES[text])
    for params in new.samples(random.Random(1), 30):
        assert new.contains(params)


def test_override_with_nothing_changes_nothing() -> None:
    """No changes give an equal space."""
    assert override(space(BASE), "{}") == space(BASE)


@settings(deadline=None, max_examples=50)
@given(spaces(), st.integers(), st.data())
def test_override_by_one_of_its_values_narrows(drawn: Space, seed: int, data: st.DataObject) -> None:
    """Fixing a parameter that exists in every trial to a value it had leaves a space inside the old one."""
    free = [each for each in drawn.definitions if not each.conditions]
    name = data.draw(st.sampled_from(free)).name
    value = drawn.samples(random.Random(seed), 1)[0][name]
    narrow = drawn.override({name: {"value": value}}, lambda _: "t:1")
    for params in narrow.samples(random.Random(seed), 20):
        assert drawn.contains(params)
        assert params[name] == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "cel: null",
            r"^t\.yaml:1: null must remove a parameter of the search space, but got 'cel'\. Did you mean",
        ),
        (
            "layers: null",
            r"^t\.yaml:1: layers must not be removed while dropout\.between depends on it, .* Remove dropout",
        ),
        (
            "layers: 1\ndropout.between: 0.2",
            r"^t\.yaml:2: dropout\.between must be possible with the other changes, but got "
            r"'dropout\.between \(layers>=2\)'\. Change what it depends on, or leave it out\.",
        ),
        (
            "a: {value: 1, when: {cell: rnn}}",
            r"^t\.yaml:1: the condition of a must .* but got 'cell=rnn'\. cell is \[",
        ),
        ("cell: gru\na: {value: 1, when: {cell: lstm}}", r"^t\.yaml:2: the condition of a .* cell is gru"),
        ("cell: {low: 1}", r"^t\.yaml:1: cell must have `high`"),
        ("seed: 3", r"^t\.yaml:1: seed must not be in a search space"),
    ],
)
def test_wrong_override(text: str, message: str) -> None:
    """A change that cannot be made is refused at its own place."""
    with pytest.raises(TaskFileError, match=message):
        override(space(BASE), text)


def test_searched_and_constants() -> None:
    """Searched are the parameters that a trial is asked for; constants are the same in every trial."""
    whole = space(BASE)
    assert set(whole.searched) == {
        *("cell", "forget_bias", "layers", "dropout.between", "dropout.input", "optimizer"),
        *("learning_rate", "weight_decay", "momentum"),
    }
    assert whole.constants == {"batch_size": 32}
    categorical = {name for name, kind in whole.kinds().items() if kind == "categorical"}
    assert categorical == {"cell", "dropout.input", "optimizer"}
    assert whole.kinds().keys() == set(whole.searched)


def test_check_names_the_entry_at_fault() -> None:
    """The judge's complaint gets the place of the entry that is active in the configuration."""

    def judge(params: Mapping[str, Any]) -> None:
        if params["optimizer"] == "sgd" and params["learning_rate"] > 0.9:
            raise TaskFileError("learning_rate must be <= 0.9", key=("space", "learning_rate"))

    with pytest.raises(TaskFileError, match=r"^s\.yaml:11: learning_rate must be <= 0\.9\.$"):
        check(space(BASE), judge)
    check(override(space(BASE), "optimizer: [adamw, adam]"), judge)


@pytest.mark.parametrize("path", ready_search_spaces().values(), ids=lambda path: path.stem)
def test_ready_search_spaces(path: Path) -> None:
    """Every ready search space parses and searches the learning rate."""
    document = read_yaml(path)
    ready = Space.parse(document.value, document.place)
    assert "learning_rate" in ready.searched
    assert all(isinstance(each.domain, Constant) or each.key for each in ready.definitions)


def test_task_space(tmp_path: Path) -> None:
    """A task's space is the one it names with its own changes, both with their places."""
    path = tmp_path / "task.yaml"
    path.write_text("adapter: a\nsearch_space: quick\nspace:\n  cell: gru\n  hidden_size: {low: 3, high: 1}\n")
    with pytest.raises(TaskFileError, match=r"task\.yaml:5: hidden_size\.high must be > low \(3\), but got 1"):
        task_space(load_task_file(path))
    fixed = task_space(load_task_file(path, ["space.hidden_size=64"]))
    assert fixed.constants == {"cell": "gru", "hidden_size": 64, "optimizer": "adamw"}


def test_nothing_heavy_is_imported() -> None:
    """Reading task files and spaces needs no torch, numpy, Optuna, Ray, MLflow or pandas."""
    code = (
        "import sys, tuner.config, tuner.space\n"
        "print(sorted({'torch', 'numpy', 'optuna', 'ray', 'mlflow', 'pandas'} & set(sys.modules)))"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "[]"
