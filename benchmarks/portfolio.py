"""Learns which configurations of a ready space to try first, and prints what they are worth on a task not learned from.

    python -m benchmarks.portfolio [--space gated_rnn] [--size 16] [--write]

From the half `tuning` of the laboratory (`benchmarks/laboratory`). For each of its tasks a portfolio is learned from
the others; printed is the rank (0 the best, 1 the worst of all that are recorded) of the best of its first 1, 2, 4, ...
configurations, beside the best of as many random ones. With `--write` the portfolio of all tasks becomes the one of the
ready space. What a search gains by it, and on tasks that nothing was learned from, prints `benchmarks.search`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from benchmarks.laboratory import configurations
from benchmarks.laboratory.experience import SIZE, greedy, learned, ranks
from benchmarks.laboratory.records import SPACE, Pool, pools

FOLDER = Path(__file__).resolve().parents[1] / "search_spaces" / "portfolios"
DRAWS = 1000


def rows(known: Mapping[str, Pool], size: int) -> Iterator[str]:
    """The table."""
    numbers, ranks_TC = ranks(known)
    rng = np.random.default_rng(0)
    yield f"{len(numbers)} configurations on {len(known)} tasks; rank of the best of the first, learned on the others"
    sizes = [2**power for power in range(size.bit_length()) if 2**power <= min(size, len(numbers))]
    yield f"{'':<16}" + "".join(f"{count:>8}" for count in sizes)
    found = []
    for at, task in enumerate(known):
        columns = greedy(np.delete(ranks_TC, at, axis=0), size)
        found.append([ranks_TC[at, columns[:count]].min() for count in sizes])
        yield f"{task:<16}" + "".join(f"{rank:>8.3f}" for rank in found[-1])
    yield f"{'mean':<16}" + "".join(f"{rank:>8.3f}" for rank in np.mean(found, axis=0))
    drawn = [rng.permutation(len(numbers)) for _ in range(DRAWS)]
    random = [np.mean([ranks_TC[:, order[:count]].min(axis=1).mean() for order in drawn]) for count in sizes]
    yield f"{'random':<16}" + "".join(f"{rank:>8.3f}" for rank in random)


def text(known: Mapping[str, Pool], size: int, space: str) -> str:
    """The portfolio as a file."""
    numbers, _ = ranks(known)
    source = (
        f"the {size} of {len(numbers)} random configurations of {space} that together rank best on {len(known)} tasks: "
        f"{', '.join(known)}"
    )
    lines = [
        "# What a search of this space tries first, best first: each is good where those before it are not. Learned by",
        f"# `python -m benchmarks.portfolio --space {space} --write`; `portfolio: none` leaves them out.",
        f"source: {json.dumps(source)}",
        "configurations:",
    ]
    for params in learned(known, size, space=space):
        said = ", ".join(f"{name}: {json.dumps(value)}" for name, value in params.items())
        lines.append(f"- {{{said}}}")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Learn, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--space", choices=sorted(configurations.CHANGES), default=SPACE, help="the ready space")
    parser.add_argument("--size", type=int, default=SIZE)
    parser.add_argument("--write", action="store_true", help="make it the ready space's")
    asked = parser.parse_args()
    known = pools("tuning", space=asked.space)
    for line in rows(known, asked.size):
        print(line)
    if asked.write:
        path = FOLDER / f"{asked.space}.yaml"
        path.write_text(text(known, asked.size, asked.space))
        print(f"written: {path}")


if __name__ == "__main__":
    main()
