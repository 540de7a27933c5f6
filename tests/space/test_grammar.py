import pytest

from tests.support.spaces import BASE, space
from tuner.errors import TaskFileError
from tuner.space.domains import Choices, Constant, Domain, Range

MISTAKES = {
    "a: {low: 1}": r"^s\.yaml:1: a must have `high`, but got \{'low': 1\}\. A range has both low and high\.$",
    "a: {high: 1, low: x}": r"^s\.yaml:1: a\.low must be a number, but got 'x'\.$",
    "a: {low: true, high: 2}": r"a\.low must be a number, but got True",
    "a:\n  low: 2\n  high: 2": r"^s\.yaml:3: a\.high must be > low \(2\), but got 2\. Write a single value",
    "a: {low: 0, high: 2, log: true}": r"a\.low must be > 0 on a log scale, but got 0",
    "a: {low: 1, high: 2, log: 1}": r"a\.log must be true or false, but got 1",
    "a: {low: 1, high: 3, log: true, step: 1}": r"a\.step must not stand beside log, but got 1\. Remove one",
    "a: {low: 1, high: 3, step: 0}": r"a\.step must be > 0, but got 0",
    "a: {low: 1, high: 4, step: 2}": r"a\.high must lie on the grid low \+ k \* 2, but got 4\. Write 3\.",
    "a: {low: 0.1, high: 0.5, step: 0.3}": r"a\.high must lie on the grid .* but got 0\.5\. Write 0\.4\.",
    "a: {low: 0, high: 1e300, step: 1e-300}": r"a\.step must make at most 1000000 steps, but got 1e-300",
    "a: {low: 1, hihg: 4}": r"a must have known keys only, but got 'hihg'\. Did you mean 'high'\?",
    "a: {low: 1, high: 4, priro: 2}": r"a must have known keys only, but got 'priro'\. Did you mean 'prior'",
    "a: {low: 1, high: 4, prior: 5}": r"a\.prior must be a value of 1\.\.4, but got 5",
    "a: {choices: [lstm, gru], prior: [1]}": r"a\.prior must be a list of 2 weights, but got \[1\]",
    "a: {choices: [lstm, gru], prior: [1, 0]}": r"a\.prior\[1\] must be a number > 0, but got 0",
    "a: []": r"a must have at least one choice, but got \[\]",
    "a: {}": r"a must have choices, but got \{\}\. Write \{choice: \{\.\.\.\}\}, a list, or \{low",
    "a: {choices: 3}": r"a\.choices must have choices, but got 3",
    "a: [1, 1]": r"^s\.yaml:1: a\[1\] must differ from earlier choices, but got 1",
    "a: [1, true]": r"a\[1\] must differ from earlier choices, but got True",
    "a: [1, [2]]": r"a\[1\] must be text, a number, true, false or null, but got \[2\]",
    "a: [lecun_uniform, lecun_uniform2]": r"a\[1\] must differ from 'lecun_uniform' within its first 10 char",
    "a: {value: [1]}": r"a\.value must be text, a number, true, false or null, but got \[1\]",
    "a: {value: 1, wehn: {b: 1}}": r"a must have known keys only, but got 'wehn'",
    "a: [{value: 1}, {value: 2, when: {b: 1}}]": r"a\[0\] must have `when`, but got \{'value': 1\}\. Say for",
    "a: {x: 3}": r"a\.x must be a mapping of parameters, but got 3",
    "a: {value: 1, when: b}": r"a\.when must be a mapping, but got 'b'\. Write \{parameter: value\}",
    "b: 1\na: {value: 1, when: {b: []}}": r"^s\.yaml:2: a\.when\.b must have at least one value, but got",
    "a: {value: 1, when: {b: {low: x}}}": r"a\.when\.b\.low must be a number, but got 'x'",
    "a: {value: 1, when: {b: {}}}": r"a\.when\.b must be an interval with low <= high, but got \{\}",
    "a: {value: 1, when: {b: {low: 2, high: 1}}}": r"a\.when\.b must be an interval with low <= high",
    "a: {value: 1, when: {b: {lo: 2}}}": r"a\.when\.b must have known keys only, but got 'lo'\. Did "
    r"you mean 'lo",
    "1a: 1": r"1a must be a name of letters, digits, '_' and '\.' between them, but got '1a'",
    "a b: 1": r"a b must be a name",
    "../a: 1": r"must be a name",
    "seed: [1, 2]": r"^s\.yaml:1: seed must not be in a search space, but got 'seed'\. The "
    r"confirmation trains",
    "x: {a: {data.seed: 1}}": r"data\.seed must not be in a search space",
    "a: {value: 1, when: {cel: x}}\ncell: x": r"^s\.yaml:1: the condition of a must ask for a "
    r"parameter of the "
    r"search space, but got 'cel'\. Did you mean 'cell'\? Known: a, cell\.",
    "b: [x, z]\na: {value: 1, when: {b: w}}": r"^s\.yaml:2: the condition of a must ask for values "
    r"that b can "
    r"have, but got 'b=w'\. b is \[x, z\]\.",
    "b: {low: 1, high: 3}\na: {value: 1, when: {b: {low: 4}}}": r"values that b can have, but got "
    r"'b>=4'\. b is 1\.\.3",
    "b: {low: 1, high: 7, step: 3}\na: {value: 1, when: {b: {low: 2, high: 3}}}": r"but got "
    r"'b=2\.\.3'\. b is 1",
    "b: [x, z]\na: {value: 1, when: {b: {low: 1}}}": r"values that b can have",
    "a: {value: 1, when: {b: 1}}\nb: {value: 1, when: {a: 1}}": r"^s\.yaml:\d: conditions must not "
    r"form a loop, "
    r"but got '(a <- b <- a|b <- a <- b)'",
    "a: {value: 1, when: {a: 1}}": r"conditions must not form a loop, but got 'a <- a'",
    "b: [x, z]\nc: [x, z]\na: [{value: 1, when: {b: x}}, {value: 2, when: {c: x}}]": r"^s\.yaml:3: "
    r"definitions of a "
    r"must exclude each other, but got 'a \(b=x\) and a \(c=x\)'\. Give each a `when` on the same parameter",
    "b: {low: 1, high: 5}\na: [{value: 1, when: {b: {high: 3}}}, {value: 2, when: {b: {low: 3}}}]": r"a must",
    "a: 1\nb: {x: {a: 2}}": r"definitions of a must exclude each other, but got 'a and a \(b=x\)'",
    "\n".join(f"p{index}: 1" for index in range(501)): r"^s\.yaml:501: a search space must have at most 500 def",
}


@pytest.mark.parametrize("text", MISTAKES, ids=lambda text: text[:40])
def test_mistakes(text: str) -> None:
    """What breaks the grammar or contradicts itself is refused with place, rule, value and fix."""
    with pytest.raises(TaskFileError, match=MISTAKES[text]):
        space(text)


@pytest.mark.parametrize(
    ("entry", "domain"),
    [
        ("3", Constant(3)),
        ("null", Constant(None)),
        ("{value: x}", Constant("x")),
        ("[x]", Constant("x")),
        ("[x, 2, 0.5, true, null]", Choices(("x", 2, 0.5, True, None))),
        ("{choices: [x, z]}", Choices(("x", "z"))),
        ("{x: {}, z: null}", Choices(("x", "z"))),
        ("{choices: {x: {}, z: null}}", Choices(("x", "z"))),
        ("['pack.cells:One', 'pack.cells:Two']", Choices(("pack.cells:One", "pack.cells:Two"))),
        ("{low: 1, high: 3}", Range(1, 3)),
        ("{low: 1, high: 5, step: 2}", Range(1, 5, step=2)),
        ("{low: 1, high: 3, log: true}", Range(1, 3, log=True)),
        ("{low: 1, high: 3.0}", Range(1.0, 3.0)),
        ("{low: 0, high: 1, step: 0.1}", Range(0.0, 1.0, step=0.1)),
        ("{low: 1e-4, high: 1, log: true}", Range(1e-4, 1.0, log=True)),
    ],
)
def test_forms(entry: str, domain: Domain) -> None:
    """Every form of an entry gives its domain; whole ends make whole numbers."""
    (definition,) = space(f"a: {entry}").definitions
    assert definition.domain == domain
    assert definition.domain.to_json() == domain.to_json()
    if isinstance(domain, Range) and isinstance(definition.domain, Range):
        assert type(definition.domain.low) is type(domain.low)


def test_conditions() -> None:
    """Branches, `when` and their nesting say when a parameter exists."""
    text = "o: {x: {a: {p: {b: 1}, q: {}}}, z: {c: {value: 1, when: {k: {low: 2}, m: [1, 2]}}}}\n"
    text += "k: [1, 2]\nm: [1, 2, 3]"
    found = {str(each) for each in space(text).definitions}
    assert found == {"o", "k", "m", "a (o=x)", "b (o=x, a=p)", "c (o=z, k>=2, m=1|2)"}


def test_key_follows_the_domain() -> None:
    """The name in a study changes with the domain, and only with it."""
    keys = {str(each): each.key for each in space(BASE).definitions}
    again = {str(each): each.key for each in space(BASE.replace("lstm, gru", "lstm, gru, rnn")).definitions}
    assert {name for name in keys if keys[name] != again[name]} == {"cell"}
    assert keys["learning_rate (optimizer=adamw)"] != keys["learning_rate (optimizer=sgd)"]
    one, two = space("a: {low: 1, high: 2}"), space("a: {low: 1.0, high: 2.0}")
    assert one.definitions[0].key != two.definitions[0].key
    assert keys["cell"].startswith("cell@")
    assert len(keys["cell"]) == len("cell@") + 4
